package resilience

import (
	"context"
	"time"
)

// KeepMargin returns a context that ends margin before the deadline of ctx, if it
// has one: time to record or to answer what became of the work.
func KeepMargin(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-margin))
}
