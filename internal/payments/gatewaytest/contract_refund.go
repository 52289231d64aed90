package gatewaytest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func refundOf(ref string, amount int64) payments.RefundOrder {
	return payments.RefundOrder{Ref: ref, BookingID: "bk_1", RefundID: "rf_1", Amount: amount}
}

// captured is a payment of which amount was taken.
func (s *suite) captured(amount int64) payments.Payment {
	s.Helper()
	p, err := s.Gateway.Capture(s.Context(), s.confirmed().Ref, amount, s.key())
	if err != nil {
		s.Fatalf("capture: %v", err)
	}
	return p
}

func (s *suite) refunded(o payments.RefundOrder) payments.RefundObject {
	s.Helper()
	r, err := s.Gateway.Refund(s.Context(), o, s.key())
	if err != nil {
		s.Fatalf("refund: %v", err)
	}
	return r
}

// refundsAre compares what is listed, and its sum in the payment.
func (s *suite) refundsAre(ref string, want ...payments.RefundObject) {
	s.Helper()
	got, err := s.Gateway.Refunds(s.Context(), ref)
	if err != nil {
		s.Fatalf("list refunds: %v", err)
	}
	if diff := cmp.Diff(append([]payments.RefundObject{}, want...), got); diff != "" {
		s.Errorf("refunds (-want +got):\n%s", diff)
	}
	var sum int64
	for _, r := range want {
		if r.Status != payments.RefundFailed {
			sum += r.Amount
		}
	}
	if p := s.retrieved(ref); p.Refunded != sum || p.Status != payments.StatusCaptured {
		s.Errorf("%d refunded of what is %s, want %d", p.Refunded, p.Status, sum)
	}
}

func refundGivesBack(s *suite) {
	p := s.captured(1700)
	s.refundsAre(p.Ref) // what the capture released is none
	first := s.refunded(refundOf(p.Ref, 500))
	want := payments.RefundObject{ID: first.ID, RefundID: "rf_1", Amount: 500, Currency: "EUR", Status: payments.RefundSucceeded}
	if diff := cmp.Diff(want, first); diff != "" || first.ID == "" {
		s.Errorf("refund (-want +got):\n%s", diff)
	}
	_, err := s.Gateway.Refund(s.Context(), refundOf(p.Ref, 1201), s.key())
	s.fails("refund more than is left", err, resilience.Permanent)
	s.refundsAre(p.Ref, first)
	second := s.refunded(payments.RefundOrder{Ref: p.Ref, BookingID: "bk_1", RefundID: "rf_2", Amount: 1200})
	_, err = s.Gateway.Refund(s.Context(), refundOf(p.Ref, 1), s.key())
	s.fails("refund of nothing", err, resilience.Permanent)
	s.refundsAre(p.Ref, first, second)
}

func refundNeedsACapture(s *suite) {
	for _, ref := range []string{s.created(works).Ref, s.confirmed().Ref} {
		_, err := s.Gateway.Refund(s.Context(), refundOf(ref, 500), s.key())
		s.conflicts("refund", err)
	}
}

// Two refunds differ by their keys alone: nothing else keeps the second from being
// carried out.
func refundKeyHasOneEffect(s *suite) {
	ref := s.captured(1700).Ref
	var made []payments.RefundObject
	for range 2 {
		r, err := s.Gateway.Refund(s.Context(), refundOf(ref, 500), "refund")
		if err != nil {
			s.Fatal(err)
		}
		made = append(made, r)
	}
	if !made[1].Replayed || made[0].ID != made[1].ID {
		s.Errorf("first %+v\nagain %+v", made[0], made[1])
	}
	s.refundsAre(ref, made[0])
	s.refundsAre(ref, made[0], s.refunded(refundOf(ref, 500)))
}

func refundIsPending(s *suite) {
	ref := s.captured(1700).Ref
	s.Provider.DelayRefund()
	r := s.refunded(refundOf(ref, 500))
	if r.Status != payments.RefundPending {
		s.Errorf("the refund is %s", r.Status)
	}
	s.refundsAre(ref, r)
	if !s.Provider.FinishRefund(r.ID, "") {
		s.Error("nothing changed")
	}
	r.Status = payments.RefundSucceeded
	s.refundsAre(ref, r)

	s.Provider.DelayRefund()
	failed := s.refunded(payments.RefundOrder{Ref: ref, BookingID: "bk_1", RefundID: "rf_2", Amount: 100})
	s.Provider.FinishRefund(failed.ID, "lost_or_stolen_card")
	failed.Status, failed.FailureCode = payments.RefundFailed, "lost_or_stolen_card"
	s.refundsAre(ref, r, failed)
}

