package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// limited is an error of a dependency that asks to be left alone for a moment.
type limited struct{ unavailable }

func (limited) Error() string       { return "429 too many requests" }
func (limited) Wait() time.Duration { return time.Millisecond }

// A retry alone: only what had certainly no effect is repeated, and not before the
// dependency wants to be asked again.
func ExampleRetry_Do() {
	retry := resilience.Retry{
		Attempts: 3, Backoff: resilience.Backoff{Base: time.Microsecond, Cap: time.Second, Rand: rand.Float64},
		MaxRetryAfter: 5 * time.Second, Now: time.Now, Sleep: resilience.Sleep,
	}
	for _, outcome := range []error{limited{}, context.DeadlineExceeded} {
		attempts := 0
		err := retry.Do(context.Background(), func(context.Context) error { attempts++; return outcome })
		fmt.Println(attempts, "attempts:", err)
	}
	// Output:
	// 3 attempts: 429 too many requests
	// 1 attempts: context deadline exceeded
}

// A bulkhead alone: one call at a time, and nobody waits.
func ExampleBulkhead_Do() {
	bulkhead, _ := resilience.NewBulkhead(1, 0, 0)
	err := bulkhead.Do(context.Background(), func(ctx context.Context) error {
		return bulkhead.Do(ctx, func(context.Context) error { return nil }) // a second one
	})
	fmt.Println(errors.Is(err, resilience.ErrFull), resilience.ClassOf(err))
	// Output: true transient
}

// A timeout alone: what hits it may have had its effect.
func ExampleTimeout() {
	err := resilience.Timeout(context.Background(), time.Millisecond, func(ctx context.Context) error {
		<-ctx.Done() // as a client does that waits for an answer
		return ctx.Err()
	})
	fmt.Println(err, "is", resilience.ClassOf(err))
	// Output: context deadline exceeded is unknown
}

// An operator stops all calls, whatever comes of them.
func ExampleBreaker_Force() {
	breaker, _ := resilience.NewBreaker(resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 2, Window: 30 * time.Second, Buckets: 10,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: time.Now, Rand: rand.Float64,
	})
	call := func(context.Context) error { return nil }
	for _, mode := range []resilience.Mode{resilience.ForcedOpen, resilience.Auto} {
		if err := breaker.Force(mode); err != nil {
			fmt.Println(err)
		}
		fmt.Println(mode, breaker.Do(context.Background(), call))
	}
	// Output:
	// FORCED_OPEN circuit breaker is open
	// AUTO <nil>
}

// A wait as a server asks for it.
func ExampleParseRetryAfter() {
	now := time.Date(1994, time.November, 6, 8, 49, 7, 0, time.UTC)
	for _, value := range []string{"120", "Sun, 06 Nov 1994 08:49:37 GMT", "soon"} {
		fmt.Println(resilience.ParseRetryAfter(value, now))
	}
	// Output:
	// 2m0s true
	// 30s true
	// 0s false
}
