package resilience

import (
	"context"
	"errors"
	"time"
)

// Retry repeats a call whose failure had certainly no effect. The zero value is
// not usable: set every field but Budget. It is safe for concurrent use where its
// functions are.
type Retry struct {
	// Attempts is the most that is tried, the first time included.
	Attempts int
	Backoff  Backoff
	// MaxRetryAfter caps a wait that the dependency asks for; a longer one ends
	// the retries, since coming back early would only add to its load.
	MaxRetryAfter time.Duration
	// Budget is shared by all calls to one dependency; nil for no bound.
	Budget *Budget
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
}

// Do calls op until it returns anything but a Transient outcome, or until the
// attempts, the budget, the time or the context is used up. An open breaker is no
// reason to come back soon, and ends it too. Do returns the last attempt's own
// error.
func (r Retry) Do(ctx context.Context, op func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := op(ctx)
		if r.Budget != nil && Judge(err) == Healthy {
			r.Budget.earn()
		}
		if attempt >= r.Attempts || ClassOf(err) != Transient || errors.Is(err, ErrOpen) {
			return err
		}
		wait, ok := r.wait(ctx, attempt, err)
		if !ok || r.Budget != nil && !r.Budget.take() || r.Sleep(ctx, wait) != nil {
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
