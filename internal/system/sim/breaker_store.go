package sim

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// Bugs of the breaker's store, and of what is made of its answers.
const (
	staleResultCloses  Canary = "a stale result of a probe closes the breaker"
	leaseWithoutExpiry Canary = "the lease of a probe does not expire"
	openUnfenced       Canary = "the breaker is opened whatever has become of it meanwhile"
	storeErrorReturned Canary = "an error of the breaker's store is returned for the call"
	// firstFailuresForgotten is what the breaker once did, so that bursts never opened it.
	firstFailuresForgotten Canary = "failures count only from when everybody has read of the first"
)

// circuitStore is the record as a process of a function sees it: far away.
type circuitStore struct {
	*circuit
	process *process
}

var _ fleet.Store = circuitStore{}

// goes is the way there, or back. A process that crashed sends nothing any more.
func (s circuitStore) goes(ctx context.Context, t *task) error {
	if t.inv.dead || s.sched.stopping {
		runtime.Goexit()
	}
	s.travel(t)
	if err := ctx.Err(); err != nil {
		s.process.away = true
		s.judge.bursts.loses()
		return fmt.Errorf("breaker: %w", err)
	}
	return nil
}

func (s circuitStore) fails(t *task, op string, fate fault) error {
	s.process.away = true
	s.judge.bursts.loses()
	s.reach(breakerStoreFailed)
	s.tell("", "%s: %s of the breaker: %s", t.name, op, fate)
	return fmt.Errorf("%s breaker: %w", op, errInjected)
}

// Read implements fleet.Store.
func (s circuitStore) Read(ctx context.Context, _ bool) (fleet.Record, error) {
	t := taskOf(ctx)
	if err := s.goes(ctx, t); err != nil {
		return fleet.Record{}, err
	}
	switch fate := s.fate("read breaker by "+t.inv.function, throttled, stale); fate {
	case throttled:
		return fleet.Record{}, s.fails(t, "read", fate)
	case stale:
		s.process.away = false
		return s.older(), nil
	default:
		s.process.away = false
		return s.newest(), nil
	}
}

// Report implements fleet.Store.
func (s circuitStore) Report(ctx context.Context, r fleet.Report) (now fleet.Record, done bool, err error) {
	return s.writes(ctx, "report to", func(by string) {
		s.moves(by, func() { now, done, err = s.truth.Report(s.ctx, s.remembered(r)) })
		if !done {
			s.judge.bursts.loses()
			s.reach(staleReportRefused)
		}
	}, func() (fleet.Record, bool, error) { return now, done, err })
}

// remembered is what is kept of a report: all of it, if no bug forgets what comes soon
// after a window's first failure, or before it.
func (s circuitStore) remembered(r fleet.Report) fleet.Report {
	if s.canary != firstFailuresForgotten {
		return r
	}
	const bucket, soon, window = 10, 2, 30
	epoch := time.Now().Unix() / bucket
	for _, n := range s.newest().Counts {
		if n.Failing > 0 && n.Epoch+soon <= epoch && n.Epoch > epoch-window {
			return r
		}
	}
	first := fleet.Count{Version: r.Version, Epoch: epoch, Failing: 1, Unaware: 1}
	for _, n := range s.newest().Counts {
		if n.Failing > 0 && n.Epoch > epoch-window {
			first.Failing, first.Unaware = 0, 0 // it is there
		}
	}
	r.Counts = []fleet.Count{first}
	return r
}

// Change implements fleet.Store.
func (s circuitStore) Change(ctx context.Context, c fleet.Change) (now fleet.Record, done bool, err error) {
	if s.canary == leaseWithoutExpiry && c.To.Lease.Owner != "" {
		c.To.Lease.Until = never
	}
	now, done, err = s.writes(ctx, "change", func(by string) {
		s.moves(by, func() { now, done, err = s.change(c) })
		if !done {
			s.reach(staleChangeRefused)
		}
	}, func() (fleet.Record, bool, error) { return now, done, err })
	if done && c.To.Lease.Owner != "" {
		s.probes[taskOf(ctx).inv] = c.To.Lease.Owner
	}
	return now, done, err
}

// change is Change at the record itself, with the bugs that its condition can have.
func (s circuitStore) change(c fleet.Change) (fleet.Record, bool, error) {
	r, opens := s.newest(), c.To.State == resilience.Open
	late := c.Holder != "" && !opens && (c.From != r.Version || time.Now().After(r.Lease.Until))
	switch {
	case s.canary == openUnfenced && opens:
		c.From, c.Holder, c.To.Version = r.Version, "", r.Version+1
	case s.canary == staleResultCloses && late:
		c = fleet.Change{From: r.Version, To: fleet.Stage{Version: r.Version + 1, State: resilience.Closed}}
	default:
	}
	return s.truth.Change(s.ctx, c)
}

// writes carries out a write there, as fate has it.
func (s circuitStore) writes(
	ctx context.Context, op string, effect func(by string), answer func() (fleet.Record, bool, error),
) (fleet.Record, bool, error) {
	t := taskOf(ctx)
	if err := s.goes(ctx, t); err != nil {
		return fleet.Record{}, false, err
	}
	switch fate := s.fate("write breaker by "+t.inv.function, throttled, lostBefore, lostAfter, lateThere); fate {
	case throttled, lostBefore:
		return fleet.Record{}, false, s.fails(t, op, fate)
	case lateThere:
		s.later("write of the breaker", func() { effect(t.name + " (late)") })
		return fleet.Record{}, false, s.fails(t, op, fate)
	case lostAfter:
		effect(t.name)
		return fleet.Record{}, false, s.fails(t, op, fate)
	default:
	}
	effect(t.name)
	if err := s.goes(ctx, t); err != nil {
		return fleet.Record{}, false, err
	}
	s.process.away = false
	return answer()
}

// Give implements fleet.Store. Functions give no orders.
func (s circuitStore) Give(context.Context, fleet.Change, fleet.Order) (bool, error) {
	return false, errInjected
}

// Given implements fleet.Store.
func (s circuitStore) Given(context.Context, int64) (fleet.Order, error) {
	return fleet.Order{}, errInjected
}
