package resilience_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func budgeted(b *resilience.Budget) resilience.Retry {
	r := retry(2)
	r.Sleep = func(context.Context, time.Duration) error { return nil }
	r.Budget = b
	return r
}

// retries returns how many of n failing calls were repeated.
func retries(t *testing.T, r resilience.Retry, n int) int {
	t.Helper()
	attempts := 0
	for range n {
		if err := r.Do(t.Context(), func(context.Context) error { attempts++; return transient }); !errors.Is(err, transient) {
			t.Fatalf("%v, want the attempt's own error", err)
		}
	}
	return attempts - n
}

func TestBudgetIsEarnedBySuccess(t *testing.T) {
	t.Parallel()
	r := budgeted(resilience.NewBudget(1, 3, 0.1))
	if got := retries(t, r, 20); got != 1 {
		t.Errorf("%d retries of a fresh process, want 1", got)
	}
	succeed := func(n int, outcome error) {
		for range n {
			_ = r.Do(t.Context(), returns(outcome))
		}
	}
	succeed(9, nil)
	if got := retries(t, r, 20); got != 0 {
		t.Errorf("%d retries after 9 successes, want none yet", got)
	}
	succeed(1, declined)
	if got := retries(t, r, 20); got != 1 {
		t.Errorf("%d retries after the tenth, a decline, want 1", got)
	}
	succeed(1000, nil)
	if got := retries(t, r, 20); got != 3 {
		t.Errorf("%d retries after 1,000 successes, want no more than 3", got)
	}
	succeed(1000, permanent)
	if got := retries(t, r, 20); got != 0 {
		t.Errorf("%d retries after 1,000 calls that may not have been made, want none", got)
	}
}

func TestBudgetPaysOnlyForRetriesThatHappen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := budgeted(resilience.NewBudget(1, 1, 0.1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_ = r.Do(ctx, returns(transient)) // no time left for the wait
		if got := retries(t, r, 5); got != 1 {
			t.Errorf("%d retries, want the one token unspent until then", got)
		}
	})
}

func TestBudgetHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	r := budgeted(resilience.NewBudget(50, 50, 0.1))
	var attempts atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				_ = r.Do(context.Background(), func(context.Context) error { attempts.Add(1); return transient })
			}
		})
	}
	all.Wait()
	if got := attempts.Load(); got != 250 {
		t.Errorf("%d attempts, want 200 and 50 retries", got)
	}
}
