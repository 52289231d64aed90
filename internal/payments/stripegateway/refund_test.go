package stripegateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// listOf is a list as Stripe answers it.
func listOf(objects ...string) string {
	return `{"object":"list","url":"/v1/things","has_more":false,"data":[` + strings.Join(objects, ",") + `]}`
}

func TestRefundsAreRead(t *testing.T) {
	t.Parallel()
	refund := func(fields string) string {
		return `{"id":"re_1","object":"refund","payment_intent":"pi_1","amount":500,"currency":"eur",` + fields + `}`
	}
	charge := `"charge":{"id":"ch_1","object":"charge","amount":2000,"amount_captured":1700,"amount_refunded":300}`
	release := strings.Replace(refund(`"status":"succeeded","metadata":{},`+charge), `"amount":500`, `"amount":300`, 1)
	want := payments.RefundObject{ID: "re_1", Amount: 500, Currency: "EUR", Status: payments.RefundSucceeded}
	with := func(change func(*payments.RefundObject)) []payments.RefundObject {
		r := want
		change(&r)
		return []payments.RefundObject{r}
	}
	for name, tc := range map[string]struct {
		list string
		want []payments.RefundObject
	}{
		"none":              {listOf(), []payments.RefundObject{}},
		"ours":              {listOf(refund(`"status":"succeeded","metadata":{"refund_id":"rf_1"}`)), with(func(r *payments.RefundObject) { r.RefundID = "rf_1" })},
		"by hand":           {listOf(refund(`"status":"succeeded","metadata":{}`)), []payments.RefundObject{want}},
		"pending":           {listOf(refund(`"status":"pending"`)), with(func(r *payments.RefundObject) { r.Status = payments.RefundPending })},
		"waits for a bank":  {listOf(refund(`"status":"requires_action"`)), with(func(r *payments.RefundObject) { r.Status = payments.RefundPending })},
		"failed":            {listOf(refund(`"status":"failed","failure_reason":"lost_or_stolen_card"`)), with(func(r *payments.RefundObject) { r.Status, r.FailureCode = payments.RefundFailed, "lost_or_stolen_card" })},
		"canceled":          {listOf(refund(`"status":"canceled"`)), with(func(r *payments.RefundObject) { r.Status, r.FailureCode = payments.RefundFailed, "canceled" })},
		"a release is none": {listOf(refund(`"status":"succeeded",`+charge), release), []payments.RefundObject{want}},
		"as much as a release, without one": {
			listOf(refund(`"status":"succeeded","charge":{"id":"ch_1","object":"charge","amount":2000,"amount_captured":2000}`)),
			[]payments.RefundObject{want},
		},
		"as much as a release, with our id": {
			listOf(strings.Replace(refund(`"status":"succeeded","metadata":{"refund_id":"rf_1"},`+charge), `"amount":500`, `"amount":300`, 1)),
			with(func(r *payments.RefundObject) { r.RefundID, r.Amount = "rf_1", 300 }),
		},
	} {
		g := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.list) })
		got, err := g.Refunds(t.Context(), "pi_1")
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// A list that is not whole, or not about the payment, must not pass for one without
// refunds: the next step would be to make one.
func TestWhatIsNoListOfRefunds(t *testing.T) {
	t.Parallel()
	const good = `{"id":"re_1","object":"refund","payment_intent":"pi_1","amount":500,"currency":"eur","status":"succeeded"}`
	for name, body := range map[string]string{
		"cut off":         strings.Replace(listOf(good), `"has_more":false`, `"has_more":true`, 1),
		"something else":  `{"object":"charge"}`,
		"nothing":         `{}`,
		"null":            `null`,
		"another type":    listOf(strings.Replace(good, `"object":"refund"`, `"object":"charge"`, 1)),
		"another payment": listOf(strings.Replace(good, "pi_1", "pi_2", 1)),
		"no payment":      listOf(strings.Replace(good, `"payment_intent":"pi_1",`, "", 1)),
		"unknown state":   listOf(strings.Replace(good, "succeeded", "celebrated", 1)),
		"no amount":       listOf(strings.Replace(good, `"amount":500,`, "", 1)),
		"a strange id":    listOf(strings.Replace(good, "re_1", "Ada Lovelace", 1)),
	} {
		g := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := g.Refunds(t.Context(), "pi_1")
		if e := asError(t, err); e.Outcome != resilience.Unknown || strings.Contains(err.Error(), "Ada") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARefundOfAnotherIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another payment": strings.Replace(refunded, "pi_1", "pi_2", 1),
		"another id":      strings.Replace(refunded, "rf_1", "rf_2", 1),
		"no id":           strings.Replace(refunded, `"refund_id":"rf_1"`, `"x":"y"`, 1),
	} {
		g := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := g.Refund(t.Context(), refundOrder, "key-1")
		if e := asError(t, err); e.Outcome != resilience.Unknown {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDisputesAreRead(t *testing.T) {
	t.Parallel()
	list := listOf(
		`{"id":"du_2","object":"dispute","payment_intent":"pi_1","amount":500,"currency":"eur","status":"lost"}`,
		`{"id":"du_1","object":"dispute","payment_intent":{"id":"pi_1"},"amount":200,"currency":"eur","status":"under_review"}`,
	)
	g := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, list) })
	got, err := g.Disputes(t.Context(), "pi_1")
	want := []payments.Dispute{
		{ID: "du_1", Amount: 200, Currency: "EUR", Status: "under_review"}, {ID: "du_2", Amount: 500, Currency: "EUR", Status: "lost"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	p, err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Replace(created, `"status":"requires_confirmation"`,
			`"status":"succeeded","amount_received":2000,"latest_charge":{"id":"ch_1","object":"charge","amount":2000,"amount_captured":2000,"disputed":true}`, 1))
	}).Retrieve(t.Context(), "pi_1")
	if err != nil || !p.Disputed {
		t.Errorf("a disputed charge: %+v, %v", p, err)
	}
}

