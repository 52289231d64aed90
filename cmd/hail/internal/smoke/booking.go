package smoke

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// errNoBooking fails the checks that have nothing to look at.
var errNoBooking = errors.New("there is no booking to look at")

func (s *session) openRoutes() {
	s.check("GET /health needs no token and says ok", func() error {
		response, err := api.Client{Base: s.target.API}.Do(s.ctx, api.Request{Method: http.MethodGet, Path: "/health"})
		if err != nil {
			return err
		}
		var health struct{ Status, Payments string }
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&health)); err != nil {
			return err
		}
		return errors.Join(equal("status", health.Status, "ok"), equal("payments", health.Payments, "closed"))
	})
	s.check("GET /openapi.json needs no token and is OpenAPI 3.1", func() error {
		response, err := api.Client{Base: s.target.API}.Do(s.ctx, api.Request{Method: http.MethodGet, Path: "/openapi.json"})
		if err != nil {
			return err
		}
		var document struct{ OpenAPI string }
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&document)); err != nil {
			return err
		}
		if !strings.HasPrefix(document.OpenAPI, "3.1.") {
			return fmt.Errorf("openapi: got %q, want 3.1.x", document.OpenAPI)
		}
		return nil
	})
}

// firstBooking books a ride, and reads it at once.
func (s *session) firstBooking() {
	s.check("POST /v1/bookings answers 201 with Location, ETag and a requested booking", s.book)
	s.check("min_version reads the write before any view has it", s.readOwnWrite)
}

// happyBooking books a ride and follows it until its payment is authorized.
func (s *session) happyBooking() {
	began := time.Now()
	s.firstBooking()
	s.check("the booking becomes confirmed, its payment authorized", func() error {
		if s.booking.ID == "" {
			return errNoBooking
		}
		var err error
		s.confirmed, err = s.settled(s.booking.ID, api.Confirmed, "authorized")
		s.report.Confirmed = time.Since(began)
		return err
	})
	if s.confirmed.ID != "" {
		s.note("POST to confirmed: %.2f s", s.report.Confirmed.Seconds())
	}
	s.checkView("confirmed booking", &s.confirmed)
	s.checkLedger("the provider holds exactly one authorization, of the amount that the booking shows")
}

func (s *session) book() error {
	response, booking, err := s.request(s.key, api.SampleRequest())
	if err != nil {
		return err
	}
	s.created, s.booking = response, booking
	rider, err := api.CallerOf(s.target.Rider)
	return errors.Join(
		err,
		equal("rider_id", booking.RiderID, string(rider.RiderID())),
		equal("state", booking.State, "requested"),
		equal("Location", response.Header.Get("Location"), "/v1/bookings/"+booking.ID),
		equal("ETag", response.Header.Get("ETag"), etag(booking.Version)),
		ensure(booking.Fare.Amount > 0 && booking.Fare.Currency != "", "no fare: %+v", booking.Fare),
	)
}

// request books for the rider, under a key that was not used before.
func (s *session) request(key string, request api.BookingRequest) (api.Response, api.Booking, error) {
	var booking api.Booking
	response, err := s.post(key, request)
	if err != nil {
		return response, booking, err
	}
	if err := errors.Join(response.Err(http.StatusCreated), response.Decode(&booking)); err != nil {
		return response, booking, err
	}
	s.requested = append(s.requested, booking.ID)
	return response, booking, nil
}

func etag(version int64) string { return fmt.Sprintf("\"%d\"", version) }

func (s *session) readOwnWrite() error {
	if s.booking.ID == "" {
		return errNoBooking
	}
	response, err := s.rider.Do(s.ctx, api.Request{
		Method: http.MethodGet, Path: fmt.Sprintf("/v1/bookings/%s?min_version=%d", s.booking.ID, s.booking.Version),
	})
	if err != nil {
		return err
	}
	var read api.Booking
	if err := errors.Join(response.Err(http.StatusOK), response.Decode(&read)); err != nil {
		return err
	}
	if read.Version < s.booking.Version {
		return fmt.Errorf("version %d is older than the %d asked for", read.Version, s.booking.Version)
	}
	response, err = s.rider.Do(s.ctx, api.Request{
		Method: http.MethodGet, Path: fmt.Sprintf("/v1/bookings/%s?min_version=%d", s.booking.ID, 1_000_000),
	})
	if err != nil {
		return err
	}
	return problem(response, http.StatusPreconditionFailed, "version-mismatch")
}

// settled waits until the rider reads the booking in the state, its payment too.
func (s *session) settled(id, state, payment string) (api.Booking, error) {
	var booking api.Booking
	err := s.eventually(func() error {
		response, err := s.rider.Do(s.ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + id})
		if err != nil {
			return err
		}
		booking = api.Booking{}
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&booking)); err != nil {
			return err
		}
		return errors.Join(equal("state", booking.State, state), equal("payment.state", booking.Payment.State, payment))
	})
	return booking, err
}

