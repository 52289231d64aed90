package resilience

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// State is what a breaker does with calls.
type State uint8

// The states of a breaker.
const (
	Closed   State = iota // calls go through and are counted
	Open                  // calls are refused
	HalfOpen              // a few calls go through, as probes
)

// String returns the state in lower case, as in logs and in /health.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half_open"
	default:
		return "invalid"
	}
}

// Mode is who decides about the state of a breaker.
type Mode string

// The modes of a breaker.
const (
	Auto         Mode = "AUTO"          // the verdicts decide
	ForcedOpen   Mode = "FORCED_OPEN"   // an operator refuses every call
	ForcedClosed Mode = "FORCED_CLOSED" // an operator lets every call through
)

// Valid reports whether m is one of the modes.
func (m Mode) Valid() bool { return m == Auto || m == ForcedOpen || m == ForcedClosed }

// BreakerConfig is how a Breaker behaves. Every field but Changed is required.
type BreakerConfig struct {
	// FailureRate opens the breaker when at least this share of the calls of the
	// Window were failing, in (0, 1]; fewer than MinCalls say nothing.
	FailureRate float64
	MinCalls    int
	// Window is divided into Buckets, and rolls on by one of them.
	Window  time.Duration
	Buckets int
	// OpenFor is how long the breaker stays open at first. Each probe that fails
	// doubles it, up to MaxOpenFor; jitter takes off up to a half.
	OpenFor    time.Duration
	MaxOpenFor time.Duration
	// Probes is how many calls may be on their way at once while half-open, and
	// CloseAfter how many healthy ones in a row close it.
	Probes     int
	CloseAfter int
	// ProbeLease is how long a probe may keep its permit without a verdict.
	ProbeLease time.Duration
	Now        func() time.Time
	// Rand returns a number in [0, 1).
	Rand func() float64
	// Changed is told of every change of state, by the call that brought it
	// about; it may be nil.
	Changed func(from, to State)
}

func (c BreakerConfig) check() error {
	switch {
	case !(c.FailureRate > 0 && c.FailureRate <= 1):
		return errors.New("failure rate outside (0, 1]")
	case c.MinCalls < 1 || c.Buckets < 1 || c.Probes < 1 || c.CloseAfter < 1:
		return errors.New("a count below 1")
	case c.Window < time.Duration(c.Buckets) || c.ProbeLease <= 0:
		return errors.New("no time to count in, or to probe in")
	case c.OpenFor <= 0 || c.MaxOpenFor < c.OpenFor:
		return errors.New("open for no time, or for longer than the longest")
	case c.Now == nil || c.Rand == nil:
		return errors.New("no clock or no randomness")
	}
	return nil
}

// Breaker stops calls to a dependency that fails, and lets them through again
// once it has recovered. It is safe for concurrent use.
//
// A Breaker goes from generation to generation: each stay in one state has its
// own counts, and the verdict of a call belongs to the generation that admitted
// it. So whatever ends late, after the breaker has moved on, changes nothing.
type Breaker struct {
	cfg     BreakerConfig
	current atomic.Pointer[generation]
}

// NewBreaker returns a closed Breaker, or an error for a configuration that makes
// no sense.
func NewBreaker(cfg BreakerConfig) (*Breaker, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure breaker: %w", err)
	}
	b := &Breaker{cfg: cfg}
	b.current.Store(b.closed())
	return b, nil
}

// Do makes a call unless the breaker refuses it, with ErrOpen, and judges it by
// its error, which is returned as it is.
func (b *Breaker) Do(ctx context.Context, op func(context.Context) error) error {
	permit, err := b.enter(ctx)
	if err != nil {
		return err
	}
	verdict := Failing // unless op returns: a panic goes on its way, counted
	defer func() { permit.Done(verdict) }()
	err = op(ctx)
	verdict = Judge(err)
	return err
}

// Observe is Do for a call that knows its verdict better than its error does, such
// as a success that was replayed from a memory.
func (b *Breaker) Observe(ctx context.Context, op func(context.Context) (Verdict, error)) error {
	permit, err := b.enter(ctx)
	if err != nil {
		return err
	}
	verdict := Failing
	defer func() { permit.Done(verdict) }()
	verdict, err = op(ctx)
	return err
}

// enter admits a call that still has time: one that has none would fail whatever
// the dependency does.
func (b *Breaker) enter(ctx context.Context) (Permit, error) {
	if err := ctx.Err(); err != nil {
		return Permit{}, fmt.Errorf("%w: %w", ErrOver, err)
	}
	return b.Admit()
}

// Permit is the right to make one call. Its holder calls Done exactly once,
// whatever happens; a permit that is lost expires only while half-open.
type Permit struct{ from *generation }

// Admit returns a permit for one call, or ErrOpen. It is for callers that Do and
// Observe don't suit.
func (b *Breaker) Admit() (Permit, error) {
	for {
		g := b.current.Load()
		switch g.state {
		case Closed:
			return Permit{from: g}, nil
		case HalfOpen:
			if permit, err := g.admitProbe(); err == nil || b.current.Load() == g {
				return permit, err
			}
		default:
			if !g.endRest() {
				return Permit{}, ErrOpen
			}
		}
	}
}

// Done tells what became of the call.
func (p Permit) Done(v Verdict) {
	switch {
	case p.from.window != nil:
		p.from.count(v)
	case p.from.state == HalfOpen:
		p.from.endProbe(v)
	default: // forced closed
	}
}

// Force hands the breaker to an operator, or back: Auto begins closed, with
// nothing counted. Forcing the mode that it has already changes nothing.
func (b *Breaker) Force(m Mode) error {
	if !m.Valid() {
		return fmt.Errorf("force breaker: no mode %q", m)
	}
	for {
		g := b.current.Load()
		if g.mode == m || b.replace(g, b.forced(m)) {
			return nil
		}
	}
}

// Status is a breaker at one moment.
type Status struct {
	Mode   Mode
	State  State
	Counts Counts
	// Until is when an open breaker lets the next probe through; zero otherwise,
	// and while it is forced.
	Until time.Time
}

// Status returns the state of the breaker. An open one stays open until a call
// comes after its time.
func (b *Breaker) Status() Status {
	g := b.current.Load()
	s := Status{Mode: g.mode, State: g.state}
	if g.window != nil {
		s.Counts = g.window.Counts(b.cfg.Now())
	}
	if g.mode == Auto && g.state == Open {
		s.Until = g.began.Add(g.rest)
	}
	return s
}
