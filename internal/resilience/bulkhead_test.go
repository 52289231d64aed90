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

func newBulkhead(t *testing.T, calls, queue int, wait time.Duration) *resilience.Bulkhead {
	t.Helper()
	b, err := resilience.NewBulkhead(calls, queue, wait)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBulkheadBoundsCallsAndQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(t, 2, 3, time.Minute)
		var now, most, done, full atomic.Int64
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				err := b.Do(context.Background(), func(ctx context.Context) error {
					n := now.Add(1)
					for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
					}
					defer now.Add(-1)
					return resilience.Sleep(ctx, time.Second)
				})
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, resilience.ErrFull):
					full.Add(1)
				}
			})
		}
		all.Wait()
		if most.Load() != 2 || done.Load() != 5 || full.Load() != 5 {
			t.Errorf("at most %d at once, %d made, %d refused; want 2, 5 (2 at once, 3 waited), 5", most.Load(), done.Load(), full.Load())
		}
	})
}

func TestBulkheadBoundsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(t, 1, 5, time.Second)
		release := make(chan struct{})
		go func() { _ = b.Do(context.Background(), func(context.Context) error { <-release; return nil }) }()
		synctest.Wait()
		began := time.Now()
		if err := b.Do(t.Context(), returns(nil)); !errors.Is(err, resilience.ErrFull) || time.Since(began) != time.Second {
			t.Errorf("%v after %s, want full after 1 s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began = time.Now()
		err := b.Do(ctx, returns(nil))
		if !errors.Is(err, resilience.ErrFull) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 300*time.Millisecond {
			t.Errorf("%v after %s, want full and the deadline after 300 ms", err, time.Since(began))
		}
		if resilience.ClassOf(err) != resilience.Transient || resilience.Judge(err) != resilience.Uncounted {
			t.Errorf("%s, %s; want transient and uncounted: no call was made", resilience.ClassOf(err), resilience.Judge(err))
		}
		close(release)
		synctest.Wait()
		if err := b.Do(t.Context(), returns(nil)); err != nil {
			t.Errorf("after room was made: %v", err)
		}
	})
}

func TestBulkheadServesInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(t, 1, 5, time.Hour)
		var order []int
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				_ = b.Do(context.Background(), func(ctx context.Context) error {
					order = append(order, i)
					return resilience.Sleep(ctx, time.Second)
				})
			})
			synctest.Wait() // until it has its place
		}
		all.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served %v, want the order of arrival", order)
			}
		}
	})
}

func TestAPanicLeavesTheBulkhead(t *testing.T) {
	t.Parallel()
	b := newBulkhead(t, 1, 0, 0)
	func() {
		defer func() { _ = recover() }()
		_ = b.Do(t.Context(), func(context.Context) error { panic("boom") })
	}()
	if err := b.Do(t.Context(), returns(unknown)); !errors.Is(err, unknown) {
		t.Errorf("%v, want the call's own error", err)
	}
}

func TestBulkheadConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		calls, queue int
		wait         time.Duration
	}{{0, 0, 0}, {1, -1, 0}, {1, 1, 0}} {
		if _, err := resilience.NewBulkhead(c.calls, c.queue, c.wait); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
}
