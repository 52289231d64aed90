package payments

import (
	"context"
	"errors"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Guard puts the policies of resilience around every call of a Gateway. It is a
// Gateway itself, whose methods may make several attempts.
type Guard struct {
	Gateway Gateway
	Retry   resilience.Retry
	// Attempt bounds each single call.
	Attempt time.Duration
	// Margin is kept free before the deadline of the caller's context: the time
	// to append what became of the last call.
	Margin time.Duration
}

var _ Gateway = (*Guard)(nil)

// NewGuard returns a Guard with the limits of this service.
func NewGuard(g Gateway, now func() time.Time, random func() float64) *Guard {
	return &Guard{
		Gateway: g,
		Retry: resilience.Retry{
			Attempts:      3,
			Backoff:       resilience.Backoff{Base: 200 * time.Millisecond, Cap: 2 * time.Second, Rand: random},
			MaxRetryAfter: 5 * time.Second,
			Now:           now,
			Sleep:         resilience.Sleep,
		},
		Attempt: 5 * time.Second,
		Margin:  2 * time.Second,
	}
}

func (g *Guard) call(ctx context.Context, op func(context.Context) (Payment, error)) (Payment, error) {
	ctx, cancel := resilience.KeepMargin(ctx, g.Margin)
	defer cancel()
	var p Payment
	err := g.Retry.Do(ctx, func(ctx context.Context) error {
		return resilience.Timeout(ctx, g.Attempt, func(ctx context.Context) (err error) {
			p, err = op(ctx)
			return err
		})
	})
	return p, err
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
		var failed *Error
		if errors.As(err, &failed) && failed.Outcome == resilience.Unknown {
			again := *failed
			again.Outcome = resilience.Transient
			return p, &again
		}
		return p, err
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
