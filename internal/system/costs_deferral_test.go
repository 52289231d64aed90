package system_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// closedBreaker lets everything through, and costs nothing.
type closedBreaker struct{}

func (closedBreaker) Status(context.Context) fleet.Status { return fleet.Status{} }

// openBreaker refuses everything.
type openBreaker struct{}

func (openBreaker) Process(context.Context, booking.ID, events.Trace) (booking.Outcome, error) {
	return booking.Outcome{}, resilience.ErrOpen
}

func (openBreaker) Reconcile(context.Context, booking.ID, events.Trace) (booking.Outcome, error) {
	return booking.Outcome{}, resilience.ErrOpen
}

func (openBreaker) BookingOf(context.Context, string) (booking.ID, error) {
	return "", resilience.ErrOpen
}

var _ deferral.Payments = openBreaker{}

// What a payment costs that has to wait, beyond the work itself.
func TestTheCostsOfWaiting(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	now, log := func() time.Time { return l.now }, slog.New(slog.DiscardHandler)
	worker := &deferral.Worker{Payments: openBreaker{}, Bookings: l.bookings, Items: l.items, Now: now, First: deferral.FirstDelay(func() float64 { return 0 }), Log: log}
	pass := &deferral.Pass{
		Items: l.items, Bookings: l.bookings, Queue: &takesAll{}, Breaker: closedBreaker{}, Callers: 5, Now: now,
		Next: deferral.NextDelay(func() float64 { return 0 }), Log: log,
	}
	sweep := func(step string) {
		t.Helper()
		if _, err := pass.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.notes(step)
	}
	putOff := func(id booking.ID, step string) {
		t.Helper()
		if err := worker.Handle(t.Context(), queue.Delivery{Hint: queue.NewHint(id.Stream(), 1, trace), Receives: 1}); err != nil {
			t.Fatal(err)
		}
		l.notes(step)
	}
	v := l.calls(http.MethodPost, "/v1/bookings", wanted)
	l.meter.take()
	putOff(v.ID, "put a payment off")
	putOff(v.ID, "put it off again")
	sweep("bring it back")
	if _, err := l.processor.Process(t.Context(), v.ID, events.Trace{}); err != nil {
		t.Fatal(err)
	}
	l.now = l.now.Add(time.Hour)
	l.meter.take()
	sweep("find it done")
	sweep("look, and find nothing")
	l.documents("A payment that waits")
}

// takesAll is a queue without end.
type takesAll struct{ sent int }

func (m *takesAll) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	m.sent += len(hints)
	return nil, nil
}

func (m *takesAll) Backlog(context.Context) (int, error) { return 0, nil }
