package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

const sweeperTimeout = time.Minute

// overlap is a sweeper that is started while another one runs.
const overlap fault = "overlap"

// sweeperPart is the function that the clock starts, and now and then a second one
// beside it.
func sweeperPart() part {
	return part{faults: odds{overlap: 0.5}, wire: func(w *World) error {
		first, second := &sweep{World: w}, &sweep{World: w}
		w.scheduled("sweeper", sweeperTimeout, first.run)
		w.scheduled("sweeper", sweeperTimeout, func(ctx context.Context, inv *invocation) {
			if w.strikes(overlap, "sweeper") {
				second.run(ctx, inv)
			}
		})
		w.waiting = append(w.waiting, func() bool { return len(w.lost) > 0 })
		return nil
	}}
}

// sweep is a process of the function, which keeps its memory until it crashes.
type sweep struct {
	*World
	runner *sweeper.Runner
	inv    *invocation // the last one that it ran
}

func (s *sweep) run(ctx context.Context, inv *invocation) {
	if s.runner == nil || s.inv.dead {
		// It measures the time that is left by the clock of the deadline.
		s.runner = &sweeper.Runner{
			Passes: []sweeper.Pass{&repairs{World: s.World, bookings: s.service()}, s.deferredPass()},
			Now:    time.Now, Sleep: s.sched.sleep, Log: told{s.World},
		}
	}
	s.inv = inv
	_ = s.runner.Run(ctx) // the log has told why
}

// told is a log of failures that faults bring about.
type told struct{ *World }

// ErrorContext implements sweeper.Logger.
func (t told) ErrorContext(_ context.Context, message string, attributes ...any) {
	t.tell("", "the sweeper: %s %v", message, attributes)
}

// repairs stands in for the passes over deadlines and lost first hints. It sees at
// once what is overdue, and which records the stream lost; what it does about it goes
// the way of every function.
type repairs struct {
	*World
	bookings *booking.Service
}

// Name implements sweeper.Pass.
func (r *repairs) Name() string { return "repairs" }

// Run implements sweeper.Pass.
func (r *repairs) Run(ctx context.Context) (again time.Time, err error) {
	r.expireOverdue(ctx)
	return time.Time{}, r.bringBack(ctx)
}

func (r *repairs) expireOverdue(ctx context.Context) {
	inv := taskOf(ctx).inv
	for _, a := range r.oracle.order {
		if deadline := a.state.Deadline(); deadline.IsZero() || inv.now().Before(deadline) {
			continue
		}
		_, err := r.bookings.Execute(ctx, a.id, booking.Expire{At: inv.now()}, booking.Envelope{
			CommandID: fmt.Sprintf("sw_%s_%d", a.id, a.state.Version), Actor: booking.ActorSweeper, At: inv.now(),
		})
		if err != nil {
			r.tell(string(a.id), "the sweeper does not expire %s: %v", a.id, err)
		}
	}
}

// bringBack has looked at what the stream lost, until somebody will.
func (r *repairs) bringBack(ctx context.Context) error {
	for len(r.lost) > 0 {
		stream := r.lost[0]
		hint := queue.NewHint(stream, r.oracle.streams[stream].state.Version, "")
		if _, err := (sender{r.projection}).Send(ctx, []queue.Hint{hint}); err != nil {
			return err
		}
		id, _ := booking.IDOf(stream)
		now := time.Now()
		if err := (workStore{r.deferred}).Offer(ctx, deferral.Deferral{Booking: id, Reason: deferral.NeverTried, At: now, First: now}); err != nil {
			return err
		}
		r.lost = slices.DeleteFunc(r.lost, func(id events.StreamID) bool { return id == stream })
	}
	return nil
}
