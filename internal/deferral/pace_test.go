package deferral_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestHowMuchTheBreakerLetsThrough(t *testing.T) {
	t.Parallel()
	soon := noon.Add(2 * time.Second)
	for name, test := range map[string]struct {
		status  fleet.Status
		backlog int
		n       int
		again   time.Time
	}{
		"closed":                    {fleet.Status{Mode: resilience.Auto}, 0, 5, time.Time{}},
		"closed, some wait":         {fleet.Status{Mode: resilience.Auto}, 47, 3, time.Time{}},
		"closed, enough wait":       {fleet.Status{Mode: resilience.Auto}, 50, 0, soon},
		"closed, too many wait":     {fleet.Status{Mode: resilience.Auto}, 900, 0, soon},
		"forced closed":             {fleet.Status{Mode: resilience.ForcedClosed}, 0, 5, time.Time{}},
		"forced open":               {fleet.Status{Mode: resilience.ForcedOpen, State: resilience.Open, ProbeDue: true}, 0, 0, time.Time{}},
		"open":                      {fleet.Status{Mode: resilience.Auto, State: resilience.Open, Until: noon.Add(time.Minute)}, 0, 0, noon.Add(time.Minute)},
		"open, rested":              {fleet.Status{Mode: resilience.Auto, State: resilience.Open, Until: noon, ProbeDue: true}, 0, 1, time.Time{}},
		"half open":                 {fleet.Status{Mode: resilience.Auto, State: resilience.HalfOpen, ProbeDue: true}, 0, 1, time.Time{}},
		"half open, a probe is out": {fleet.Status{Mode: resilience.Auto, State: resilience.HalfOpen}, 0, 0, soon},
	} {
		n, again := deferral.Portion(&deferral.Pace{}, test.status, noon, 5, test.backlog)
		if n != test.n || !again.Equal(test.again) {
			t.Errorf("%s: %d, again %s; want %d, again %s", name, n, again, test.n, test.again)
		}
	}
}

// A provider that comes back meets a trickle first. Each time the breaker was seen
// open, it begins anew.
func TestPortionsGrow(t *testing.T) {
	t.Parallel()
	closed, open := fleet.Status{}, fleet.Status{State: resilience.Open, Until: noon.Add(time.Second)}
	var p deferral.Pace
	var sizes []int
	for _, status := range []fleet.Status{closed, closed, closed, open, closed, closed, closed, closed, closed, closed, closed, closed} {
		n, _ := deferral.Portion(&p, status, noon, 10, 0)
		sizes = append(sizes, n)
	}
	if diff := cmp.Diff([]int{10, 20, 40, 0, 10, 20, 40, 80, 100, 100, 100, 100}, sizes); diff != "" {
		t.Errorf("portions (-want +got):\n%s", diff)
	}
	var many deferral.Pace
	for range 10 {
		if n, _ := deferral.Portion(&many, closed, noon, 1000, 0); n > 200 {
			t.Errorf("a portion of %d: it could not be sent in time", n)
		}
	}
}
