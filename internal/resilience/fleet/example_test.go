package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// Two environments, one record, and an operator who stops both.
func Example() {
	store := &fleettest.Memory{} // or dynamobreaker.New(client, table, "payments")
	environment := func() *fleet.Breaker {
		b, err := fleet.New(store, fleet.Defaults(resilience.BreakerConfig{
			FailureRate: 0.5, MinCalls: 10, Window: 30 * time.Second, Buckets: 30,
			OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
			Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
			Now: time.Now, Rand: rand.Float64,
		}))
		if err != nil {
			panic(err)
		}
		return b
	}
	desk := &fleet.Desk{Store: store, Now: time.Now}
	if _, err := desk.Give(context.Background(), resilience.ForcedOpen, "ada", "their status page is red"); err != nil {
		fmt.Println(err)
	}
	for range 2 {
		fmt.Println(environment().Do(context.Background(), func(context.Context) error { return nil }))
	}
	orders, _ := desk.Orders(context.Background(), 1)
	fmt.Println(orders[0].Mode, "by", orders[0].By, "because", orders[0].Why)
	// Output:
	// circuit breaker is open
	// circuit breaker is open
	// FORCED_OPEN by ada because their status page is red
}
