package fleet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// gobreaker, distributed: a lock in the store is held during the call, so that 8 calls
// of 100 ms at once took 3.6 s. The other flaws of breakers that are shared through a
// store are tested on a real table, in dynamobreaker.
func TestFlawCallsWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fleettest.Memory{}
		began := time.Now()
		ended := make(chan error)
		for range 8 {
			b, err := fleet.New(store, fleet.Defaults(rules(time.Now)))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				ended <- b.Do(context.Background(), func(ctx context.Context) error {
					return resilience.Sleep(ctx, 100*time.Millisecond)
				})
			}()
		}
		for range 8 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if got := time.Since(began); got != 100*time.Millisecond {
			t.Errorf("8 calls of 100 ms took %s, want 100 ms", got)
		}
	})
}
