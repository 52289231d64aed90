package bench_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sony/gobreaker/v2"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// guarded makes one call through some policies. All of them get a call that does
// nothing and a context with a deadline an hour away, as a Lambda function's has one.
type guarded func(context.Context) error

var errDown = errors.New("down")

func succeed(context.Context) error { return nil }

// contender is one library in one situation.
type contender struct {
	name string
	make func(testing.TB) guarded
}

// The rules are the same for all, as far as each can express them: half of at
// least 10 calls in 30 s, in 30 buckets where there are buckets.
const (
	window   = 30 * time.Second
	minimum  = 10
	restTime = time.Hour // an open breaker stays open
)

func rules() resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: minimum, Window: window, Buckets: 30,
		OpenFor: restTime, MaxOpenFor: restTime, Probes: 1, CloseAfter: 1, ProbeLease: time.Second,
		Now: time.Now, Rand: func() float64 { return 0 },
	}
}

func ourBreaker(t testing.TB) *resilience.Breaker {
	t.Helper()
	b, err := resilience.NewBreaker(rules())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sharedBreaker is one environment's part in the breaker of a fleet, whose store
// takes no time.
func sharedBreaker(t testing.TB, open bool) *fleet.Breaker {
	t.Helper()
	store := &fleettest.Memory{}
	if open {
		desk := fleet.Desk{Store: store, Now: time.Now}
		if _, err := desk.Give(t.Context(), resilience.ForcedOpen, "bench", "to measure it"); err != nil {
			t.Fatal(err)
		}
	}
	b, err := fleet.New(store, fleet.Defaults(rules()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goBreaker() *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Interval: window, BucketPeriod: window / 30, Timeout: restTime,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.Requests >= minimum && 2*c.TotalFailures >= c.Requests },
	})
}

func failsafeBreaker() circuitbreaker.CircuitBreaker[any] {
	return circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, minimum, window).WithDelay(restTime).Build()
}

// breakers returns each library's breaker, opened first if so wanted.
func breakers(open bool) []contender {
	opened := func(t testing.TB, g func(error) guarded) guarded {
		t.Helper()
		for range 2 * minimum {
			if open {
				_ = g(errDown)(t.Context())
			}
		}
		if err := g(nil)(t.Context()); (err != nil) != open {
			t.Fatalf("%v, want it open: %v", err, open)
		}
		return g(nil)
	}
	return []contender{
		{"hailstone, shared", func(t testing.TB) guarded {
			b := sharedBreaker(t, open)
			return func(ctx context.Context) error { return b.Do(ctx, succeed) }
		}},
		{"hailstone", func(t testing.TB) guarded {
			b := ourBreaker(t)
			return opened(t, func(outcome error) guarded {
				op := func(context.Context) error { return outcome }
				return func(ctx context.Context) error { return b.Do(ctx, op) }
			})
		}},
		{"gobreaker", func(t testing.TB) guarded {
			b := goBreaker()
			return opened(t, func(outcome error) guarded {
				op := func() (struct{}, error) { return struct{}{}, outcome }
				return func(context.Context) error { _, err := b.Execute(op); return err }
			})
		}},
		{"failsafe-go", func(t testing.TB) guarded {
			b := failsafe.With[any](failsafeBreaker())
			return opened(t, func(outcome error) guarded {
				op := func() error { return outcome }
				return func(context.Context) error { return b.Run(op) }
			})
		}},
	}
}

// stacks returns all policies around one call, those that the payment function
// has around its calls, and what two nested deadlines cost without any.
func stacks() []contender {
	return []contender{
		{"payment guard", paymentGuard},
		{"hailstone", ourStack},
		{"two deadlines", func(testing.TB) guarded { return twoDeadlines }},
		{"failsafe-go", func(testing.TB) guarded { return failsafeStack() }},
	}
}

func ourStack(t testing.TB) guarded {
	t.Helper()
	breaker := ourBreaker(t)
	room, err := resilience.NewBulkhead(10, 10, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	retry := resilience.Retry{
		Attempts: 3, Backoff: resilience.Backoff{Base: time.Second, Cap: time.Second, Rand: func() float64 { return 0 }},
		Budget: resilience.NewBudget(3, 10, 0.1), Now: time.Now, Sleep: resilience.Sleep,
	}
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return retry.Do(ctx, func(ctx context.Context) error {
			return breaker.Do(ctx, func(ctx context.Context) error {
				return room.Do(ctx, func(ctx context.Context) error {
					return resilience.Timeout(ctx, 5*time.Second, succeed)
				})
			})
		})
	}
}

func twoDeadlines(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return succeed(ctx)
}

func failsafeStack() guarded {
	policies := failsafe.With[any](
		timeout.New[any](20*time.Second),
		retrypolicy.NewBuilder[any]().WithMaxRetries(2).Build(),
		failsafeBreaker(),
		bulkhead.New[any](10),
		timeout.New[any](5*time.Second),
	)
	return func(ctx context.Context) error {
		return policies.WithContext(ctx).RunWithExecution(func(e failsafe.Execution[any]) error { return succeed(e.Context()) })
	}
}

func alone(c contender) func(*testing.B) {
	return func(b *testing.B) {
		g := c.make(b)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			_ = g(ctx)
		}
	}
}

func together(c contender) func(*testing.B) {
	return func(b *testing.B) {
		g := c.make(b)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			for pb.Next() {
				_ = g(ctx)
			}
		})
	}
}

// situation is a table of the report.
type situation struct {
	name       string
	contenders []contender
	run        func(contender) func(*testing.B)
	yardstick  string // the contender that the others are measured by
}

func situations() []situation {
	return []situation{
		{"closed", breakers(false), alone, "gobreaker"},
		{"open", breakers(true), alone, "gobreaker"},
		{"closed, parallel", breakers(false), together, "gobreaker"},
		{"open, parallel", breakers(true), together, "gobreaker"},
		{"all policies", stacks(), alone, "two deadlines"},
		{"all policies, parallel", stacks(), together, "two deadlines"},
	}
}

func BenchmarkResilience(b *testing.B) {
	for _, s := range situations() {
		for _, c := range s.contenders {
			b.Run(s.name+"/"+c.name, s.run(c))
		}
	}
}
