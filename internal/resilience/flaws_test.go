package resilience_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Each test in this file is a flaw that was seen, by running it, in a breaker or a
// retry in use elsewhere. Those of breakers shared through a store are in
// dynamobreaker.

// halfOpen returns a breaker whose rest is over.
func halfOpen(t *testing.T, c *clock) *resilience.Breaker {
	t.Helper()
	b := opened(t, small(c.now))
	c.advance(30 * time.Second)
	return b
}

// failsafe-go: a panic in a probe leaks its permit, and no other probe ever runs.
func TestFlawAPanicInAProbeLeaksItsPermit(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := halfOpen(t, c)
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v, want the call's own panic", got)
			}
		}()
		_ = b.Do(t.Context(), func(context.Context) error { panic("boom") })
	}()
	wantState(t, b, resilience.Open) // it counted as a failure
	c.advance(time.Minute)
	calls(t, b, nil, nil)
	wantState(t, b, resilience.Closed)
}

// failsafe-go: a success of a call that began before the breaker opened closes it.
func TestFlawALateSuccessCloses(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBreaker(t, small(c.now))
	late := []resilience.Permit{admit(t, b), admit(t, b), admit(t, b)}
	calls(t, b, unknown, unknown, unknown, unknown)
	late[0].Done(resilience.Healthy)
	wantState(t, b, resilience.Open)
	c.advance(30 * time.Second)
	probe := admit(t, b)
	late[1].Done(resilience.Healthy)
	late[2].Done(resilience.Healthy)
	wantState(t, b, resilience.HalfOpen) // two would close it
	wantRefused(t, b)                    // and neither gave back the probe's permit
	probe.Done(resilience.Healthy)
	wantState(t, b, resilience.HalfOpen)
}

// The same the other way round: late failures of an outage reopen what has recovered.
func TestFlawALateFailureReopens(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBreaker(t, small(c.now))
	var late []resilience.Permit
	for range 20 {
		late = append(late, admit(t, b))
	}
	calls(t, b, unknown, unknown, unknown, unknown)
	c.advance(30 * time.Second)
	probe := admit(t, b)
	late[0].Done(resilience.Failing)
	wantState(t, b, resilience.HalfOpen)
	probe.Done(resilience.Healthy)
	calls(t, b, nil)
	for _, p := range late[1:] {
		p.Done(resilience.Failing)
	}
	wantState(t, b, resilience.Closed)
	if got := b.Status().Counts; got != (resilience.Counts{}) {
		t.Errorf("%+v, want nothing of before", got)
	}
}

// failsafe-go: its retry repeats a call that an open breaker refused.
func TestFlawAnOpenBreakerIsRetried(t *testing.T) {
	t.Parallel()
	b := opened(t, small(newClock().now))
	asked, slept := 0, 0
	r := retry(3)
	r.Sleep = func(context.Context, time.Duration) error { slept++; return nil }
	err := r.Do(t.Context(), func(ctx context.Context) error { asked++; return b.Do(ctx, returns(nil)) })
	if !errors.Is(err, resilience.ErrOpen) || asked != 1 || slept != 0 {
		t.Errorf("%v after %d tries and %d waits, want the refusal at once", err, asked, slept)
	}
}

// failsafe-go: its retry budget is a share of the calls under way, and inert for
// whoever makes one at a time, as a Lambda function does.
func TestFlawTheBudgetIsInertForOneCallAtATime(t *testing.T) {
	t.Parallel()
	r := retry(3)
	r.Sleep = func(context.Context, time.Duration) error { return nil }
	r.Budget = resilience.NewBudget(2, 10, 0.1)
	attempts := 0
	for range 100 { // invocations, one after the other
		_ = r.Do(t.Context(), func(context.Context) error { attempts++; return transient })
	}
	if attempts != 102 {
		t.Errorf("%d attempts for 100 calls, want 2 retries in all", attempts)
	}
}

// gobreaker: a probe that never reports back keeps it half-open for good.
func TestFlawAnAbandonedProbeSticksHalfOpen(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := halfOpen(t, c)
	abandoned := admit(t, b)
	c.advance(15*time.Second - 1)
	wantRefused(t, b)
	c.advance(1)
	calls(t, b, nil)
	abandoned.Done(resilience.Failing) // after its permit has expired
	wantState(t, b, resilience.HalfOpen)
	calls(t, b, nil)
	wantState(t, b, resilience.Closed)
}

// A call refused by a bulkhead inside a probe says nothing, and its permit is free.
func TestFlawABulkheadsRefusalDecidesAProbe(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := halfOpen(t, c)
	for range 5 {
		calls(t, b, errFull)
		wantState(t, b, resilience.HalfOpen)
	}
	calls(t, b, nil, nil)
	wantState(t, b, resilience.Closed)
}

// stripe-go: what is repeated depends on the shape of the answer and not on what
// it means. Here the class decides, however an error is wrapped, and only what had
// certainly no effect is repeated.
func TestFlawARetryDependsOnTheShapeOfAnError(t *testing.T) {
	t.Parallel()
	for class, want := range map[resilience.Class]int{
		resilience.Transient: 3, resilience.Unknown: 1, resilience.Declined: 1, resilience.Permanent: 1,
	} {
		for _, err := range []error{failure{class: class}, errors.Join(errors.New("status 503"), failure{class: class})} {
			r := retry(3)
			r.Sleep = func(context.Context, time.Duration) error { return nil }
			attempts := 0
			_ = r.Do(t.Context(), func(context.Context) error { attempts++; return err })
			if attempts != want {
				t.Errorf("%s as %T: %d attempts, want %d", class, err, attempts, want)
			}
		}
	}
}

// gobreaker, distributed: a lock is held during the call, so that calls wait for
// each other.
func TestFlawCallsWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(t, small(time.Now))
		began := time.Now()
		ended := make(chan struct{})
		for range 8 {
			go func() {
				_ = b.Do(context.Background(), func(ctx context.Context) error {
					return resilience.Sleep(ctx, 100*time.Millisecond)
				})
				ended <- struct{}{}
			}()
		}
		for range 8 {
			<-ended
		}
		if got := time.Since(began); got != 100*time.Millisecond {
			t.Errorf("8 calls of 100 ms took %s, want 100 ms", got)
		}
	})
}
