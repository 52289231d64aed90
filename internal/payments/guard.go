package payments

import (
	"context"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// BreakerName is what the breaker before the provider is called wherever it is
// stored or shown. There is one for each provider.
const BreakerName = "payments"

// BreakerRules says when calls to the provider are stopped, and for how long.
func BreakerRules(now func() time.Time, random func() float64) resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 10, Window: 30 * time.Second, Buckets: 30,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		// A lease outlasts an attempt.
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: now, Rand: random,
	}
}

// Breaker stops calls to a provider that fails: resilience.Breaker within one
// process, or one that all environments share.
type Breaker interface {
	// Observe makes a call unless the breaker refuses it with resilience.ErrOpen,
	// counts its verdict, and returns its error as it is.
	Observe(ctx context.Context, op func(context.Context) (resilience.Verdict, error)) error
}

var _ Breaker = (*resilience.Breaker)(nil)

// Guard puts the policies of resilience around every call of a Gateway. It is a
// Gateway itself, whose methods may make several attempts, or none: then their
// error is a resilience.Refusal.
type Guard struct {
	Gateway  Gateway
	Retry    resilience.Retry
	Breaker  Breaker
	Bulkhead *resilience.Bulkhead
	// Attempt bounds each single call.
	Attempt time.Duration
	// Margin is kept free before the deadline of the caller's context: the time
	// to append what became of the last call.
	Margin time.Duration
}

var _ Gateway = (*Guard)(nil)

// callsAtOnce bounds the calls of one environment. A Lambda environment works on
// one message at a time; the bound is for whoever changes that.
const callsAtOnce = 10

// NewGuard returns a Guard with the limits of this service. It is meant to live as
// long as the process: its budget of retries spans invocations, and begins with two,
// since a thousand environments that start into an outage would spend a thousand times
// as many.
func NewGuard(g Gateway, b Breaker, now func() time.Time, random func() float64) (*Guard, error) {
	room, err := resilience.NewBulkhead(callsAtOnce, 0, 0)
	if err != nil {
		return nil, err
	}
	return &Guard{
		Gateway: g,
		Retry: resilience.Retry{
			Attempts:      3,
			Backoff:       resilience.Backoff{Base: 200 * time.Millisecond, Cap: 2 * time.Second, Rand: random},
			MaxRetryAfter: 5 * time.Second,
			Budget:        resilience.NewBudget(2, 10, 0.1),
			Now:           now,
			Sleep:         resilience.Sleep,
		},
		Breaker:  b,
		Bulkhead: room,
		Attempt:  5 * time.Second,
		Margin:   2 * time.Second,
	}, nil
}

func (g *Guard) call(ctx context.Context, op func(context.Context) (Payment, error)) (Payment, error) {
	ctx, cancel := resilience.KeepMargin(ctx, g.Margin)
	defer cancel()
	var p Payment
	err := g.Retry.Do(ctx, func(ctx context.Context) error {
		return g.Breaker.Observe(ctx, func(ctx context.Context) (resilience.Verdict, error) {
			err := g.Bulkhead.Do(ctx, func(ctx context.Context) error {
				return resilience.Timeout(ctx, g.Attempt, func(ctx context.Context) (err error) {
					p, err = op(ctx)
					return err
				})
			})
			return verdict(p, err), err
		})
	})
	return p, err
}

// verdict is what an answer says about the provider's health now. What it answered
// from its memory of a key says how it was then.
func verdict(p Payment, err error) resilience.Verdict {
	if err == nil && p.Replayed {
		return resilience.Uncounted
	}
	return resilience.Judge(err)
}

// Create implements Gateway.
func (g *Guard) Create(ctx context.Context, order Order, key string) (Payment, error) {
	return g.call(ctx, func(ctx context.Context) (Payment, error) { return g.Gateway.Create(ctx, order, key) })
}

// Confirm implements Gateway.
func (g *Guard) Confirm(ctx context.Context, ref, key string) (Payment, error) {
	return g.call(ctx, func(ctx context.Context) (Payment, error) { return g.Gateway.Confirm(ctx, ref, key) })
}

// Retrieve implements Gateway. It only reads, so an attempt of unknown outcome
// is as harmless to repeat as one without effect.
func (g *Guard) Retrieve(ctx context.Context, ref string) (Payment, error) {
	return g.call(ctx, func(ctx context.Context) (Payment, error) {
		p, err := g.Gateway.Retrieve(ctx, ref)
		return p, readAgain(err)
	})
}

// Capture implements Gateway.
func (g *Guard) Capture(ctx context.Context, ref string, amount int64, key string) (Payment, error) {
	return g.call(ctx, func(ctx context.Context) (Payment, error) { return g.Gateway.Capture(ctx, ref, amount, key) })
}

// Cancel implements Gateway.
func (g *Guard) Cancel(ctx context.Context, ref, key string) (Payment, error) {
	return g.call(ctx, func(ctx context.Context) (Payment, error) { return g.Gateway.Cancel(ctx, ref, key) })
}
