package sim

import (
	"context"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
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
		w.waiting = append(w.waiting, func() bool { w.forget(); return len(w.lost) > 0 })
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
		s.runner = &sweeper.Runner{Passes: []sweeper.Pass{s.deferredPass()}, Now: time.Now, Sleep: s.sched.sleep, Log: told{s.World}}
		for _, pass := range append(s.repairPasses(inv.environment), s.directorPass(inv.environment)) {
			s.runner.Passes = append(s.runner.Passes, skewedPass{pass, inv.skew})
		}
	}
	s.inv = inv
	_ = s.runner.Run(ctx) // the log has told why
}

// skewedPass is a pass whose clock is not its runner's: when it wants to go on is told
// by that of the runner.
type skewedPass struct {
	sweeper.Pass
	skew time.Duration
}

// Run implements sweeper.Pass.
func (p skewedPass) Run(ctx context.Context) (again time.Time, err error) {
	again, err = p.Pass.Run(ctx)
	if !again.IsZero() {
		again = again.Add(-p.skew)
	}
	return again, err
}

// told is a log of failures that faults bring about.
type told struct{ *World }

// ErrorContext implements sweeper.Logger.
func (t told) ErrorContext(_ context.Context, message string, attributes ...any) {
	t.tell("", "the sweeper: %s %v", message, attributes)
	if t.calm {
		t.fail(quietRule, "", "the sweeper: %s %v", message, attributes)
	}
}

// forget takes those off the list of lost hints that came to their end nevertheless.
func (w *World) forget() {
	w.lost = slices.DeleteFunc(w.lost, func(id events.StreamID) bool {
		a := w.oracle.streams[id]
		return a != nil && w.oracle.unsettled(a) == ""
	})
}
