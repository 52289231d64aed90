package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Store returns a store that tells what becomes of appends: everything that is worth
// counting of bookings and payments is an event, and this is the one way into the log.
func Store(s events.Store) events.Store { return &store{s} }

type store struct{ events.Store }

// recorded are the events that are metrics.
var recorded = map[string]Metric{
	booking.TypeBookingRequested:         BookingsAccepted,
	booking.TypeBookingCanceled:          BookingsCanceled,
	booking.TypeBookingExpired:           BookingsExpired,
	booking.TypeRideCompleted:            RidesCompleted,
	booking.TypePaymentAuthorized:        PaymentsAuthorized,
	booking.TypePaymentDeclined:          PaymentsDeclined,
	booking.TypePaymentCaptured:          PaymentsCaptured,
	booking.TypePaymentVoided:            PaymentsVoided,
	booking.TypePaymentAbandoned:         PaymentsAbandoned,
	booking.TypePaymentRefunded:          PaymentsRefunded,
	booking.TypePaymentFailed:            PaymentsFailed,
	booking.TypePaymentAuthorizationLost: PaymentsFailed,
	booking.TypePaymentRefundFailed:      RefundsFailed,
	booking.TypePaymentDisputed:          PaymentsDisputed,
}

// Load implements events.Store. What is at the beginning of the work on a booking is
// in the log: a hint does not say it.
func (s *store) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	began := s.now(ctx)
	h, err := s.Store.Load(ctx, id)
	Did(ctx, Client, "load", began, err)
	if w := workOf(ctx); w != nil && err == nil {
		w.loaded(id, h)
	}
	return h, err
}

// Append implements events.Store.
func (s *store) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	began := s.now(ctx)
	appended, err := s.Store.Append(ctx, at, d)
	Did(ctx, Client, "append", began, err)
	switch {
	case errors.Is(err, events.ErrConflict):
		Add(ctx, Conflicts, 1)
	case err == nil && !appended.Replayed:
		for _, e := range appended.Commit.Events {
			if metric, ok := recorded[e.Type]; ok {
				Add(ctx, metric, 1)
			}
		}
	}
	return appended, err
}

// now is the time where there is somebody to tell it.
func (s *store) now(ctx context.Context) time.Time {
	if w := workOf(ctx); w != nil {
		return w.run.function.Now()
	}
	return time.Time{}
}

// loaded learns from the log what the work on a booking goes back to.
func (w *work) loaded(id events.StreamID, h events.History) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.origin.CorrelationID != "" || w.origin.BookingID == "" || booking.ID(w.origin.BookingID).Stream() != id {
		return
	}
	w.origin.CorrelationID = h.Trace().CorrelationID
}
