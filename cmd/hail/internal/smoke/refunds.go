package smoke

import (
	"errors"
	"net/http"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// What is given back of the ride's fare, in minor units: by ops, and then at the
// provider by hand.
const (
	refundByOps  = 120
	refundByHand = 70
)

// refunds gives some of the fare back, both ways.
func (s *session) refunds() {
	s.check("a rider may not refund: 403", func() error {
		return s.refusedCommand(s.rider, "refund", nil, http.StatusForbidden, "forbidden")
	})
	s.check("more than was captured is not refunded: 422", func() error {
		response, err := s.command(s.ops, s.completed.ID, "refund", s.refund(s.completed.Fare.Amount+1))
		if err != nil {
			return err
		}
		return problem(response, http.StatusUnprocessableEntity, "validation-failed")
	})
	s.check("refunded by ops, a part of the fare comes back", func() error {
		if s.completed.ID == "" {
			return errNoBooking
		}
		response, err := s.command(s.ops, s.completed.ID, "refund", s.refund(refundByOps))
		if err != nil {
			return err
		}
		return errors.Join(response.Err(http.StatusAccepted), s.refunded(refundByOps))
	})
	const byHand = "what is refunded at the provider by hand is known soon, by its webhook"
	if s.target.RefundByHand == nil || s.target.Ledger == nil {
		s.note("not checked: %s (the provider cannot be reached from here)", byHand)
		return
	}
	s.check(byHand, func() error {
		if s.completed.ID == "" {
			return errNoBooking
		}
		payments, err := s.target.Ledger(s.ctx, s.completed.ID)
		if err != nil {
			return err
		}
		for _, p := range payments {
			if p.Captured > 0 {
				return errors.Join(s.target.RefundByHand(s.ctx, p.Ref, refundByHand), s.refunded(refundByOps+refundByHand))
			}
		}
		return errors.New("the provider has captured nothing")
	})
}

func (s *session) refund(amount int64) map[string]any {
	return map[string]any{"reason": "A detour.", "amount": api.Money{Amount: amount, Currency: s.completed.Fare.Currency}}
}

// refunded waits until the ride's booking shows what came back so far.
func (s *session) refunded(amount int64) error {
	return s.eventually(func() error {
		response, err := s.rider.Do(s.ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + s.completed.ID})
		if err != nil {
			return err
		}
		var booking api.Booking
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&booking)); err != nil {
			return err
		}
		return errors.Join(
			equal("payment.refunded", booking.Payment.Refunded, api.Money{Amount: amount, Currency: s.completed.Fare.Currency}),
			equal("payment.state", booking.Payment.State, "captured"),
		)
	})
}
