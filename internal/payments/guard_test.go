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

func guarded(provider *gatewaytest.Fake) *payments.Guard {
	return payments.NewGuard(provider, time.Now, func() float64 { return 0.5 })
}

var order = payments.Order{BookingID: string(id), Amount: 1308, Currency: "EUR", Method: "pm_card_visa"}

func TestTheGuardRepeatsOnlyWhatHadNoEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := gatewaytest.NewFake(gatewaytest.Config{})
		guard := guarded(provider)
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
		guard := guarded(provider)
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
		guard := guarded(provider)
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
	guard := guarded(gatewaytest.NewFake(gatewaytest.Config{}))
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
