package resilience

import (
	"context"
	"time"
)

// Backoff spreads repeats over time: exponential with full jitter, which keeps
// many clients that failed together from coming back together (Brooker,
// "Exponential Backoff and Jitter", 2015). It is safe for concurrent use where
// Rand is.
type Backoff struct {
	// Base bounds the first delay, and each further bound is twice the one
	// before, up to Cap.
	Base time.Duration
	Cap  time.Duration
	// Rand returns a number in [0, 1).
	Rand func() float64
}

// Delay returns how long to wait after the given number of failures: evenly
// distributed from 0 up to min(Cap, Base·2^(failures−1)), excluded. It returns 0
// for no failures.
func (b Backoff) Delay(failures int) time.Duration {
	if failures < 1 {
		return 0
	}
	bound := b.Base
	for i := 1; i < failures && bound < b.Cap; i++ {
		bound *= 2
	}
	return time.Duration(b.Rand() * float64(min(bound, b.Cap)))
}

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
