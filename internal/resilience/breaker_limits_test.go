package resilience_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func TestGoexitInACallCountsAsFailure(t *testing.T) {
	t.Parallel()
	b := newBreaker(t, small(newClock().now))
	for range 4 {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = b.Do(context.Background(), func(context.Context) error { runtime.Goexit(); return nil })
		}()
		<-ended
	}
	wantState(t, b, resilience.Open)
}

func TestManyAtOnceOpenItOnce(t *testing.T) {
	t.Parallel()
	cfg := small(time.Now)
	var mu sync.Mutex
	changes := 0
	cfg.Changed = func(_, _ resilience.State) { mu.Lock(); changes++; mu.Unlock() }
	b := newBreaker(t, cfg)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				_ = b.Do(context.Background(), returns(unknown))
			}
		})
	}
	all.Wait()
	if changes != 1 {
		t.Errorf("%d changes, want the one to open", changes)
	}
}

func TestManyAtOnceAreAllCounted(t *testing.T) {
	t.Parallel()
	b := newBreaker(t, small(newClock().now))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for i := range 200 {
				_ = b.Do(context.Background(), returns([]error{nil, nil, nil, unknown}[i%4]))
			}
		})
	}
	all.Wait()
	got := b.Status()
	if got.State == resilience.Closed && got.Counts != (resilience.Counts{Calls: 10_000, Failing: 2_500}) {
		t.Errorf("%+v, want all 10,000", got)
	}
}

func TestBreakerConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*resilience.BreakerConfig){
		"no rate":        func(c *resilience.BreakerConfig) { c.FailureRate = 0 },
		"rate over 1":    func(c *resilience.BreakerConfig) { c.FailureRate = 1.1 },
		"rate is NaN":    func(c *resilience.BreakerConfig) { c.FailureRate = math.NaN() },
		"no minimum":     func(c *resilience.BreakerConfig) { c.MinCalls = 0 },
		"no window":      func(c *resilience.BreakerConfig) { c.Window = 0 },
		"no buckets":     func(c *resilience.BreakerConfig) { c.Buckets = 0 },
		"no probes":      func(c *resilience.BreakerConfig) { c.Probes = 0 },
		"never closes":   func(c *resilience.BreakerConfig) { c.CloseAfter = 0 },
		"no lease":       func(c *resilience.BreakerConfig) { c.ProbeLease = 0 },
		"no rest":        func(c *resilience.BreakerConfig) { c.OpenFor = 0 },
		"cap below base": func(c *resilience.BreakerConfig) { c.MaxOpenFor = time.Second },
		"no clock":       func(c *resilience.BreakerConfig) { c.Now = nil },
		"no randomness":  func(c *resilience.BreakerConfig) { c.Rand = nil },
	} {
		cfg := small(time.Now)
		spoil(&cfg)
		if _, err := resilience.NewBreaker(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBreakerAllocatesNothing(t *testing.T) {
	ctx, ok := t.Context(), returns(nil)
	c := newClock()
	closed := newBreaker(t, small(c.now))
	open := opened(t, small(c.now))
	for name, b := range map[string]*resilience.Breaker{"closed": closed, "open": open} {
		if got := testing.AllocsPerRun(1000, func() { _ = b.Do(ctx, ok) }); got != 0 {
			t.Errorf("%s: %v allocations a call, want none", name, got)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		resilience.Closed.String(): "closed", resilience.Open.String(): "open", resilience.HalfOpen.String(): "half_open",
		resilience.Uncounted.String(): "uncounted", resilience.Healthy.String(): "healthy", resilience.Failing.String(): "failing",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if resilience.State(9).String() != "invalid" || resilience.Verdict(9).String() != "invalid" {
		t.Error("unknown values have a name")
	}
}
