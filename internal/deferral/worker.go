package deferral

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

const (
	// enough receives of a message: what interrupted the function twice is not tried a
	// third time on the same message, which would be on its way to the dead letters.
	enough = 3
	// margin is kept free before the deadline of the invocation, to write an item.
	margin = 2 * time.Second
	// lookLimit bounds the look at the log on behalf of a message that keeps coming.
	lookLimit = 5 * time.Second
)

// FirstDelay is how long work waits before it is tried for the first time again: up
// to half a minute.
func FirstDelay(random func() float64) resilience.Backoff {
	return resilience.Backoff{Base: 30 * time.Second, Cap: 30 * time.Second, Rand: random}
}

// Deferred is the message about work that was put off. A metric is made from it.
const Deferred = "payment deferred"

// Payments does the work: payments.Processor.
type Payments interface {
	Process(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error)
	Reconcile(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error)
	// BookingOf returns the booking that the provider's object was made for, if any.
	BookingOf(ctx context.Context, ref string) (booking.ID, error)
}

// Bookings reads the log: booking.Service.
type Bookings interface {
	Load(ctx context.Context, id booking.ID) (booking.Outcome, error)
}

// Logger is what this package needs of a slog.Logger.
type Logger interface {
	InfoContext(ctx context.Context, message string, attributes ...any)
	WarnContext(ctx context.Context, message string, attributes ...any)
}

// Worker does what the hints of the payments queue ask for, or puts it off. It is
// safe for concurrent use.
type Worker struct {
	Payments Payments
	Bookings Bookings
	Items    Store
	// Now is the wall clock.
	Now func() time.Time
	// First is how long a new item waits.
	First resilience.Backoff
	Log   Logger
}

// Handle handles one delivery. Without an error the message is done with: the payment
// is up to date, or an item says when to look again. With one it must come again, and
// so ends in the dead-letter queue if it is broken: if it names no booking. An item
// that waits for a booking whose work is done now is left to the sweeper.
func (w *Worker) Handle(ctx context.Context, d queue.Delivery) error {
	if ref, ok := payments.RefOf(d.Stream); ok {
		return w.notice(ctx, ref, d)
	}
	id, ok := booking.IDOf(d.Stream)
	if !ok {
		return fmt.Errorf("%w: %q is no booking's stream", queue.ErrMalformed, d.Stream)
	}
	return w.handle(ctx, id, d)
}

// notice handles news of an object: it finds the booking, and looks what the provider
// has. While the provider cannot say which booking it is, the message comes again; no
// item could name it. An object that another deployment made is none of ours.
func (w *Worker) notice(ctx context.Context, ref string, d queue.Delivery) error {
	look, cancel := resilience.KeepMargin(ctx, margin)
	defer cancel()
	id, err := w.Payments.BookingOf(look, ref)
	if err != nil {
		return err
	}
	var b booking.Outcome
	if id != "" {
		if b, err = w.Bookings.Load(look, id); err != nil {
			return err
		}
	}
	if !b.State.Exists() {
		w.Log.InfoContext(ctx, "payment of no booking", "ref", ref, "traceparent", d.Traceparent)
		return nil
	}
	d.Reconcile, d.Receives = true, 1 // what was received again so far was the search for the booking
	return w.handle(ctx, id, d)
}

func (w *Worker) handle(ctx context.Context, id booking.ID, d queue.Delivery) error {
	if d.Receives >= enough {
		return w.setAside(ctx, id, d)
	}
	work, cancel := resilience.KeepMargin(ctx, margin)
	defer cancel()
	b, err := w.work(work, id, d)
	if err == nil {
		w.Log.InfoContext(ctx, "payment up to date", "booking_id", id, "version", b.State.Version,
			"payment", b.State.Payment.Status, "traceparent", d.Traceparent)
		return nil
	}
	reason, ok := reasonOf(err, work.Err() != nil)
	if !ok {
		return err
	}
	if failed := w.putOff(ctx, d, w.deferral(b, id, d, reason)); failed != nil {
		return fmt.Errorf("%w, and then: %w", err, failed)
	}
	return nil
}

func (w *Worker) work(ctx context.Context, id booking.ID, d queue.Delivery) (booking.Outcome, error) {
	trace := events.Trace{CausationID: fmt.Sprintf("%s@%d", d.Stream, d.Version), Traceparent: d.Traceparent}
	if d.Reconcile {
		return w.Payments.Reconcile(ctx, id, trace)
	}
	return w.Payments.Process(ctx, id, trace)
}

// setAside puts work off without calling the provider. The log is asked only whether
// there is such a booking; if it does not answer, that is taken for granted.
func (w *Worker) setAside(ctx context.Context, id booking.ID, d queue.Delivery) error {
	look, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	b, err := w.Bookings.Load(look, id)
	if err == nil && !b.State.Exists() {
		return fmt.Errorf("set %s aside: %w", id, payments.ErrNoBooking)
	}
	return w.putOff(ctx, d, w.deferral(b, id, d, ReceivedAgain))
}

// deferral is the wish to look again, told what is due as far as the log was read.
func (w *Worker) deferral(b booking.Outcome, id booking.ID, d queue.Delivery, why Reason) Deferral {
	now := w.Now().UTC().Truncate(time.Millisecond)
	wish := Deferral{
		Booking: id, Reason: why, Reconcile: d.Reconcile,
		At: now, First: now.Add(w.First.Delay(1)).Truncate(time.Millisecond),
	}
	if b.State.Exists() {
		wish.Operation = payments.Due(b.State, now)
	}
	return wish
}

func (w *Worker) putOff(ctx context.Context, d queue.Delivery, wish Deferral) error {
	if err := w.Items.Defer(ctx, wish); err != nil {
		return fmt.Errorf("put off %s: %w", wish.Booking, err)
	}
	w.Log.WarnContext(ctx, Deferred, "booking_id", wish.Booking, "operation", wish.Operation,
		"reason", wish.Reason, "receives", d.Receives, "traceparent", d.Traceparent)
	return nil
}

// reasonOf returns why work that ended with an error has to wait; ok is false where
// that is not for the provider to say. over tells that the time for it had run out.
func reasonOf(err error, over bool) (r Reason, ok bool) {
	var failed *payments.Error
	switch {
	case errors.Is(err, payments.ErrMismatch):
		return Mismatch, true
	case errors.Is(err, payments.ErrUndecided):
		return Undecided, true
	case errors.Is(err, resilience.ErrOpen), errors.Is(err, resilience.ErrFull):
		return BreakerOpen, true
	case errors.Is(err, resilience.ErrOver), over && errors.Is(err, context.DeadlineExceeded):
		return OutOfTime, true
	case !errors.As(err, &failed):
		return "", false
	}
	r = Refused
	switch failed.Outcome {
	case resilience.Transient:
		r = Unavailable
	case resilience.Unknown:
		r = Unknown
	case resilience.Success, resilience.Declined, resilience.Permanent:
	}
	if failed.Code != "" {
		r += Reason(": " + failed.Code)
	}
	return r, true
}
