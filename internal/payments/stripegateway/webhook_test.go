package stripegateway_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/paysim"
)

const webhookSecret = "whsec_test"

var sent = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func webhookAt(now time.Time) stripegateway.Webhook {
	return stripegateway.Webhook{Secret: webhookSecret, Tolerance: stripegateway.DefaultTolerance, Now: func() time.Time { return now }}
}

func signed(body string, at time.Time, secret string) string {
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), stripe.ComputeSignature(at, []byte(body), secret))
}

func eventOf(kind, object string) string {
	return fmt.Sprintf(`{"id":"evt_1","object":"event","api_version":"2020-08-27","type":%q,"data":{"object":%s}}`, kind, object)
}

func TestWebhooksAreAboutPayments(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want payments.Notice
	}{
		"payment":              {eventOf("payment_intent.canceled", `{"id":"pi_1","object":"payment_intent","metadata":{"booking_id":"bk_1"}}`), payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"payment of others":    {eventOf("payment_intent.canceled", `{"id":"pi_1","object":"payment_intent","metadata":{}}`), payments.Notice{}},
		"charge":               {eventOf("charge.refunded", `{"id":"ch_1","object":"charge","payment_intent":"pi_1","metadata":{"booking_id":"bk_1"}}`), payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"charge in full":       {eventOf("charge.refunded", `{"id":"ch_1","object":"charge","payment_intent":{"id":"pi_1"},"metadata":{"booking_id":"bk_1"}}`), payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"refund":               {eventOf("refund.failed", `{"id":"re_1","object":"refund","payment_intent":"pi_1","metadata":{"booking_id":"bk_1"}}`), payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"refund by hand":       {eventOf("refund.created", `{"id":"re_1","object":"refund","payment_intent":"pi_1","metadata":null}`), payments.Notice{Ref: "pi_1"}},
		"dispute":              {eventOf("charge.dispute.created", `{"id":"du_1","object":"dispute","payment_intent":"pi_1","charge":"ch_1"}`), payments.Notice{Ref: "pi_1"}},
		"unknown type":         {eventOf("payment_intent.celebrated", `{"id":"pi_1","object":"payment_intent","metadata":{"booking_id":"bk_1"}}`), payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"another object":       {eventOf("customer.created", `{"id":"cus_1","object":"customer","metadata":{"booking_id":"bk_1"}}`), payments.Notice{}},
		"charge of no intent":  {eventOf("charge.refunded", `{"id":"ch_1","object":"charge","payment_intent":null,"metadata":{"booking_id":"bk_1"}}`), payments.Notice{}},
		"a strange id":         {eventOf("payment_intent.canceled", `{"id":"pi_1/../x","object":"payment_intent"}`), payments.Notice{}},
		"of 2015":              {`{"id":"evt_1","object":"event","api_version":"2015-04-07","request":"req_1","created":1630488697,"data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"booking_id":"bk_1"}}}}`, payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"of another version":   {`{"id":7,"object":"event","api_version":null,"created":"2025-10-04T15:13:32Z","livemode":"no","pending_webhooks":"1","request":[],"type":7,"account":{},"data":{"object":{"id":"pi_1","object":"payment_intent","amount":"1","metadata":{"booking_id":"bk_1","n":1}},"previous_attributes":7}}`, payments.Notice{BookingID: "bk_1", Ref: "pi_1"}},
		"a thin event":         {`{"id":"evt_test_1","object":"v2.core.event","type":"v1.payment_intent.succeeded","livemode":false,"created":"2025-10-04T15:13:32.232083866Z","related_object":{"id":"pi_1","type":"payment_intent","url":"/v1/payment_intents/pi_1"}}`, payments.Notice{}},
		"a thin event's data":  {`{"id":"evt_test_1","object":"v2.core.event","data":"x"}`, payments.Notice{}},
		"no payment's fields":  {eventOf("customer.updated", `{"id":7,"object":"customer","payment_intent":7,"metadata":"x"}`), payments.Notice{}},
		"an object of no kind": {eventOf("x", `{"metadata":{"booking_id":1}}`), payments.Notice{}},
		"no object":            {`{"id":"evt_1","object":"event","data":{}}`, payments.Notice{}},
		"no data":              {`{"id":"evt_1","object":"event","type":"payment_intent.canceled"}`, payments.Notice{}},
	} {
		got, err := webhookAt(sent).Parse([]byte(tc.body), signed(tc.body, sent, webhookSecret))
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
}

func TestWebhooksAreSigned(t *testing.T) {
	t.Parallel()
	body := eventOf("payment_intent.canceled", `{"id":"pi_1","object":"payment_intent","metadata":{"booking_id":"bk_1"}}`)
	good := signed(body, sent, webhookSecret)
	for name, tc := range map[string]struct {
		header string
		at     time.Time
		valid  bool
	}{
		"just now":                  {good, sent, true},
		"at the end of the limit":   {good, sent.Add(5*time.Minute - time.Second), true},
		"too old":                   {good, sent.Add(5*time.Minute + time.Second), false},
		"a year old":                {good, sent.AddDate(1, 0, 0), false},
		"by a clock that is behind": {good, sent.Add(-time.Minute), true},
		"with another secret":       {signed(body, sent, "whsec_other"), sent, false},
		"for another body":          {signed(body+" ", sent, webhookSecret), sent, false},
		"while the secret changes":  {signed(body, sent, "whsec_old") + ",v1=" + good[strings.LastIndex(good, "=")+1:], sent, true},
		"twice, joined":             {good + "," + good, sent, true},
		"twice, one forged":         {good + "," + signed(body, sent, "whsec_other"), sent, true},
		"twice, the older too old":  {signed(body, sent.Add(-time.Hour), webhookSecret) + "," + good, sent, true},
		"a new time, old signature": {good + fmt.Sprintf(",t=%d", sent.Add(time.Minute).Unix()), sent, false},
		"in another scheme":         {strings.Replace(good, "v1=", "v0=", 1), sent, false},
		"without a time":            {good[strings.Index(good, ",")+1:], sent, false},
		"with nonsense":             {"t=now,v1=zz", sent, false},
		"not at all":                {"", sent, false},
	} {
		_, err := webhookAt(tc.at).Parse([]byte(body), tc.header)
		if tc.valid && err != nil || !tc.valid && !errors.Is(err, payments.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASignedBodyThatIsNoEvent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "Ada", "null", "{}", `{"object":1}`, `{"object":"event","data":"Ada"}`,
		`{"object":"event","data":{"object":"Ada"}}`, `{"object":"event","data":{"object":{"object":"payment_intent","metadata":{"booking_id":1}}}}`,
		`{"object":"event","data":{"object":{"object":"payment_intent","id":1}}}`, `{"object":"event","data":{"object":{"object":"charge","payment_intent":1}}}`,
	} {
		_, err := webhookAt(sent).Parse([]byte(body), signed(body, sent, webhookSecret))
		if err == nil || errors.Is(err, payments.ErrSignature) || strings.Contains(err.Error(), "Ada") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// The simulator's webhooks are read by the client's own rules, whatever is told: a
// payment, a refund that fails late, a dispute.
func TestWebhooksOfTheSimulator(t *testing.T) {
	t.Parallel()
	got := make(chan payments.Notice, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := stripe.ConstructEvent(body, r.Header.Get("Stripe-Signature"), webhookSecret); err != nil {
			t.Errorf("%v of %s", err, body)
		}
		n, err := webhookAt(time.Now()).Parse(body, r.Header.Get("Stripe-Signature"))
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		got <- n
	}))
	t.Cleanup(receiver.Close)
	sim, err := paysim.New(paysim.Config{Keys: []string{apiKey}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(sim.Close)
	if err := sim.SetWebhook(paysim.Webhook{URL: receiver.URL, Secret: webhookSecret}); err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, stripegateway.Config{BaseURL: server.URL})
	ctx := t.Context()
	p, err := g.Create(ctx, order, "create")
	if err != nil {
		t.Fatal(err)
	}
	next := func(what string, want payments.Notice) {
		t.Helper()
		if n := <-got; n != want {
			t.Errorf("%s: %+v, want %+v", what, n, want)
		}
	}
	ours, anonymous := payments.Notice{BookingID: "bk_1", Ref: p.Ref}, payments.Notice{Ref: p.Ref}
	next("created", ours)
	if _, err = g.Confirm(ctx, p.Ref, "confirm"); err != nil {
		t.Fatal(err)
	}
	next("held", ours)
	if _, err = g.Capture(ctx, p.Ref, 1000, "capture"); err != nil {
		t.Fatal(err)
	}
	next("captured", ours)
	r, err := g.Refund(ctx, payments.RefundOrder{Ref: p.Ref, BookingID: "bk_1", RefundID: "rf_1", Amount: 200}, "refund")
	if err != nil {
		t.Fatal(err)
	}
	next("refund made", ours)
	next("charge refunded", ours)
	sim.FinishRefund(r.ID, "lost_or_stolen_card")
	next("refund failed", ours)
	sim.Dispute(p.Ref, "needs_response")
	next("dispute", anonymous)
	sim.Dispute(p.Ref, "lost")
	next("dispute lost", anonymous)
}
