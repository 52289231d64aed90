package paysim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

var create = []string{"amount=1500", "currency=eur", "capture_method=manual", "payment_method=pm_card_visa"}

func TestAKeyHasOneEffect(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	first := s.mustPost("/v1/payment_intents", "k", create...)
	again := s.mustPost("/v1/payment_intents", "k", create...)
	if again.raw != first.raw {
		t.Errorf("another answer:\n%s\n%s", first.raw, again.raw)
	}
	if got := again.header.Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("Idempotent-Replayed: %q", got)
	}
	if first.header.Get("Idempotent-Replayed") != "" || first.header.Get("Idempotency-Key") != "k" {
		t.Errorf("first answer: %v", first.header)
	}
	if first.header.Get("Request-Id") == again.header.Get("Request-Id") ||
		again.header.Get("Original-Request") != first.header.Get("Request-Id") {
		t.Errorf("request ids: %v then %v", first.header, again.header)
	}
	if n := len(s.server.Ledger().Payments); n != 1 {
		t.Errorf("%d payments", n)
	}
	ops := s.ledger(first.body["id"].(string)).Operations
	if len(ops) != 2 || ops[0].Result != "ok" || ops[1].Result != "replayed" {
		t.Errorf("operations: %+v", ops)
	}
}

func TestAKeyKeepsADecline(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_chargeDeclined")
	first := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k")
	again := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k")
	if first.status != http.StatusPaymentRequired || again.raw != first.raw || again.status != first.status {
		t.Errorf("%d %s\n%d %s", first.status, first.raw, again.status, again.raw)
	}
	if got := again.header.Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("Idempotent-Replayed: %q", got)
	}
}

func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.mustPost("/v1/payment_intents", "k", create...).body["id"].(string)
	for name, path := range map[string]string{
		"other parameters": "/v1/payment_intents", "other endpoint": "/v1/payment_intents/" + id + "/cancel",
	} {
		a := s.mustPost(path, "k", "amount=1501", "currency=eur")
		if a.status != http.StatusBadRequest || a.errorField("type") != "idempotency_error" {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	if got := s.status(id); got != "requires_confirmation" {
		t.Errorf("status %s", got)
	}
	other := s.newClient("sk_test_other")
	if p, err := other.V1PaymentIntents.Retrieve(t.Context(), id, nil); err != nil || p.ID != id {
		t.Errorf("the account's objects are not shared: %v", err)
	}
}

func TestWhatNeverRanIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	if a := s.mustPost("/v1/payment_intents", "k", "amount=1", "currency=eur"); a.status != http.StatusBadRequest {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if a := s.mustPost("/v1/payment_intents", "k", create...); a.status != http.StatusOK {
		t.Errorf("after a validation error: %d %s", a.status, a.raw)
	}
	s.faults(paysim.Rule{Op: paysim.OpCreate, Kind: paysim.KindRateLimit, Times: ptr(int64(1))})
	if a := s.mustPost("/v1/payment_intents", "k2", create...); a.status != http.StatusTooManyRequests {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if a := s.mustPost("/v1/payment_intents", "k2", create...); a.status != http.StatusOK ||
		a.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("after a rate limit: %d %s", a.status, a.raw)
	}
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	first := s.mustPost("/v1/payment_intents", "k", create...)
	s.clock.advance(24*time.Hour - time.Second)
	if a := s.mustPost("/v1/payment_intents", "k", create...); a.raw != first.raw {
		t.Errorf("forgotten too early")
	}
	s.clock.advance(time.Second)
	if a := s.mustPost("/v1/payment_intents", "k", create...); a.status != http.StatusOK || a.raw == first.raw {
		t.Errorf("still remembered: %s", a.raw)
	}
	if n := len(s.server.Ledger().Payments); n != 2 {
		t.Errorf("%d payments", n)
	}
}

// While a call works, its key and its object are taken, and readers see that
// the payment is being processed.
func TestACallUnderWayTakesItsKeyAndItsObject(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_visa")
	path := "/v1/payment_intents/" + id
	s.faults(paysim.Rule{Op: paysim.OpConfirm, Kind: paysim.KindLatency, LatencyMS: ptr(int64(5000)), Times: ptr(int64(1))})
	confirmed := make(chan answer)
	go func() {
		a, _ := s.post(path+"/confirm", "k")
		confirmed <- a
	}()
	release := <-s.waits

	if got := s.status(id); got != "processing" {
		t.Errorf("meanwhile: %s", got)
	}
	same := s.mustPost(path+"/confirm", "k")
	if same.status != http.StatusConflict || same.errorField("code") != "idempotency_key_in_use" ||
		same.header.Get("Stripe-Should-Retry") != "true" {
		t.Errorf("same key: %d %s", same.status, same.raw)
	}
	other := s.mustPost(path+"/cancel", "k2")
	if other.status != http.StatusTooManyRequests || other.errorField("code") != "lock_timeout" ||
		other.header.Get("Stripe-Should-Retry") != "true" || other.header.Get("Retry-After") != "" {
		t.Errorf("other key: %d %s", other.status, other.raw)
	}

	release()
	if a := <-confirmed; a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := s.mustPost(path+"/cancel", "k2"); a.status != http.StatusOK {
		t.Errorf("the refused cancel was remembered: %d %s", a.status, a.raw)
	}
}

// However long a call takes, neither its key nor its hold gets lost meanwhile.
func TestALongCallKeepsWhatItTook(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.held()
	path := "/v1/payment_intents/" + id + "/capture"
	s.faults(paysim.Rule{Op: paysim.OpCapture, Kind: paysim.KindLatency, LatencyMS: ptr(int64(1)), Times: ptr(int64(1))})
	captured := make(chan answer)
	go func() {
		a, _ := s.post(path, "k")
		captured <- a
	}()
	release := <-s.waits
	s.clock.advance(8 * 24 * time.Hour)
	if a := s.mustPost(path, "k"); a.status != http.StatusConflict {
		t.Errorf("same key: %d %s", a.status, a.raw)
	}
	if got := s.status(id); got != "requires_capture" {
		t.Errorf("meanwhile: %s", got)
	}
	release()
	if a := <-captured; a.status != http.StatusOK || a.body["status"] != "succeeded" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
