package resilience

import (
	"context"
	"errors"
	"time"
)

// Retry repeats a call whose failure had certainly no effect. The zero value is
// not usable: set every field. It is safe for concurrent use where its functions
// are.
type Retry struct {
	// Attempts is the most that is tried, the first time included.
	Attempts int
	Backoff  Backoff
	// MaxRetryAfter caps a wait that the dependency asks for; a longer one ends
	// the retries, since coming back early would only add to its load.
	MaxRetryAfter time.Duration
	Now           func() time.Time
	Sleep         func(context.Context, time.Duration) error
}

// RetryAfter is an error that knows how long its dependency asked to wait.
type RetryAfter interface {
	error
	Wait() time.Duration
}

// Do calls op until it returns anything but a Transient outcome, or until the
// attempts, the time or the context is used up. It returns the last attempt's
// own error.
func (r Retry) Do(ctx context.Context, op func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := op(ctx)
		if ClassOf(err) != Transient || attempt >= r.Attempts {
			return err
		}
		wait, ok := r.wait(ctx, attempt, err)
		if !ok || r.Sleep(ctx, wait) != nil {
			return err
		}
	}
}

// wait returns how long to wait after a failure, and whether that is sensible: a
// wait that outlasts the context is not begun.
func (r Retry) wait(ctx context.Context, failures int, err error) (time.Duration, bool) {
	wait := r.Backoff.Delay(failures)
	var asked RetryAfter
	if errors.As(err, &asked) && asked.Wait() > wait {
		wait = asked.Wait()
		if wait > r.MaxRetryAfter {
			return 0, false
		}
	}
	deadline, ok := ctx.Deadline()
	return wait, !ok || r.Now().Add(wait).Before(deadline)
}

// Timeout gives op at most limit, on top of whatever deadline ctx has.
func Timeout(ctx context.Context, limit time.Duration, op func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return op(ctx)
}

// KeepMargin returns a context that ends margin before the deadline of ctx, if it
// has one: time to record or to answer what became of the work.
func KeepMargin(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-margin))
}
