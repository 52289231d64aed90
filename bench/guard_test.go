package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// provider answers at once.
type provider struct{ payments.Gateway }

func (provider) Retrieve(context.Context, string) (payments.Payment, error) {
	return payments.Payment{Ref: "pi_1", Status: payments.StatusAuthorized}, nil
}

// paymentGuard is what the payment function puts around every call, with the breaker
// of the whole fleet, closed.
func paymentGuard(t testing.TB) guarded {
	t.Helper()
	none := func() float64 { return 0 }
	breaker, err := fleet.New(&fleettest.Memory{}, fleet.Defaults(payments.BreakerRules(time.Now, none)))
	if err != nil {
		t.Fatal(err)
	}
	guard, err := payments.NewGuard(provider{}, breaker, time.Now, none)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) error {
		_, err := guard.Retrieve(ctx, "pi_1")
		return err
	}
}
