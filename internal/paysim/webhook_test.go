package paysim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

const webhookSecret = "whsec_1"

// receiver takes webhooks of a simulator. It answers the first failures calls with an error.
func (s *sim) receiver(to paysim.Webhook, failures int64) <-chan stripe.Event {
	s.t.Helper()
	events := make(chan stripe.Event, 100)
	left := &atomic.Int64{}
	left.Store(failures)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if left.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, _ := io.ReadAll(r.Body)
		e, err := stripe.ConstructEvent(body, r.Header.Get("Stripe-Signature"), webhookSecret, stripe.WithIgnoreTolerance())
		if err != nil || r.Host == "" {
			s.t.Errorf("%v of %s", err, body)
		}
		if to.Host != "" && r.Host != to.Host {
			s.t.Errorf("sent to host %s", r.Host)
		}
		events <- e
	}))
	s.t.Cleanup(server.Close)
	to.URL, to.Secret = server.URL, webhookSecret
	if err := s.server.SetWebhook(to); err != nil {
		s.t.Fatal(err)
	}
	return events
}

// kinds reads so many events, and ends the waits of the simulator meanwhile.
func (s *sim) kinds(events <-chan stripe.Event, n int) []string {
	s.t.Helper()
	var kinds []string
	for len(kinds) < n {
		select {
		case e := <-events:
			kinds = append(kinds, string(e.Type))
		case release := <-s.waits:
			release()
		}
	}
	return kinds
}

func TestWebhooksTellWhatHappens(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	events := s.receiver(paysim.Webhook{Host: "api.example"}, 0)
	id := s.taken()
	refund := s.refund(id, "200")
	s.server.FinishRefund(refund, "lost_or_stolen_card")
	s.faults(paysim.Rule{Op: paysim.OpRefund, Kind: paysim.KindPending})
	s.server.FinishRefund(s.refund(id, "300"), "")
	for _, status := range []string{"needs_response", "under_review", "won"} {
		s.server.Dispute(id, status)
	}
	canceled := s.held()
	s.mustPost("/v1/payment_intents/"+canceled+"/cancel", "")
	s.mustPost("/v1/payment_intents/"+s.order("pm_card_chargeDeclined")+"/confirm", "")
	s.held()
	s.clock.advance(8 * 24 * time.Hour)
	s.server.Ledger() // where the simulator finds that the last hold has lapsed
	want := []string{
		"payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.succeeded",
		"refund.created", "charge.refunded", "refund.failed",
		"refund.created", "charge.refunded", "refund.updated",
		"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
		"payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.canceled",
		"payment_intent.created", "payment_intent.payment_failed",
		"payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.canceled",
	}
	if diff := cmp.Diff(want, s.kinds(events, len(want))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWebhooksComeTwiceAndBackwards(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	events := s.receiver(paysim.Webhook{Duplicate: true, Reorder: true}, 0)
	s.taken() // all of it within the wait that the test ends
	got := s.kinds(events, 6)
	want := []string{
		"payment_intent.succeeded", "payment_intent.succeeded",
		"payment_intent.amount_capturable_updated", "payment_intent.amount_capturable_updated",
		"payment_intent.created", "payment_intent.created",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// What fails is sent again, and what fails for long is lost.
func TestWebhooksAreSentAgain(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	events := s.receiver(paysim.Webhook{}, 5)
	s.held()
	// Three attempts at the first event, three at the second.
	if got := s.kinds(events, 1); got[0] != "payment_intent.amount_capturable_updated" {
		t.Errorf("the first event that came is %s", got[0])
	}
	if log := s.log.String(); strings.Count(log, `"error":"status 503"`) != 5 {
		t.Errorf("the log does not tell of five failures:\n%s", log)
	}
}

func TestAWebhookNeedsASecret(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	for body, want := range map[string]int{
		`{"url":"http://127.0.0.1:1/x","secret":""}`:                   400,
		`{"url":"nowhere","secret":"x"}`:                               400,
		`{"url":"http://127.0.0.1:1/x","secret":"x","retries":3}`:      400,
		`{"url":"http://127.0.0.1:1/x","secret":"x","duplicate":true}`: 200,
		`{"url":"","secret":""}`:                                       200,
	} {
		a := s.control(http.MethodPut, "/_control/webhook", body)
		if a.status != want || strings.Contains(a.raw, "secret\":\"x") {
			t.Errorf("%s: %d %s, want %d", body, a.status, a.raw, want)
		}
	}
	s.held() // sends nothing
}
