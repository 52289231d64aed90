package gatewaytest

import (
	"context"
	"errors"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func createHoldsNothing(s *suite) {
	p := s.created(works)
	s.is(p, payment(p.Ref, payments.StatusUnconfirmed))
	if !p.CaptureBefore.IsZero() {
		s.Errorf("a hold until %s", p.CaptureBefore)
	}
}

func confirmHolds(s *suite) {
	p := s.confirmed()
	s.is(p, payment(p.Ref, payments.StatusAuthorized))
	if again := s.retrieved(p.Ref); p.CaptureBefore.IsZero() || !again.CaptureBefore.Equal(p.CaptureBefore) {
		s.Errorf("held until %s, then until %s", p.CaptureBefore, again.CaptureBefore)
	}
	_, err := s.Gateway.Confirm(s.Context(), p.Ref, s.key())
	s.conflicts("confirm again", err)
}

func captureTakesAPart(s *suite) {
	p, err := s.Gateway.Capture(s.Context(), s.confirmed().Ref, 1700, s.key())
	if err != nil {
		s.Fatal(err)
	}
	want := payment(p.Ref, payments.StatusCaptured)
	want.Captured = 1700
	s.is(p, want)
	_, err = s.Gateway.Capture(s.Context(), p.Ref, 300, s.key())
	s.conflicts("capture the rest", err)
	s.is(p, want)
}

func captureIsBounded(s *suite) {
	p := s.confirmed()
	_, err := s.Gateway.Capture(s.Context(), p.Ref, held+1, s.key())
	s.fails("capture too much", err, resilience.Permanent)
	s.is(p, payment(p.Ref, payments.StatusAuthorized))
}

func captureNeedsAHold(s *suite) {
	p := s.created(works)
	_, err := s.Gateway.Capture(s.Context(), p.Ref, held, s.key())
	s.conflicts("capture", err)
	s.is(p, payment(p.Ref, payments.StatusUnconfirmed))
}

func cancelReleasesAndFences(s *suite) {
	p, err := s.Gateway.Cancel(s.Context(), s.confirmed().Ref, s.key())
	if err != nil {
		s.Fatal(err)
	}
	s.fenced(p)
}

func cancelFencesUnconfirmed(s *suite) {
	p, err := s.Gateway.Cancel(s.Context(), s.created(works).Ref, s.key())
	if err != nil {
		s.Fatal(err)
	}
	s.fenced(p)
}

// fenced checks that nothing moves a canceled payment any more.
func (s *suite) fenced(p payments.Payment) {
	s.Helper()
	_, err := s.Gateway.Confirm(s.Context(), p.Ref, s.key())
	s.conflicts("confirm", err)
	_, err = s.Gateway.Capture(s.Context(), p.Ref, held, s.key())
	s.conflicts("capture", err)
	_, err = s.Gateway.Cancel(s.Context(), p.Ref, s.key())
	s.conflicts("cancel again", err)
	s.is(p, payment(p.Ref, payments.StatusCanceled))
}

func cancelLeavesCaptured(s *suite) {
	p, err := s.Gateway.Capture(s.Context(), s.confirmed().Ref, held, s.key())
	if err != nil {
		s.Fatal(err)
	}
	_, err = s.Gateway.Cancel(s.Context(), p.Ref, s.key())
	s.conflicts("cancel", err)
	want := payment(p.Ref, payments.StatusCaptured)
	want.Captured = held
	s.is(p, want)
}

func declineThenCancel(s *suite) {
	ref := s.created(declines).Ref
	_, err := s.Gateway.Confirm(s.Context(), ref, s.key())
	if e := s.failure("confirm", err, resilience.Declined); e.Code != "card_declined" || e.Replayed {
		s.Errorf("code %s, replayed %t", e.Code, e.Replayed)
	}
	want := payment(ref, payments.StatusUnconfirmed)
	want.DeclineCode = "insufficient_funds"
	s.is(s.retrieved(ref), want)
	_, err = s.Gateway.Confirm(s.Context(), ref, s.key())
	s.conflicts("confirm again", err)

	p, err := s.Gateway.Cancel(s.Context(), ref, s.key())
	if err != nil {
		s.Fatalf("cancel: %v", err)
	}
	want.Status = payments.StatusCanceled
	s.is(p, want)
}

func requiredActionIsADecline(s *suite) {
	ref := s.created(challenges).Ref
	_, err := s.Gateway.Confirm(s.Context(), ref, s.key())
	if e := s.failure("confirm", err, resilience.Declined); e.Code != "authentication_required" {
		s.Errorf("code %s", e.Code)
	}
	want := payment(ref, payments.StatusUnconfirmed)
	want.DeclineCode = "authentication_required"
	s.is(s.retrieved(ref), want)
}

func unknownMethodIsADecline(s *suite) {
	for _, method := range []string{"pm_nobody", "card_1", "4242424242424242"} {
		_, err := s.Gateway.Create(s.Context(), order(method), s.key())
		s.fails(method, err, resilience.Declined)
	}
}

func keyHasOneEffect(s *suite) {
	ctx := s.Context()
	var ref string
	for _, step := range []func() (payments.Payment, error){
		func() (payments.Payment, error) { return s.Gateway.Create(ctx, order(works), "create") },
		func() (payments.Payment, error) { return s.Gateway.Confirm(ctx, ref, "confirm") },
		func() (payments.Payment, error) { return s.Gateway.Capture(ctx, ref, 1700, "capture") },
	} {
		first, err := step()
		if err != nil {
			s.Fatal(err)
		}
		ref = first.Ref
		again, err := step()
		first.Replayed = true // which the second time is
		if err != nil || again != first {
			s.Errorf("first %+v\nagain %+v, %v", first, again, err)
		}
	}
	want := payment(ref, payments.StatusCaptured)
	want.Captured = 1700
	s.is(s.retrieved(ref), want)

	ref = s.created(works).Ref
	for range 2 {
		p, err := s.Gateway.Cancel(ctx, ref, "cancel")
		if err != nil {
			s.Fatal(err)
		}
		s.is(p, payment(ref, payments.StatusCanceled))
	}
	// A replay is what was true then, not what is true now.
	p, err := s.Gateway.Create(ctx, order(works), "create")
	if err != nil || p.Status != payments.StatusUnconfirmed || !p.Replayed {
		s.Errorf("create replayed at the end: %+v, %v", p, err)
	}
}

func keyKeepsADecline(s *suite) {
	ref := s.created(declines).Ref
	_, first := s.Gateway.Confirm(s.Context(), ref, "confirm")
	s.fails("confirm", first, resilience.Declined)
	_, again := s.Gateway.Confirm(s.Context(), ref, "confirm")
	if e := s.failure("confirm again", again, resilience.Declined); !e.Replayed {
		s.Errorf("not marked as replayed: %+v", e)
	}
}

func keyIsForOneRequest(s *suite) {
	ctx := s.Context()
	p, err := s.Gateway.Create(ctx, order(works), "key")
	if err != nil {
		s.Fatal(err)
	}
	other := order(works)
	other.Amount++
	_, err = s.Gateway.Create(ctx, other, "key")
	s.fails("another amount", err, resilience.Permanent)
	_, err = s.Gateway.Confirm(ctx, p.Ref, "key")
	s.fails("another method", err, resilience.Permanent)
	s.is(p, payment(p.Ref, payments.StatusUnconfirmed))
}

func keyIsForgotten(s *suite) {
	first, err := s.Gateway.Create(s.Context(), order(works), "key")
	if err != nil {
		s.Fatal(err)
	}
	s.Advance(25 * time.Hour)
	again, err := s.Gateway.Create(s.Context(), order(works), "key")
	if err != nil || again.Ref == first.Ref {
		s.Errorf("%s, then %s, %v", first.Ref, again.Ref, err)
	}
}

func holdLapses(s *suite) {
	p := s.confirmed()
	s.Advance(30 * 24 * time.Hour)
	_, err := s.Gateway.Capture(s.Context(), p.Ref, held, s.key())
	s.conflicts("capture", err)
	s.is(s.retrieved(p.Ref), payment(p.Ref, payments.StatusCanceled))
}

func unknownObject(s *suite) {
	errs := s.each(s.Context(), "pi_nobody")
	delete(errs, "create")
	for method, err := range errs {
		s.fails(method, err, resilience.Permanent)
	}
}

func badInput(s *suite) {
	ctx := s.Context()
	for name, bend := range map[string]func(*payments.Order){
		"no booking":      func(o *payments.Order) { o.BookingID = "" },
		"no amount":       func(o *payments.Order) { o.Amount = 0 },
		"negative amount": func(o *payments.Order) { o.Amount = -1 },
		"tiny amount":     func(o *payments.Order) { o.Amount = 10 },
		"huge amount":     func(o *payments.Order) { o.Amount = 1_000_000_000 },
		"no currency":     func(o *payments.Order) { o.Currency = "" },
		"bad currency":    func(o *payments.Order) { o.Currency = "E1R" },
		"no method":       func(o *payments.Order) { o.Method = "" },
	} {
		o := order(works)
		bend(&o)
		_, err := s.Gateway.Create(ctx, o, s.key())
		s.fails(name, err, resilience.Permanent)
	}
	_, err := s.Gateway.Create(ctx, order(works), "")
	s.fails("create without a key", err, resilience.Permanent)

	p := s.confirmed()
	for _, amount := range []int64{0, -1} {
		_, err = s.Gateway.Capture(ctx, p.Ref, amount, s.key())
		s.fails("capture nothing", err, resilience.Permanent)
	}
	_, err = s.Gateway.Capture(ctx, p.Ref, held, "")
	s.fails("capture without a key", err, resilience.Permanent)
	_, err = s.Gateway.Cancel(ctx, p.Ref, "")
	s.fails("cancel without a key", err, resilience.Permanent)
	for name, o := range map[string]payments.RefundOrder{
		"no amount": refundOf(p.Ref, 0), "negative amount": refundOf(p.Ref, -1), "no id": {Ref: p.Ref, BookingID: "bk_1", Amount: 1},
	} {
		_, err = s.Gateway.Refund(ctx, o, s.key())
		s.fails("refund with "+name, err, resilience.Permanent)
	}
	_, err = s.Gateway.Refund(ctx, refundOf(p.Ref, 1), "")
	s.fails("refund without a key", err, resilience.Permanent)
	_, err = s.Gateway.Confirm(ctx, p.Ref, "")
	s.fails("confirm without a key", err, resilience.Permanent)
	for method, err := range s.each(ctx, "") {
		if method != "create" {
			s.fails(method+" without a ref", err, resilience.Permanent)
		}
	}
	s.is(p, payment(p.Ref, payments.StatusAuthorized))
}

func endedContext(s *suite) {
	p := s.confirmed()
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	for method, err := range s.each(ctx, p.Ref) {
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v does not tell that the context was canceled", method, err)
		}
		s.fails(method, err, resilience.Transient) // it was over before: nothing was sent
	}
	s.is(p, payment(p.Ref, payments.StatusAuthorized))
}
