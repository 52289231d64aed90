package resilience

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Bulkhead bounds how many calls are on their way to a dependency, and how many
// wait for their turn, and for how long. It is safe for concurrent use. Those who
// wait are served in the order in which they came.
type Bulkhead struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
}

// NewBulkhead returns a Bulkhead for the given number of calls at once, with a
// queue of at most that length, 0 for none, in which nobody waits longer than
// wait.
func NewBulkhead(calls, queue int, wait time.Duration) (*Bulkhead, error) {
	if calls < 1 || queue < 0 || queue > 0 && wait <= 0 {
		return nil, errors.New("configure bulkhead: room for no call, or a queue without time to wait")
	}
	return &Bulkhead{slots: make(chan struct{}, calls), queue: int64(queue), wait: wait}, nil
}

// Do makes a call when there is room for it, and returns its error. It returns
// ErrFull if there was none in time, and then also the context's error if it was
// that which ended the wait.
func (b *Bulkhead) Do(ctx context.Context, op func(context.Context) error) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer func() { <-b.slots }() // after a panic, too
	return op(ctx)
}

func (b *Bulkhead) enter(ctx context.Context) error {
	select {
	case b.slots <- struct{}{}:
		return nil
	default:
	}
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > b.queue {
		return ErrFull
	}
	patience := time.NewTimer(b.wait)
	defer patience.Stop()
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-patience.C:
		return ErrFull
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrFull, ctx.Err())
	}
}
