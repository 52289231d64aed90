package sim

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

const (
	// overruled is an operator who forces the breaker open, or closed, for a while.
	overruled fault = "overruled"
	// lateThere is late, at the record of the breaker: there it has to happen often, since
	// a probe takes less time than its lease lasts.
	lateThere fault = "late at the breaker"
)

// breakerPart is the breaker before the payment provider, shared by all environments
// through a record in a store; the other faults of that are those of every store.
func breakerPart() part {
	return part{
		faults:     odds{lateThere: 0.4},
		onceAWorld: odds{overruled: 0.3},
		canaries:   []Canary{staleResultCloses, leaseWithoutExpiry, openUnfenced, storeErrorReturned, firstFailuresForgotten},
		wire: func(w *World) error {
			w.circuit = &circuit{World: w, truth: &fleettest.Memory{}, probes: map[*invocation]string{}}
			w.circuit.judge = newCircuitJudge(w.circuit)
			w.waiting = append(w.waiting, func() bool { return w.circuit.overruled })
			w.ends = append(w.ends, w.circuit.judge.finished)
			w.sched.start(w.sched.newTask("breaker desk", nil), w.circuit.overrule)
			return nil
		},
	}
}

const (
	breakerTTL = 2 * time.Second
	// storeLimit bounds an operation on the record. The network of this world is slower
	// than a real one, and so is the limit.
	storeLimit = 250 * time.Millisecond
	// mostStale is how old an eventually consistent read may be.
	mostStale = time.Second
)

// breakerConfig is the product's, for a town in which hardly anybody calls: less is
// enough to open, and the window is longer.
func (w *World) breakerConfig(now func() time.Time) fleet.Config {
	rules := payments.BreakerRules(now, w.jitter)
	rules.MinCalls, rules.Window, rules.CloseAfter = 3, 5*time.Minute, probesToClose
	cfg := fleet.Defaults(rules)
	cfg.TTL, cfg.StoreTimeout = breakerTTL, storeLimit
	cfg.NewID = func() string {
		w.circuit.leases++
		return "lease-" + strconv.Itoa(w.circuit.leases)
	}
	return cfg
}

// circuit is what all environments share.
type circuit struct {
	*World
	truth     *fleettest.Memory
	past      []pastRecord
	leases    int
	probes    map[*invocation]string // the lease that an invocation has just taken
	overruled bool
	judge     *circuitJudge
}

// pastRecord is the record as it was before a time.
type pastRecord struct {
	until  time.Time
	record fleet.Record
}

// newest is the record itself.
func (c *circuit) newest() fleet.Record {
	r, _ := c.truth.Read(c.ctx, true) // in memory, which does not fail
	return r
}

// older is the record of up to mostStale ago.
func (c *circuit) older() fleet.Record {
	r, since := c.newest(), time.Now().Add(-mostStale)
	for _, p := range c.past {
		if p.until.After(since) {
			return p.record
		}
	}
	return r
}

// moves lets something happen to the record, and has it judged.
func (c *circuit) moves(by string, change func()) {
	before := c.newest()
	change()
	after := c.newest()
	if after.Version == before.Version && len(after.Counts) == len(before.Counts) {
		return
	}
	c.past = append(c.past, pastRecord{time.Now(), before})
	for len(c.past) > 0 && time.Since(c.past[0].until) > mostStale {
		c.past = c.past[1:]
	}
	if after.Version != before.Version {
		c.tell("", "%s: the breaker is %s, %s at version %d", by, after.Mode, after.State, after.Version)
		c.src.mixText(after.State.String())
		c.judge.changed(before, after)
	}
}

// overrule gives orders, and in the end leaves the breaker to itself.
func (c *circuit) overrule(t *task) {
	if !c.strikes(overruled, "operations") {
		return
	}
	c.overruled = true
	desk := fleet.Desk{Store: deskStore{c.truth, c}, Now: time.Now}
	c.sched.park(t, time.Now().Add(time.Duration(1+c.src.pick("overruled after", 120))*time.Minute))
	for _, mode := range []resilience.Mode{
		[]resilience.Mode{resilience.ForcedOpen, resilience.ForcedClosed}[c.src.pick("overruled how", 2)], resilience.Auto,
	} {
		if _, err := desk.Give(c.ctx, mode, "otto", "the seed says so"); err != nil {
			c.fail("an operator's order is carried out", "", "%v", err)
		}
		c.reach(breakerWasOverruled)
		c.sched.park(t, time.Now().Add(time.Duration(1+c.src.pick("overruled for", 15))*time.Minute))
	}
	c.overruled = false
}

