package payments_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func guarded(t *testing.T, provider *gatewaytest.Fake) *payments.Guard {
	t.Helper()
	half := func() float64 { return 0.5 }
	breaker, err := resilience.NewBreaker(resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 4, Window: time.Minute, Buckets: 10,
		OpenFor: time.Minute, MaxOpenFor: time.Hour, Probes: 1, CloseAfter: 1, ProbeLease: time.Minute,
		Now: time.Now, Rand: half,
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := payments.NewGuard(provider, breaker, time.Now, half)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

var order = payments.Order{BookingID: string(id), Amount: 1308, Currency: "EUR", Method: "pm_card_visa"}

func TestTheGuardRepeatsOnlyWhatHadNoEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{})
		guard := guarded(t, provider)
		provider.Script(gatewaytest.Create, gatewaytest.Unreachable(), gatewaytest.RateLimited(time.Second))
		began := time.Now()
		if _, err := guard.Create(t.Context(), order, "k"); err != nil {
			t.Errorf("after two transient failures: %v", err)
		}
		if got, want := time.Since(began), 1100*time.Millisecond; got != want {
			t.Errorf("waited %s, want %s: half of 200 ms, then the second that was asked for", got, want)
		}
		provider.Script(gatewaytest.Create, gatewaytest.LostAfter())
		if _, err := guard.Create(t.Context(), order, "k2"); resilience.ClassOf(err) != resilience.Unknown {
			t.Errorf("a lost answer: %v, want unknown, at once", err)
		}
	})
}

func TestTheGuardRepeatsAReadOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{})
		guard := guarded(t, provider)
		made, err := guard.Create(t.Context(), order, "k")
		if err != nil {
			t.Fatal(err)
		}
		provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore(), gatewaytest.HangBefore())
		if got, err := guard.Retrieve(t.Context(), made.Ref); err != nil || got.Ref != made.Ref {
			t.Errorf("got %v, %v; want the object at the third attempt", got, err)
		}
		provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore(), gatewaytest.LostBefore(), gatewaytest.LostBefore())
		var failed *payments.Error
		if _, err := guard.Retrieve(t.Context(), made.Ref); !errors.As(err, &failed) {
			t.Errorf("got %v, want the last attempt's own error", err)
		}
	})
}

func TestTheGuardLeavesTimeToRecordTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{})
		guard := guarded(t, provider)
		provider.Script(gatewaytest.Create, gatewaytest.HangBefore(), gatewaytest.HangBefore())

		began := time.Now()
		_, err := guard.Create(t.Context(), order, "k")
		if got := time.Since(began); err == nil || got != 5*time.Second {
			t.Errorf("an attempt that hung ended after %s with %v, want 5 s and an error", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began = time.Now()
		_, err = guard.Create(ctx, order, "k")
		if got := time.Since(began); err == nil || got != 2*time.Second {
			t.Errorf("with 4 s left, an attempt ended after %s with %v, want 2 s and an error", got, err)
		}
	})
}

func TestTheGuardPassesEveryMethodOn(t *testing.T) {
	t.Parallel()
	guard := guarded(t, gatewaytest.NewFake(gatewaytest.Config{}))
	made, err := guard.Create(t.Context(), order, "k")
	if err != nil {
		t.Fatal(err)
	}
	held, err := guard.Confirm(t.Context(), made.Ref, "k-confirm")
	if err != nil || held.Status != payments.StatusAuthorized {
		t.Fatalf("confirm: %v, %v", held, err)
	}
	taken, err := guard.Capture(t.Context(), made.Ref, 1000, "k-capture")
	if err != nil || taken.Captured != 1000 {
		t.Errorf("capture: %v, %v", taken, err)
	}
	if _, err := guard.Cancel(t.Context(), made.Ref, "k-cancel"); err == nil {
		t.Error("a captured object was canceled")
	}
}

// calls counts what reaches the provider.
type calls struct {
	payments.Gateway
	made int
}

func (c *calls) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	c.made++
	return c.Gateway.Retrieve(ctx, ref)
}

func (c *calls) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	c.made++
	return c.Gateway.Cancel(ctx, ref, key)
}

func TestTheGuardCallsNobodyWhileTheBreakerIsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{Fault: func(gatewaytest.Call) gatewaytest.Fault { return gatewaytest.Unreachable() }})
		guard := guarded(t, provider)
		counted := &calls{Gateway: provider}
		guard.Gateway = counted
		for range 2 { // two retries are all that a fresh process may make
			_, _ = guard.Cancel(t.Context(), "pi_1", "k")
		}
		if counted.made != 4 {
			t.Fatalf("%d calls, want 4: two and the budget's two retries", counted.made)
		}
		began := time.Now()
		_, err := guard.Cancel(t.Context(), "pi_1", "k")
		if !errors.Is(err, resilience.ErrOpen) || resilience.ClassOf(err) != resilience.Transient || time.Since(began) != 0 {
			t.Errorf("%v after %s, want a refusal at once", err, time.Since(began))
		}
		if counted.made != 4 {
			t.Errorf("%d calls more while open, want none", counted.made-4)
		}
	})
}

func TestTheBudgetOfRetriesSpansInvocations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{})
		guard := guarded(t, provider)
		made, err := guard.Create(t.Context(), order, "k")
		if err != nil {
			t.Fatal(err)
		}
		counted := &calls{Gateway: provider}
		guard.Gateway = counted
		retrieve := func(failures int) (attempts int) {
			faults := make([]gatewaytest.Fault, failures)
			for i := range faults {
				faults[i] = gatewaytest.Unreachable()
			}
			provider.Script(gatewaytest.Retrieve, faults...)
			before := counted.made
			_, _ = guard.Retrieve(t.Context(), made.Ref)
			return counted.made - before
		}
		for range 4 {
			retrieve(0)
		}
		if got := retrieve(2); got != 3 {
			t.Errorf("%d attempts, want the two retries of a fresh process", got)
		}
		if got := retrieve(1); got != 1 {
			t.Errorf("%d attempts of the next invocation, want no retry: the budget is used up", got)
		}
		for range 10 {
			retrieve(0)
		}
		if got := retrieve(1); got != 2 {
			t.Errorf("%d attempts, want one retry for ten successes", got)
		}
	})
}

func TestAReplayedAnswerSaysNothingOfTheProvidersHealth(t *testing.T) {
	t.Parallel()
	provider := gatewaytest.NewFake(gatewaytest.Config{})
	guard := guarded(t, provider)
	breaker, ok := guard.Breaker.(*resilience.Breaker)
	if !ok {
		t.Fatalf("%T", guard.Breaker)
	}
	for range 5 {
		if _, err := guard.Create(t.Context(), order, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if got := breaker.Status().Counts.Calls; got != 1 {
		t.Errorf("%d calls counted, want the first and none of four replays", got)
	}
}

func TestAFullBulkheadCallsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{Fault: func(gatewaytest.Call) gatewaytest.Fault { return gatewaytest.HangBefore() }})
		guard := guarded(t, provider)
		room, err := resilience.NewBulkhead(1, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		guard.Bulkhead, guard.Retry.Attempts = room, 1
		go func() { _, _ = guard.Retrieve(context.Background(), "pi_1") }()
		synctest.Wait()
		if _, err := guard.Retrieve(t.Context(), "pi_1"); !errors.Is(err, resilience.ErrFull) {
			t.Errorf("%v, want a refusal of the bulkhead", err)
		}
		_ = resilience.Sleep(t.Context(), guard.Attempt) // until the first has ended
	})
}