func refundFailsLate(s *suite) {
	ref := s.captured(1700).Ref
	r := s.refunded(refundOf(ref, 1700))
	s.Provider.FinishRefund(r.ID, "expired_or_canceled_card")
	r.Status, r.FailureCode = payments.RefundFailed, "expired_or_canceled_card"
	s.refundsAre(ref, r)
	if s.Provider.FinishRefund(r.ID, "") {
		s.Error("a failed refund succeeded")
	}
	s.refundsAre(ref, r, s.refunded(payments.RefundOrder{Ref: ref, BookingID: "bk_1", RefundID: "rf_2", Amount: 1700}))
}

func refundByHand(s *suite) {
	ref := s.captured(1000).Ref
	byHand, err := s.Provider.RefundByHand(ref, 1000) // as much as the capture released
	if err != nil {
		s.Fatal(err)
	}
	s.refundsAre(ref, payments.RefundObject{ID: byHand.ID, Amount: 1000, Currency: "EUR", Status: payments.RefundSucceeded})
}

func disputes(s *suite) {
	ref := s.captured(1700).Ref
	look := func(want ...payments.Dispute) {
		s.Helper()
		got, err := s.Gateway.Disputes(s.Context(), ref)
		if diff := cmp.Diff(append([]payments.Dispute{}, want...), got); diff != "" || err != nil {
			s.Errorf("disputes: %v (-want +got):\n%s", err, diff)
		}
		if p := s.retrieved(ref); p.Disputed != (len(want) > 0) {
			s.Errorf("disputed: %t", p.Disputed)
		}
	}
	look()
	id := s.Provider.Dispute(ref, "needs_response")
	look(payments.Dispute{ID: id, Amount: 1700, Currency: "EUR", Status: "needs_response"})
	s.Provider.Dispute(ref, "lost")
	look(payments.Dispute{ID: id, Amount: 1700, Currency: "EUR", Status: "lost"})
}

// A provider may remember its own outage under a key: the same call fails for ever,
// or until the key is forgotten, while another key works.
func storedFailures(s *suite) {
	for op, prepared := range map[Op]func() func(key string) error{
		Create: func() func(string) error {
			return func(key string) error { _, err := s.Gateway.Create(s.Context(), order(works), key); return err }
		},
		Confirm: func() func(string) error {
			ref := s.created(works).Ref
			return func(key string) error { _, err := s.Gateway.Confirm(s.Context(), ref, key); return err }
		},
		Capture: func() func(string) error {
			ref := s.confirmed().Ref
			return func(key string) error { _, err := s.Gateway.Capture(s.Context(), ref, held, key); return err }
		},
		Cancel: func() func(string) error {
			ref := s.confirmed().Ref
			return func(key string) error { _, err := s.Gateway.Cancel(s.Context(), ref, key); return err }
		},
		Refund: func() func(string) error {
			ref := s.captured(held).Ref
			return func(key string) error { _, err := s.Gateway.Refund(s.Context(), refundOf(ref, 500), key); return err }
		},
	} {
		later, call := prepared(), prepared()
		oldKey, key := s.key(), s.key()
		s.Provider.StoreFailure(op)
		if e := s.failure(string(op), later(oldKey), resilience.Unknown); e.Replayed || e.KeySpent() || e.Neutral() {
			s.Errorf("%s: %+v", op, e)
		}
		s.Provider.StoreFailure(op)
		s.fails(string(op), call(key), resilience.Unknown)
		if e := s.failure(string(op)+" again", call(key), resilience.Unknown); !e.Replayed || !e.KeySpent() || !e.Neutral() {
			s.Errorf("%s: %+v", op, e)
		}
		if err := call(s.key()); err != nil {
			s.Errorf("%s with another key: %v", op, err)
		}
		s.Advance(25 * time.Hour)
		if err := later(oldKey); err != nil {
			s.Errorf("%s with a forgotten key: %v", op, err)
		}
	}
}
