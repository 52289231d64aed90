package smoke

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// abortFee is what the aborted booking costs, in minor units: more than any provider's least, less than any fare.
const abortFee = 100

// earlyEnds ends bookings before their ride. The driver is the one of the ride: each end must set the driver free.
func (s *session) earlyEnds() {
	s.check("canceled by its rider in time, a booking costs nothing, and nothing is held", func() error {
		booking, err := s.driverOnTheWay("canceled")
		if err != nil {
			return err
		}
		response, err := s.command(s.rider, booking.ID, "cancel", reason("I walk."))
		if err != nil {
			return err
		}
		if err := response.Err(http.StatusOK); err != nil {
			return err
		}
		return s.endedBy(booking, "voided", "rider", "I walk.", 0)
	})
	s.check("a booking that has ended takes no more commands: 409", func() error {
		return s.refusedCommand(s.dispatch, "arrive", nil, http.StatusConflict, "invalid-state")
	})
	s.check("a rider may not abort: 403", func() error {
		return s.refusedCommand(s.rider, "abort", nil, http.StatusForbidden, "forbidden")
	})
	s.check("aborted by ops for a fee, a booking costs exactly the fee", func() error {
		booking, err := s.driverOnTheWay("aborted")
		if err != nil {
			return err
		}
		response, err := s.command(s.ops, booking.ID, "abort", map[string]any{
			"reason": "The road is closed.", "fee": api.Money{Amount: abortFee, Currency: booking.Fare.Currency},
		})
		if err != nil {
			return err
		}
		if err := response.Err(http.StatusAccepted); err != nil {
			return err
		}
		return s.endedBy(booking, "captured", "ops", "The road is closed.", abortFee)
	})
}

// driverOnTheWay books for the rider and assigns the driver, who must be free by then.
func (s *session) driverOnTheWay(key string) (api.Booking, error) {
	booking, err := s.confirmedBooking(key)
	if err != nil {
		return booking, err
	}
	response, err := s.command(s.dispatch, booking.ID, "assign", s.driver())
	if err != nil {
		return booking, err
	}
	return booking, response.Err(http.StatusOK)
}

// confirmedBooking books once more for the rider.
func (s *session) confirmedBooking(key string) (api.Booking, error) {
	_, booking, err := s.request(s.key+"-"+key, api.SampleRequest())
	if err != nil {
		return booking, err
	}
	return s.settled(booking.ID, api.Confirmed, "authorized")
}

// endedBy waits until a canceled booking's payment is settled as wanted.
func (s *session) endedBy(booking api.Booking, payment, by, reason string, fee int64) error {
	ended, err := s.settled(booking.ID, "canceled", payment)
	if err != nil {
		return err
	}
	if ended.Cancellation == nil {
		return errors.New("the booking shows no cancellation")
	}
	owed := api.Money{Amount: fee, Currency: booking.Fare.Currency}
	err = errors.Join(
		equal("cancellation.by", ended.Cancellation.By, by),
		equal("cancellation.reason", ended.Cancellation.Reason, reason),
		equal("cancellation.fee", ended.Cancellation.Fee, owed),
		equal("payment.captured", ended.Payment.Captured, owed),
	)
	if s.target.Ledger == nil {
		return err
	}
	return errors.Join(err, s.charged(booking.ID, owed))
}

// charged expects the provider to have captured the amount for a booking in one
// payment, and to hold nothing more.
func (s *session) charged(id string, amount api.Money) error {
	payments, err := s.target.Ledger(s.ctx, id)
	if err != nil {
		return err
	}
	held := slices.DeleteFunc(slices.Clone(payments), func(p Payment) bool { return p.Authorized == 0 })
	if len(held) != 1 || slices.ContainsFunc(payments, func(p Payment) bool { return p.OpenHold }) {
		return fmt.Errorf("the provider has %+v, want one payment and no open hold", payments)
	}
	return equal("captured", api.Money{Amount: held[0].Captured, Currency: held[0].Currency}, amount)
}

// command gives a command on a booking. It is of one booking, so its name makes the key.
func (s *session) command(client api.Client, id, name string, body any) (api.Response, error) {
	return client.Do(s.ctx, api.Request{
		Method: http.MethodPost, Path: "/v1/bookings/" + id + "/" + name, Key: s.key + "-" + name, Body: body,
	})
}

// refusedCommand expects a command on the first booking to be refused.
func (s *session) refusedCommand(client api.Client, name string, header map[string]string, status int, code string) error {
	if s.confirmed.ID == "" {
		return errNoBooking
	}
	request := api.Request{
		Method: http.MethodPost, Path: "/v1/bookings/" + s.booking.ID + "/" + name, Key: s.key + "-refused", Header: header,
	}
	switch name {
	case "assign":
		request.Body = s.driver()
	case "refund", "abort":
		request.Body = reason("No.")
	}
	response, err := client.Do(s.ctx, request)
	if err != nil {
		return err
	}
	return problem(response, status, code)
}