// checkView looks for the view of the booking as it was read.
func (s *session) checkView(what string, read *api.Booking) {
	if s.target.View == nil {
		s.note("not checked: that the projector wrote the view of the %s (the table cannot be read from here)", what)
		return
	}
	s.check("the projector has written the view of the "+what, func() error {
		if read.ID == "" {
			return errNoBooking
		}
		return s.eventually(func() error {
			version, err := s.target.View(s.ctx, read.ID)
			if err != nil {
				return err
			}
			return ensure(version >= read.Version, "the view has version %d, want %d", version, read.Version)
		})
	})
}

func (s *session) checkLedger(name string) {
	if s.target.Ledger == nil {
		s.note("not checked: %s (the provider cannot be asked from here)", name)
		return
	}
	s.check(name, func() error {
		if s.confirmed.ID == "" {
			return errNoBooking
		}
		payments, err := s.target.Ledger(s.ctx, s.booking.ID)
		if err != nil {
			return err
		}
		held := slices.DeleteFunc(payments, func(p Payment) bool { return p.Authorized == 0 })
		if len(held) != 1 {
			return fmt.Errorf("%d payments were authorized, want 1: %+v", len(held), payments)
		}
		shown := s.confirmed.Payment.Authorized
		if shown == nil {
			return errors.New("the booking shows no authorized amount")
		}
		return errors.Join(
			equal("authorized", held[0].Authorized, shown.Amount),
			equal("currency", held[0].Currency, shown.Currency),
			equal("open hold", held[0].OpenHold, true),
			ensure(shown.Amount >= s.booking.Fare.Amount, "%d is less than the fare of %d", shown.Amount, s.booking.Fare.Amount),
		)
	})
}

// readBack reads the booking where nothing but the log has it.
func (s *session) readBack() {
	s.check("the rider and a dispatcher read the booking from the log, as it was answered", func() error {
		if s.booking.ID == "" {
			return errNoBooking
		}
		for _, client := range []api.Client{s.rider, s.dispatch} {
			response, err := s.get(client, "/v1/bookings/"+s.booking.ID)
			if err != nil {
				return err
			}
			if err := errors.Join(
				response.Err(http.StatusOK), equal("ETag", response.Header.Get("ETag"), etag(s.booking.Version)),
				ensure(bytes.Equal(response.Body, s.created.Body), "another body: %s", response.Body),
			); err != nil {
				return err
			}
		}
		return nil
	})
	s.check("its history has what was requested, without tokens or references of the provider", func() error {
		return s.toldAs("BookingRequested")
	})
}

// repeatedRequest sends the same POST once more, and looks what it did to the payment.
func (s *session) repeatedRequest() {
	s.replay()
	s.checkLedger("and the provider still holds exactly one authorization")
	s.otherBody()
}

// sameAgain is repeatedRequest where there is no payment.
func (s *session) sameAgain() {
	s.replay()
	s.otherBody()
}

func (s *session) replay() {
	s.check("the same POST again gets the same answer, marked as a replay", func() error {
		if s.booking.ID == "" {
			return errNoBooking
		}
		response, err := s.post(s.key, api.SampleRequest())
		if err != nil {
			return err
		}
		return errors.Join(
			response.Err(s.created.Status),
			ensure(bytes.Equal(response.Body, s.created.Body), "another body: %s", response.Body),
			equal("Idempotency-Replayed", response.Header.Get("Idempotency-Replayed"), "true"),
			equal("Idempotency-Replayed of the first", s.created.Header.Get("Idempotency-Replayed"), ""),
			equal("Location", response.Header.Get("Location"), s.created.Header.Get("Location")),
		)
	})
}

func (s *session) otherBody() {
	s.check("the same key with another body is refused with 422", func() error {
		other := api.SampleRequest()
		other.Dropoff.Lat += 0.01
		response, err := s.post(s.key, other)
		if err != nil {
			return err
		}
		return problem(response, http.StatusUnprocessableEntity, "idempotency-key-reused")
	})
}

func (s *session) declinedCard() {
	s.check("a declined card cancels the booking, and nothing is held", func() error {
		request := api.SampleRequest()
		request.PaymentMethod = "pm_card_chargeDeclined"
		_, booking, err := s.request(s.key+"-declined", request)
		if err != nil {
			return err
		}
		booking, err = s.settled(booking.ID, "canceled", "declined")
		if err != nil {
			return err
		}
		if booking.Cancellation == nil || booking.Cancellation.Reason != "payment_declined" {
			return fmt.Errorf("cancellation: got %+v, want the reason payment_declined", booking.Cancellation)
		}
		if s.target.Ledger == nil {
			return nil
		}
		payments, err := s.target.Ledger(s.ctx, booking.ID)
		if err != nil {
			return err
		}
		open := slices.ContainsFunc(payments, func(p Payment) bool { return p.OpenHold || p.Authorized != 0 })
		return ensure(len(payments) > 0 && !open, "the provider has %+v, want one that holds nothing", payments)
	})
}

func (s *session) post(key string, request any) (api.Response, error) {
	return s.rider.Do(s.ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: key, Body: request})
}