// Stripe's word on repeating a call, and what the class makes of it.
func TestStripesOwnWordOnRepeating(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status     int
		body, word string
		want       resilience.Class
	}{
		{429, "", "", resilience.Transient},
		{429, "", "true", resilience.Transient},
		{429, "", "false", resilience.Unknown},
		{409, "", "true", resilience.Unknown},
		{409, "", "false", resilience.Unknown},
		{500, "", "true", resilience.Unknown},
		{503, "", "false", resilience.Unknown},
		{400, `{"error":{"type":"invalid_request_error"}}`, "", resilience.Permanent},
		{400, `{"error":{"type":"invalid_request_error"}}`, "false", resilience.Permanent},
		{400, `{"error":{"type":"invalid_request_error"}}`, "true", resilience.Unknown},
		{402, `{"error":{"type":"card_error","code":"card_declined"}}`, "true", resilience.Declined},
	} {
		g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Stripe-Should-Retry", tc.word)
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		})
		_, err := g.Capture(t.Context(), "pi_1", 1, "key-1")
		if e := asError(t, err); e.Outcome != tc.want {
			t.Errorf("%d, %q: %s, want %s", tc.status, tc.word, e.Outcome, tc.want)
		}
	}
}

// A wrong key or address is no booking's fault.
func TestWhoIsRefused(t *testing.T) {
	t.Parallel()
	const said = `{"error":{"type":"invalid_request_error","message":"x"}}`
	for _, tc := range []struct {
		status int
		body   string
		us     bool
	}{
		{401, said, true},
		{403, said, true},
		{403, "<html>", true},
		{404, "<html>", true},
		{405, "", true},
		{404, said, false},
		{400, said, false},
		{402, `{"error":{"type":"card_error","code":"card_declined"}}`, false},
		{500, "<html>", false},
		{429, "", false},
	} {
		g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		})
		for method, call := range calls() {
			if e := asError(t, call(t.Context(), g)); e.Refused != tc.us {
				t.Errorf("%s, %d %s: refused %t", method, tc.status, tc.body, e.Refused)
			}
		}
	}
}
