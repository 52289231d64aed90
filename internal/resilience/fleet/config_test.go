package fleet_test

import (
	"context"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// The protocol is tested on a real table, in dynamobreaker.

func rules(now func() time.Time) resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 10, Window: 30 * time.Second, Buckets: 30,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: now, Rand: func() float64 { return 0 },
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := fleet.Defaults(rules(time.Now))
	if _, err := fleet.New(&fleettest.Memory{}, good); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for name, spoil := range map[string]func(*fleet.Config){
		"no TTL":       func(c *fleet.Config) { c.TTL = 0 },
		"no limit":     func(c *fleet.Config) { c.StoreTimeout = 0 },
		"no reports":   func(c *fleet.Config) { c.ReportsPerSecond = 0 },
		"no ids":       func(c *fleet.Config) { c.NewID = nil },
		"no sane rule": func(c *fleet.Config) { c.Rules.FailureRate = 2 },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := fleet.New(&fleettest.Memory{}, cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What lies a window ahead of a clock that was set back is no obsolete count when the
// clock comes to it again.
func TestAClockSetBackDropsNoCountThatItAddsTo(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	store := &fleettest.Memory{}
	b, err := fleet.New(store, fleet.Defaults(rules(func() time.Time { return at })))
	if err != nil {
		t.Fatal(err)
	}
	failing := func(context.Context) error { return context.DeadlineExceeded }
	_ = b.Do(t.Context(), failing)
	at = at.Add(time.Minute) // the first count is obsolete
	_ = b.Do(t.Context(), failing)
	at = at.Add(-time.Minute)
	_ = b.Do(t.Context(), failing)
	r, err := store.Read(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	var failed int64
	for _, n := range r.Counts {
		failed += n.Failing
	}
	if failed < 2 {
		t.Errorf("%+v, want no count lost that was added to", r.Counts)
	}
}
