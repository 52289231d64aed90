package paysim_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

func once(op paysim.Op, kind paysim.Kind) paysim.Rule {
	return paysim.Rule{Op: op, Kind: kind, Times: ptr(int64(1))}
}

func TestError500IsStoredAndHasNoEffect(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_visa")
	s.faults(once(paysim.OpConfirm, paysim.KindError500))
	for i, replayed := range []string{"", "true", "true"} {
		a := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k")
		if a.status != http.StatusInternalServerError || a.errorField("type") != "api_error" ||
			a.header.Get("Stripe-Should-Retry") != "false" || a.header.Get("Idempotent-Replayed") != replayed {
			t.Errorf("answer %d: %d %v %s", i, a.status, a.header, a.raw)
		}
	}
	if got := s.status(id); got != "requires_confirmation" {
		t.Errorf("status %s", got)
	}
	if a := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k2"); a.status != http.StatusOK {
		t.Errorf("with another key: %d %s", a.status, a.raw)
	}
}

func TestRateLimitHasNoEffect(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_visa")
	s.faults(paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindRateLimit, RetryAfterS: ptr(int64(3)), Times: ptr(int64(1))})
	a := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "3" || a.errorField("code") != "rate_limit" {
		t.Errorf("%d %v %s", a.status, a.header, a.raw)
	}
	if a = s.mustPost("/v1/payment_intents/"+id+"/confirm", "k"); a.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", a.status, a.raw)
	}
}

func TestDeclineFaultRefusesAGoodCard(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.faults(once(paysim.OpAny, paysim.KindDecline))
	id := s.order("pm_card_visa") // a create cannot be declined
	a := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k")
	if a.status != http.StatusPaymentRequired || a.errorField("decline_code") != "generic_decline" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind  paysim.Kind
		hangs bool
		want  string
	}{
		{paysim.KindReset, false, "requires_confirmation"},
		{paysim.KindTimeoutBefore, true, "requires_confirmation"},
		{paysim.KindTimeoutAfter, true, "requires_capture"},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			s := newSim(t)
			id := s.order("pm_card_visa")
			s.faults(once(paysim.OpConfirm, tc.kind))
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			result := make(chan error, 1)
			go func() {
				params := &stripe.PaymentIntentConfirmParams{}
				params.SetIdempotencyKey("k")
				_, err := s.client.V1PaymentIntents.Confirm(ctx, id, params)
				result <- err
			}()
			if tc.hangs {
				<-s.waits // it hangs now, and only the client's leaving ends it
				leave()
				for !strings.Contains(s.log.String(), `"status":0`) { // the hanging ends: wait for it
					runtime.Gosched()
				}
			}
			err := <-result
			if e := (*stripe.Error)(nil); err == nil || errors.As(err, &e) {
				t.Errorf("got an answer: %v", err)
			}
			if got := s.status(id); got != tc.want {
				t.Errorf("status %s, want %s", got, tc.want)
			}
			if a := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k"); a.status != http.StatusOK {
				t.Errorf("repeated with the key: %d %s", a.status, a.raw)
			}
			if n := s.server.Stats().Faults[tc.kind]; n != 1 {
				t.Errorf("counted %d faults", n)
			}
		})
	}
}

// A call whose client leaves while the endpoint works has its effect later.
func TestLatencyOutlivesTheClient(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_visa")
	s.faults(paysim.Rule{Op: paysim.OpConfirm, Kind: paysim.KindLatency, LatencyMS: ptr(int64(8000))})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		_, _ = s.client.V1PaymentIntents.Confirm(ctx, id, nil)
		close(left)
	}()
	release := <-s.waits
	leave()
	<-left
	if got := s.status(id); got != "processing" {
		t.Errorf("meanwhile: %s", got)
	}
	release()
	for s.status(id) == "processing" { // the handler runs on by itself: wait for it
	}
	if got := s.status(id); got != "requires_capture" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestCloseEndsHangingCalls(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_visa")
	s.faults(
		once(paysim.OpRetrieve, paysim.KindTimeoutBefore),
		paysim.Rule{Op: paysim.OpConfirm, Kind: paysim.KindLatency, LatencyMS: ptr(int64(1000))},
	)
	failed := make(chan error, 2)
	go func() { _, err := s.do(http.MethodGet, "/v1/payment_intents/"+id, "", "", ""); failed <- err }()
	go func() { _, err := s.post("/v1/payment_intents/"+id+"/confirm", "k"); failed <- err }()
	<-s.waits
	<-s.waits
	s.server.Close()
	for range 2 {
		if err := <-failed; err == nil {
			t.Error("got an answer")
		}
	}
	if got := s.status(id); got != "requires_confirmation" {
		t.Errorf("status %s", got)
	}
	s.faults()
	if a := s.mustPost("/v1/payment_intents/"+id+"/confirm", "k"); a.status != http.StatusOK {
		t.Errorf("the ended call was remembered: %d %s", a.status, a.raw)
	}
}

// The same seed brings the same faults, and rates are met.
func TestRatesAreSeeded(t *testing.T) {
	t.Parallel()
	run := func() string {
		s := newSim(t)
		id := s.order("pm_card_visa")
		s.faults(paysim.Rule{Op: paysim.OpRetrieve, Kind: paysim.KindError500, Rate: ptr(0.3)})
		var drawn strings.Builder
		for range 200 {
			a, err := s.do(http.MethodGet, "/v1/payment_intents/"+id, "", "", "")
			if err != nil {
				t.Fatal(err)
			}
			drawn.WriteByte("01"[a.status/500])
		}
		return drawn.String()
	}
	first := run()
	if again := run(); again != first {
		t.Errorf("another run:\n%s\n%s", first, again)
	}
	if n := strings.Count(first, "1"); n < 40 || n > 80 {
		t.Errorf("%d faults in 200 calls at a rate of 0.3", n)
	}
}
