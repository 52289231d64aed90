package deferral_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

var errAway = errors.New("away")

// world is what surrounds a worker and a pass. Every fake does what it is told to
// fail or to say, and otherwise what the real one does.
type world struct {
	*testing.T
	deferraltest.Memory
	now      time.Time
	bookings map[booking.ID]booking.State
	// loadFails and workFails are by booking, storeFails by operation. meanwhile is
	// what somebody else does just before an operation, once.
	loadFails, workFails map[booking.ID]error
	storeFails           map[string]error
	meanwhile            map[string]func()

	// bookingOf is what the provider says of its objects, unless it does not answer.
	bookingOf map[string]booking.ID
	lookFails error

	status       fleet.Status
	backlog      int
	backlogFails error
	// sendFails is the answer to a send, which lost the hints of these indexes, or all.
	sendFails error
	lost      []int

	sent  []queue.Hint
	calls []string
	trace events.Trace
	log   bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		T: t, now: noon, bookings: map[booking.ID]booking.State{}, loadFails: map[booking.ID]error{},
		workFails: map[booking.ID]error{}, storeFails: map[string]error{}, meanwhile: map[string]func(){},
	}
}

func (w *world) random() float64 { return 0.5 }

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&w.log, nil)) }

// owing is a booking whose payment is not authorized yet.
func (w *world) owing(n int) booking.ID {
	id := deferraltest.ID(n)
	w.bookings[id] = booking.State{ID: id, Version: 1, Status: booking.Requested, Payment: booking.Payment{Status: booking.PaymentPending}}
	return id
}

// settled is a booking that owes nothing.
func (w *world) settled(n int) booking.ID {
	id := deferraltest.ID(n)
	w.settle(id)
	return id
}

func (w *world) settle(id booking.ID) {
	w.bookings[id] = booking.State{ID: id, Version: 9, Status: booking.Completed, Payment: booking.Payment{Status: booking.PaymentIsCaptured}}
}

// Load implements deferral.Bookings.
func (w *world) Load(ctx context.Context, id booking.ID) (booking.Outcome, error) {
	if err := errors.Join(ctx.Err(), w.loadFails[id]); err != nil {
		return booking.Outcome{}, err
	}
	return booking.Outcome{State: w.bookings[id]}, nil
}

func (w *world) work(ctx context.Context, what string, id booking.ID, trace events.Trace) (booking.Outcome, error) {
	w.calls, w.trace = append(w.calls, what), trace
	b, err := w.Load(ctx, id)
	if err == nil {
		err = w.workFails[id]
	}
	if errors.Is(err, errHangs) {
		<-ctx.Done()
		err = ctx.Err()
	}
	return b, err
}

var errHangs = errors.New("hangs until the time is up")

// Process implements deferral.Payments.
func (w *world) Process(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error) {
	return w.work(ctx, "process", id, trace)
}

// Reconcile implements deferral.Payments.
func (w *world) Reconcile(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error) {
	return w.work(ctx, "reconcile", id, trace)
}

// BookingOf implements deferral.Payments.
func (w *world) BookingOf(_ context.Context, ref string) (booking.ID, error) {
	return w.bookingOf[ref], w.lookFails
}

// Send implements queue.Sender.
func (w *world) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	_ = w.interrupted("send")
	for i, h := range hints {
		if w.sendFails == nil || len(w.lost) > 0 && !slices.Contains(w.lost, i) {
			w.sent = append(w.sent, h)
		}
	}
	return w.lost, w.sendFails
}

// Backlog implements deferral.Queue.
func (w *world) Backlog(context.Context) (int, error) { return w.backlog, w.backlogFails }

// Status implements deferral.Breaker.
func (w *world) Status(context.Context) fleet.Status { return w.status }

func (w *world) interrupted(op string) error {
	if f := w.meanwhile[op]; f != nil {
		delete(w.meanwhile, op)
		f()
	}
	if err := w.storeFails[op]; err != nil {
		return fmt.Errorf("%s: %w: %w", op, deferral.ErrUnavailable, err)
	}
	return nil
}

// store is the world's, as the worker and the pass see it: it can fail, and somebody
// else can be faster.
type store struct{ *world }

// Defer implements deferral.Store.
func (s store) Defer(ctx context.Context, d deferral.Deferral) error {
	if err := s.interrupted("defer"); err != nil {
		return err
	}
	return s.Memory.Defer(ctx, d)
}

// Due implements deferral.Store.
func (s store) Due(ctx context.Context, shard int, at time.Time, after deferral.Place, limit int) ([]deferral.Item, error) {
	if err := s.interrupted("due"); err != nil {
		return nil, err
	}
	return s.Memory.Due(ctx, shard, at, after, limit)
}

// Advance implements deferral.Store.
func (s store) Advance(ctx context.Context, read deferral.Item, due payments.Operation, next time.Time) (deferral.Item, error) {
	if err := s.interrupted("advance"); err != nil {
		return deferral.Item{}, err
	}
	return s.Memory.Advance(ctx, read, due, next)
}

// Reconciled implements deferral.Store.
func (s store) Reconciled(ctx context.Context, read deferral.Item) error {
	if err := s.interrupted("reconciled"); err != nil {
		return err
	}
	return s.Memory.Reconciled(ctx, read)
}

// Delete implements deferral.Store.
func (s store) Delete(ctx context.Context, read deferral.Item) error {
	if err := s.interrupted("delete"); err != nil {
		return err
	}
	return s.Memory.Delete(ctx, read)
}

// item returns what waits for a booking; nil for nothing.
func (w *world) item(id booking.ID) *deferral.Item {
	for _, item := range w.Items() {
		if item.Booking == id {
			return &item
		}
	}
	return nil
}

// deferred has the work of bookings put off, to be due now.
func (w *world) deferred(reconcile bool, ids ...booking.ID) {
	w.Helper()
	for _, id := range ids {
		err := w.Defer(w.Context(), deferral.Deferral{Booking: id, Reason: deferral.Unknown, Reconcile: reconcile, At: w.now.Add(-time.Minute), First: w.now})
		if err != nil {
			w.Fatal(err)
		}
	}
}
