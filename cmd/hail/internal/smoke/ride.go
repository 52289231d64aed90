package smoke

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// quotes checks that a quote is what the booking turned out to cost.
func (s *session) quotes() {
	s.check("a quote tells the fare of the booking and the amount that is held for it", func() error {
		if s.confirmed.Payment.Authorized == nil {
			return errNoBooking
		}
		sample := api.SampleRequest()
		response, err := s.rider.Do(s.ctx, api.Request{
			Method: http.MethodPost, Path: "/v1/quotes",
			Body: api.QuoteRequest{Pickup: sample.Pickup, Dropoff: sample.Dropoff, Product: sample.Product},
		})
		if err != nil {
			return err
		}
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&s.quote)); err != nil {
			return err
		}
		return errors.Join(
			equal("fare", s.quote.Fare, s.booking.Fare),
			equal("hold", s.quote.Breakdown.Hold, *s.confirmed.Payment.Authorized),
			equal("fare by the breakdown", s.fare(s.quote.Breakdown.DistanceM, s.quote.Breakdown.DurationS), s.quote.Fare.Amount),
		)
	})
	s.check("a fare other than the expected one is refused with 409", func() error {
		request := api.SampleRequest()
		request.ExpectedFare = &api.Money{Amount: s.booking.Fare.Amount + 1, Currency: s.booking.Fare.Currency}
		response, err := s.post(s.key+"-fare", request)
		if err != nil {
			return err
		}
		return problem(response, http.StatusConflict, "fare-changed")
	})
}

// fare is what a ride costs by the prices that the quote told, rounded half up.
func (s *session) fare(meters, seconds int64) int64 {
	const scale = 1000 * 60 // meters per kilometer, seconds per minute
	b := s.quote.Breakdown
	scaled := b.Base.Amount*scale + b.PerKM.Amount*meters*60 + b.PerMinute.Amount*seconds*1000
	return max(b.Minimum.Amount, (scaled+scale/2)/scale)
}

// ride takes the confirmed booking from its driver to its end.
func (s *session) ride() {
	s.check("a rider may not assign a driver: 403", func() error {
		return s.refusedCommand(s.rider, "assign", nil, http.StatusForbidden, "forbidden")
	})
	s.check("If-Match with another version is refused with 412", func() error {
		return s.refusedCommand(s.dispatch, "assign", map[string]string{"If-Match": etag(s.confirmed.Version + 1)},
			http.StatusPreconditionFailed, "version-mismatch")
	})
	s.check("dispatch assigns a driver, on the version that If-Match names", s.assign)
	s.check("the list of those that wait for a driver has the booking no more", func() error {
		return s.awaitWaiting(false)
	})
	s.check("a driver on a ride is refused to another booking with 409", func() error {
		other, err := s.confirmedBooking("busy")
		if err != nil {
			return err
		}
		response, err := s.command(s.dispatch, other.ID, "assign", s.driver())
		if err != nil {
			return err
		}
		refused := problem(response, http.StatusConflict, "driver-busy")
		response, err = s.command(s.rider, other.ID, "cancel", reason("The driver is busy."))
		if err != nil {
			return errors.Join(refused, err)
		}
		return errors.Join(refused, response.Err(http.StatusOK))
	})
	s.check("the driver arrives and starts the ride", func() error {
		return errors.Join(s.step("arrive", "driver_arrived"), s.step("start", "in_progress"))
	})
	s.check("a ride longer than quoted costs what the tariff says", s.complete)
}

func (s *session) assign() error {
	if s.confirmed.ID == "" {
		return errNoBooking
	}
	var err error
	if s.assigned, err = s.dispatch.Do(s.ctx, s.assignment()); err != nil {
		return err
	}
	var booking api.Booking
	if err := errors.Join(s.assigned.Err(http.StatusOK), s.assigned.Decode(&booking)); err != nil {
		return err
	}
	if booking.DriverID == nil {
		return errors.New("the booking shows no driver")
	}
	return errors.Join(
		equal("state", booking.State, "driver_assigned"),
		equal("driver_id", *booking.DriverID, s.driver()["driver_id"]),
		equal("version", booking.Version, s.confirmed.Version+1),
		equal("ETag", s.assigned.Header.Get("ETag"), etag(booking.Version)),
		equal("Idempotency-Replayed", s.assigned.Header.Get("Idempotency-Replayed"), ""),
	)
}