// deskStore is the record as an operator sees it: near.
type deskStore struct {
	fleet.Store
	circuit *circuit
}

func (d deskStore) Give(ctx context.Context, c fleet.Change, o fleet.Order) (done bool, err error) {
	d.circuit.moves("the operator", func() { done, err = d.Store.Give(ctx, c, o) })
	return done, err
}

// breaker is the breaker as one function has it: each invocation that runs at a time
// is in a process of its own, which keeps its memory from one to the next.
type breaker struct {
	*circuit
	processes []*process
}

var _ payments.Breaker = (*breaker)(nil)

func (w *World) breaker() *breaker { return &breaker{circuit: w.circuit} }

// process is one instance of a function.
type process struct {
	*fleet.Breaker
	inv *invocation // the last one that it ran
	// away tells that its last operation on the record failed, and since when.
	away bool
}

// process returns the one in which a task runs: an idle one if there is one.
func (b *breaker) process(t *task) (*process, error) {
	idle := -1
	for i, p := range b.processes {
		if p.inv == t.inv {
			return p, nil
		}
		if p.inv.over && idle < 0 {
			idle = i
		}
	}
	if idle >= 0 && !b.processes[idle].inv.dead {
		b.processes[idle].inv = t.inv
		return b.processes[idle], nil
	}
	p := &process{inv: t.inv, away: true}
	skew := t.inv.skew / 1000 // clocks of Lambda differ by little
	var err error
	p.Breaker, err = fleet.New(circuitStore{b.circuit, p}, b.breakerConfig(func() time.Time { return time.Now().Add(skew) }))
	if idle >= 0 {
		b.processes[idle] = p // the former crashed, and its memory is gone
	} else {
		b.processes = append(b.processes, p)
	}
	return p, err
}

// Status tells how the breaker stands, as the process of the task knows it.
func (b *breaker) Status(ctx context.Context) fleet.Status {
	p, err := b.process(taskOf(ctx))
	if err != nil {
		return fleet.Status{}
	}
	return p.Status(ctx)
}

// healthPath is where everybody may see the state.
const healthPath = "/health"

// State is that of Status, as /health shows it.
func (b *breaker) State(ctx context.Context) resilience.State {
	p, err := b.process(taskOf(ctx))
	if err != nil {
		return resilience.Closed
	}
	state := p.State(ctx)
	b.judge.shown(p, state)
	return state
}

// Observe implements payments.Breaker, and has the judge see every call.
func (b *breaker) Observe(ctx context.Context, op func(context.Context) (resilience.Verdict, error)) error {
	t := taskOf(ctx)
	p, err := b.process(t)
	if err != nil {
		return err
	}
	made, result, verdict := false, error(nil), resilience.Uncounted
	reported := false
	defer func() {
		if made && !reported { // the process is gone
			b.judge.bursts.loses()
		}
	}()
	err = p.Observe(ctx, func(ctx context.Context) (v resilience.Verdict, err error) {
		made = true
		call := b.judge.begins(t, p)
		defer func() { b.judge.ends(call, v, t.inv.dead) }()
		v, err = op(ctx)
		result, verdict = err, v
		return v, err
	})
	if reported = true; made {
		b.judge.told(p, verdict)
	}
	if made && p.away && b.canary == storeErrorReturned {
		err = errInjected
	}
	switch {
	case made && !errors.Is(err, result) || made && result == nil && err != nil:
		b.fail("the breaker's store changes no result of a call", "", "%s: %v instead of %v", t.name, err, result)
	case errors.Is(err, resilience.ErrOpen):
		b.judge.refused(t, p)
	}
	return err
}
