package fleet

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Breaker is one environment's part in a breaker that a fleet shares. It is safe
// for concurrent use, and meant to live as long as the process.
type Breaker struct {
	cfg   Config
	store Store
	// local decides while the store does not answer.
	local *resilience.Breaker

	seen    atomic.Pointer[snapshot]
	reading sync.Mutex // held by the one that asks the store
	reports reports
}

// New returns a Breaker, or an error for a configuration that makes no sense. It
// does not ask the store.
func New(store Store, cfg Config) (*Breaker, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure breaker: %w", err)
	}
	alone := cfg.Rules
	alone.Changed = nil
	local, err := resilience.NewBreaker(alone)
	if err != nil {
		return nil, err
	}
	b := &Breaker{cfg: cfg, store: store, local: local}
	b.seen.Store(&snapshot{Record: Record{Mode: resilience.Auto}, down: true}) // nothing is known yet
	return b, nil
}

// Do makes a call unless the fleet's breaker refuses it, with resilience.ErrOpen,
// and judges it by its error, which is returned as it is.
func (b *Breaker) Do(ctx context.Context, op func(context.Context) error) error {
	p, err := b.admit(ctx)
	if err != nil {
		return err
	}
	verdict := resilience.Failing // unless op returns: a panic goes on its way, counted
	defer func() { b.done(ctx, p, verdict) }()
	err = op(ctx)
	verdict = resilience.Judge(err)
	return err
}

// Observe is Do for a call that knows its verdict better than its error does.
func (b *Breaker) Observe(ctx context.Context, op func(context.Context) (resilience.Verdict, error)) error {
	p, err := b.admit(ctx)
	if err != nil {
		return err
	}
	verdict := resilience.Failing
	defer func() { b.done(ctx, p, verdict) }()
	verdict, err = op(ctx)
	return err
}

// permit is the right to make one call, and what its verdict belongs to.
type permit struct {
	kind    kind
	version int64
	owner   string            // of a probe's lease
	local   resilience.Permit // of a call by the local breaker
}

type kind uint8

const (
	uncounted kind = iota // an operator wants the call whatever comes of it
	counted
	probing
	alone
)

func (b *Breaker) admit(ctx context.Context) (permit, error) {
	if err := ctx.Err(); err != nil {
		return permit{}, fmt.Errorf("%w: %w", resilience.ErrOver, err)
	}
	now := b.cfg.Rules.Now()
	s := b.seen.Load()
	if !s.fresh(now, b.cfg.TTL) {
		s = b.refresh(ctx, now)
	}
	switch {
	case s.Mode == resilience.ForcedOpen:
		return permit{}, resilience.ErrOpen
	case s.Mode == resilience.ForcedClosed:
		return permit{kind: uncounted}, nil
	case s.State == resilience.Open && now.Before(s.Until):
		return permit{}, resilience.ErrOpen
	case s.down:
		return b.admitAlone()
	case s.State == resilience.Closed:
		return permit{kind: counted, version: s.Version}, nil
	default:
		return b.admitProbe(ctx, now, s)
	}
}

func (b *Breaker) admitAlone() (permit, error) {
	p, err := b.local.Admit()
	return permit{kind: alone, local: p}, err
}

// done tells what became of a call. Nothing that happens to the store here
// reaches the caller.
func (b *Breaker) done(ctx context.Context, p permit, v resilience.Verdict) {
	switch p.kind {
	case counted:
		b.count(ctx, p.version, v)
	case probing:
		b.endProbe(ctx, p, v)
	case alone:
		p.local.Done(v)
	default:
	}
}

// Status is the breaker as this environment sees it.
type Status struct {
	Mode  resilience.Mode
	State resilience.State
	// Until is when an open breaker lets a probe through.
	Until time.Time
	// ProbeDue tells that the next call would be a probe: the rest is over, and
	// nobody has the lease. Who brings back work then brings back one piece.
	ProbeDue bool
	// Alone tells that the store does not answer, and State is the environment's own.
	Alone bool
	// Order is the operator's last, if any.
	Order Order
}

// Status returns the state of the breaker, from a snapshot that is read again at
// most once per TTL.
func (b *Breaker) Status(ctx context.Context) Status {
	now := b.cfg.Rules.Now()
	s := b.seen.Load()
	if !s.fresh(now, b.cfg.TTL) {
		s = b.refresh(ctx, now)
	}
	status := statusOf(s.Record, now)
	status.Alone = s.down
	if s.down && s.Mode == resilience.Auto && (s.State != resilience.Open || !now.Before(s.Until)) {
		local := b.local.Status()
		status.State, status.Until = local.State, local.Until
		status.ProbeDue = local.State == resilience.Open && !now.Before(local.Until)
	}
	return status
}

// State returns the state that is in effect, in the manner of Status.
func (b *Breaker) State(ctx context.Context) resilience.State { return b.Status(ctx).State }

// statusOf returns the state that is in effect by a record.
func statusOf(r Record, now time.Time) Status {
	s := Status{Mode: modeOf(r), State: r.State, Until: r.Until, Order: r.Order}
	switch s.Mode {
	case resilience.ForcedOpen:
		s.State = resilience.Open
	case resilience.ForcedClosed:
		s.State = resilience.Closed
	default:
		s.ProbeDue = r.probeDue(now)
	}
	return s
}