// assignment is the one request that is sent twice: before the ride and after it.
func (s *session) assignment() api.Request {
	return api.Request{
		Method: http.MethodPost, Path: "/v1/bookings/" + s.booking.ID + "/assign", Key: s.key + "-assign",
		Header: map[string]string{"If-Match": etag(s.confirmed.Version)}, Body: s.driver(),
	}
}

// driver is one that no other run knows.
func (s *session) driver() map[string]string {
	return map[string]string{"driver_id": "smoke-" + strings.ToLower(s.key)}
}

func reason(text string) map[string]any { return map[string]any{"reason": text} }

func (s *session) step(name, state string) error {
	if s.assigned.Status != http.StatusOK {
		return errNoBooking
	}
	response, err := s.command(s.dispatch, s.booking.ID, name, nil)
	if err != nil {
		return err
	}
	var booking api.Booking
	if err := errors.Join(response.Err(http.StatusOK), response.Decode(&booking)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return equal("state", booking.State, state)
}

func (s *session) complete() error {
	if s.confirmed.Payment.Authorized == nil || s.quote.Fare.Amount == 0 {
		return errNoBooking
	}
	meters, seconds := s.quote.Breakdown.DistanceM+500, s.quote.Breakdown.DurationS+60
	response, err := s.command(s.dispatch, s.booking.ID, "complete", map[string]int64{"distance_m": meters, "duration_s": seconds})
	if err != nil {
		return err
	}
	var booking api.Booking
	if err := errors.Join(response.Err(http.StatusOK), response.Decode(&booking)); err != nil {
		return err
	}
	s.completed = booking
	return errors.Join(
		equal("state", booking.State, "completed"),
		equal("fare", booking.Fare.Amount, min(s.fare(meters, seconds), s.confirmed.Payment.Authorized.Amount)),
	)
}

// rideIsPaid checks what follows from the end of the ride.
func (s *session) rideIsPaid() {
	s.check("after the ride the payment is captured, of exactly the fare", func() error {
		if s.completed.ID == "" {
			return errNoBooking
		}
		paid, err := s.settled(s.completed.ID, "completed", "captured")
		if err != nil {
			return err
		}
		err = equal("captured", paid.Payment.Captured, s.completed.Fare)
		s.completed = paid
		return err
	})
	s.checkView("ride that was paid", &s.completed)
	s.checkCharged()
	s.check("the assignment sent again gets the answer of then, marked as a replay", func() error {
		if s.assigned.Status != http.StatusOK {
			return errNoBooking
		}
		response, err := s.dispatch.Do(s.ctx, s.assignment())
		if err != nil {
			return err
		}
		return errors.Join(
			response.Err(s.assigned.Status),
			ensure(bytes.Equal(response.Body, s.assigned.Body), "another body: %s", response.Body),
			equal("Idempotency-Replayed", response.Header.Get("Idempotency-Replayed"), "true"),
			equal("ETag", response.Header.Get("ETag"), s.assigned.Header.Get("ETag")),
		)
	})
	s.check("the history tells the whole ride, page by page", func() error {
		return s.toldAs("BookingRequested", "PaymentStarted", "PaymentAuthorized", "BookingConfirmed",
			"DriverAssigned", "DriverArrived", "RideStarted", "RideCompleted", "PaymentCaptured")
	})
}

func (s *session) checkCharged() {
	const name = "the provider has captured the fare once, and holds nothing more"
	if s.target.Ledger == nil {
		s.note("not checked: %s (the provider cannot be asked from here)", name)
		return
	}
	s.check(name, func() error {
		if s.completed.ID == "" {
			return errNoBooking
		}
		return s.charged(s.completed.ID, s.completed.Fare)
	})
}
