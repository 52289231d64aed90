package payments

import (
	"context"
	"errors"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Refund implements Gateway.
func (g *Guard) Refund(ctx context.Context, order RefundOrder, key string) (RefundObject, error) {
	var r RefundObject
	_, err := g.call(ctx, func(ctx context.Context) (_ Payment, err error) {
		r, err = g.Gateway.Refund(ctx, order, key)
		return Payment{Replayed: r.Replayed}, err
	})
	return r, err
}

// Refunds implements Gateway. It is repeated as Retrieve is.
func (g *Guard) Refunds(ctx context.Context, ref string) ([]RefundObject, error) {
	return list(ctx, g, ref, g.Gateway.Refunds)
}

// Disputes implements Gateway. It is repeated as Retrieve is.
func (g *Guard) Disputes(ctx context.Context, ref string) ([]Dispute, error) {
	return list(ctx, g, ref, g.Gateway.Disputes)
}

func list[T any](ctx context.Context, g *Guard, ref string, read func(context.Context, string) ([]T, error)) ([]T, error) {
	var all []T
	_, err := g.call(ctx, func(ctx context.Context) (_ Payment, err error) {
		all, err = read(ctx, ref)
		return Payment{}, readAgain(err)
	})
	return all, err
}

// readAgain makes the unknown outcome of a read one that may be repeated.
func readAgain(err error) error {
	if err == nil {
		return nil // and allocates nothing
	}
	var failed *Error
	if !errors.As(err, &failed) || failed.Outcome != resilience.Unknown {
		return err
	}
	again := *failed
	again.Outcome = resilience.Transient
	return &again
}
