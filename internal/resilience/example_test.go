package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// unavailable is an error of a dependency that refused at the door.
type unavailable struct{}

func (unavailable) Error() string           { return "503 service unavailable" }
func (unavailable) Class() resilience.Class { return resilience.Transient }

// All policies around one call, in their order.
func Example() {
	breaker, err := resilience.NewBreaker(resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 10, Window: 30 * time.Second, Buckets: 10,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: time.Now, Rand: rand.Float64,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	bulkhead, err := resilience.NewBulkhead(10, 20, time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	retry := resilience.Retry{
		Attempts:      3,
		Backoff:       resilience.Backoff{Base: time.Millisecond, Cap: time.Second, Rand: rand.Float64},
		MaxRetryAfter: 5 * time.Second,
		Budget:        resilience.NewBudget(3, 10, 0.1), // one for the process, not for the call
		Now:           time.Now, Sleep: resilience.Sleep,
	}

	attempts := 0
	charge := func(context.Context) error {
		if attempts++; attempts == 1 {
			return unavailable{}
		}
		return nil
	}

	ctx, cancel := resilience.KeepMargin(context.Background(), 2*time.Second)
	defer cancel()
	err = retry.Do(ctx, func(ctx context.Context) error {
		return breaker.Do(ctx, func(ctx context.Context) error {
			return bulkhead.Do(ctx, func(ctx context.Context) error {
				return resilience.Timeout(ctx, 5*time.Second, charge)
			})
		})
	})
	fmt.Println(err, "after", attempts, "attempts")
	// Output: <nil> after 2 attempts
}

// A breaker alone: what it refuses was certainly not done.
func ExampleBreaker_Do() {
	breaker, _ := resilience.NewBreaker(resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 2, Window: 30 * time.Second, Buckets: 10,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: time.Now, Rand: rand.Float64,
	})
	hang := func(context.Context) error { return context.DeadlineExceeded }
	for range 3 {
		err := breaker.Do(context.Background(), hang)
		fmt.Println(errors.Is(err, resilience.ErrOpen), resilience.ClassOf(err), err)
	}
	// Output:
	// false unknown context deadline exceeded
	// false unknown context deadline exceeded
	// true transient circuit breaker is open
}

// A call that its provider answered from memory tells nothing about its health.
func ExampleBreaker_Observe() {
	breaker, _ := resilience.NewBreaker(resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 2, Window: 30 * time.Second, Buckets: 10,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: time.Now, Rand: rand.Float64,
	})
	err := breaker.Observe(context.Background(), func(context.Context) (resilience.Verdict, error) {
		return resilience.Uncounted, nil // it said: Idempotent-Replayed: true
	})
	fmt.Println(err, breaker.Status().Counts.Calls)
	// Output: <nil> 0
}

// A budget bounds the retries of a whole process.
func ExampleBudget() {
	retry := resilience.Retry{
		Attempts: 3,
		Backoff:  resilience.Backoff{Rand: rand.Float64},
		Budget:   resilience.NewBudget(1, 10, 0.1),
		Now:      time.Now, Sleep: resilience.Sleep,
	}
	attempts := 0
	for range 5 {
		_ = retry.Do(context.Background(), func(context.Context) error { attempts++; return unavailable{} })
	}
	fmt.Println(attempts, "attempts of 5 calls")
	// Output: 6 attempts of 5 calls
}
