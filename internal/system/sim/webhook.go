package sim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// Faults of webhooks.
const (
	unsolicited   fault = "unsolicited" // about what the product did itself
	noticeLost    fault = "webhook lost"
	noticeDoubled fault = "webhook doubled"
	noticeDelayed fault = "webhook delayed"
	noticeForged  fault = "webhook forged"
)

func webhookPart() part {
	return part{
		faults: odds{unsolicited: 0.3, noticeLost: 0.3, noticeDoubled: 0.3, noticeDelayed: 0.5, noticeForged: 0.3},
		wire: func(w *World) error {
			w.postman = w.sched.newTask("postman", nil)
			w.sched.start(w.postman, w.sendWebhooks)
			return nil
		},
	}
}

// Who signs webhooks.
const (
	theProvider = "whsec_of_a_world"
	somebody    = "whsec_of_somebody"
)

// notices is what an environment of the booking function does with webhooks.
func (w *World) notices(env *environment) httpapi.Notices {
	hook := stripegateway.Webhook{Secret: theProvider, Tolerance: stripegateway.DefaultTolerance, Now: env.now}
	return httpapi.Notices{
		Parse: func(_ context.Context, body []byte, signature string) (payments.Notice, error) {
			return hook.Parse(body, signature)
		},
		Hints: owedSender{w},
	}
}

// owedSender sends to a queue that is wired later than the booking function.
type owedSender struct{ *World }

// Send implements queue.Sender.
func (s owedSender) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	return sender{s.owed}.Send(ctx, hints)
}

// notice has a webhook sent about an object.
func (w *World) notice(ref string) {
	w.news = append(w.news, ref)
	w.wake(w.postman)
}

// sendWebhooks sends what there is, for as long as the world lasts.
func (w *World) sendWebhooks(t *task) {
	for {
		for _, ref := range w.news {
			w.sendWebhook(ref)
		}
		w.news = nil
		w.sched.park(t, never)
	}
}

// sendWebhook sends a webhook once, twice, late, or not at all. Which comes first is
// for the world to say.
func (w *World) sendWebhook(ref string) {
	if w.strikes(noticeLost, "webhooks") {
		return
	}
	times := 1
	if w.strikes(noticeDoubled, "webhooks") {
		times = 2
	}
	for range times {
		var delay time.Duration
		if w.strikes(noticeDelayed, "webhooks") {
			delay = time.Duration(1+w.src.pick("webhook delayed", 90)) * time.Minute
		}
		w.sched.start(w.sched.newTask("webhook", nil), func(t *task) {
			w.sched.park(t, time.Now().Add(delay))
			w.deliver(t, ref)
		})
	}
}

// deliver sends a webhook until it is taken, or for a few hours.
func (w *World) deliver(t *task, ref string) {
	const attempts = 5
	for attempt := range attempts {
		signer := theProvider
		if w.strikes(noticeForged, "webhooks") {
			signer = somebody
		}
		x := &exchange{client: t}
		w.post(x, ref, signer)
		w.sched.park(t, time.Now().Add(29*time.Second))
		x.client = nil
		if x.answer.ok() {
			w.reach(webhookWasTaken)
			return
		}
		w.sched.park(t, time.Now().Add(time.Minute<<(2*attempt)))
	}
}

// post makes one attempt, and judges its answer.
func (w *World) post(x *exchange, ref, signer string) {
	api := w.apis[w.src.pick("environment of webhooks", len(w.apis))]
	body := w.webhook(ref)
	sent := time.Now()
	signature := signed(body, sent, signer)
	w.invoke(api.environment, apiTimeout, func(ctx context.Context, inv *invocation) {
		ctx = httpapi.WithRequest(ctx, httpapi.Request{ID: "req-hook", Trace: events.Trace{CorrelationID: "req-hook"}})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "/v1/webhooks/stripe", strings.NewReader(body))
		if err != nil {
			w.fail("requests can be made", "", "%v", err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Stripe-Signature", signature)
		a := answer{header: http.Header{}}
		api.ServeHTTP(&a, req)
		if inv.dead {
			return
		}
		w.tell(w.oracle.bookingOf(ref), "%s takes a webhook about %s: %d", taskOf(ctx).name, ref, a.status)
		w.oracle.tookWebhook(signer == theProvider, api.now().Sub(sent), a)
		x.answer = a
	}, func(alive bool) {
		if !alive {
			x.answer = answer{status: http.StatusBadGateway}
		}
		if x.client != nil {
			w.wake(x.client)
		}
	})
}

// signed is the signature of a webhook, by Stripe's scheme v1.
func signed(body string, at time.Time, signer string) string {
	mac := hmac.New(sha256.New, []byte(signer))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), mac.Sum(nil))
}

// webhook is an event about an object: one that shows it, or a dispute, which names it
// alone.
func (w *World) webhook(ref string) string {
	if w.src.pick("webhook shows", 2) == 1 {
		return fmt.Sprintf(`{"id":"evt_2","object":"event","type":"charge.dispute.updated","data":{"object":{"id":"dp_1","object":"dispute","payment_intent":%q}}}`, ref)
	}
	return fmt.Sprintf(`{"id":"evt_1","object":"event","type":"payment_intent.updated","data":{"object":{"id":%q,"object":"payment_intent","metadata":{"booking_id":%q}}}}`,
		ref, w.oracle.bookingOf(ref))
}

// tookWebhook judges the answer to a webhook: one that was not signed by the provider
// is refused, and one that was is taken, unless something failed.
func (o *oracle) tookWebhook(signed bool, age time.Duration, a answer) {
	o.src.mix(uint64(a.status)) //nolint:gosec // an HTTP status
	old := age > stripegateway.DefaultTolerance-time.Second
	switch {
	case a.status == http.StatusServiceUnavailable:
	case a.ok() && !signed:
		o.fail("8: only the provider is believed", "", "a forged webhook was answered with %d", a.status)
	case a.status == http.StatusBadRequest && (!signed || old):
		o.reach(webhookWasRefused)
	case !a.ok():
		o.fail("a webhook is taken", "", "%d %s", a.status, a.body)
	}
}
