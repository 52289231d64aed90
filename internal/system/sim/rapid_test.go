package sim_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/system/sim"
)

// dice lets rapid throw, and so shrink, every choice of a world. Rapid ends a throw
// that it does not like by a panic, which must not happen in a task of the world:
// from then on every throw is the harmless one, and the panic goes on afterwards.
type dice struct {
	t     *rapid.T
	ended any
}

var _ sim.Dice = (*dice)(nil)

func (d *dice) IntN(n int) (v int) {
	if d.ended != nil {
		return 0
	}
	defer func() {
		if d.ended = recover(); d.ended != nil {
			v = 0
		}
	}()
	return rapid.IntRange(0, n-1).Draw(d.t, "choice")
}

func (d *dice) Float64() float64 {
	const steps = 10_000
	return float64(d.IntN(steps)) / steps
}

// Worlds hold when rapid makes them, too, which throws small numbers more often than
// large ones: other worlds than those of seeds.
func TestWorldsOfRapid(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Log("TestSeeds runs worlds under the race detector")
		return
	}
	rapid.Check(t, func(r *rapid.T) {
		if w := throw(t, r, sim.NoCanary); w.Violation != nil {
			r.Fatalf("%s", w.Violation)
		}
	})
}

// A bug shows in such worlds as well.
func TestRapidFindsACanary(t *testing.T) {
	t.Parallel()
	worlds := rapid.Custom(func(r *rapid.T) sim.Result { return throw(t, r, "no condition on the append") })
	for seed := range canarySeeds {
		if w := worlds.Example(seed); w.Violation != nil {
			t.Logf("found within %d worlds: %s", seed+1, w.Violation.Rule)
			return
		}
	}
	t.Errorf("%d worlds did not show it", canarySeeds)
}

// throw runs a world that rapid makes.
func throw(t *testing.T, r *rapid.T, canary sim.Canary) sim.Result {
	t.Helper()
	d := &dice{t: r}
	w := run(t, sim.Options{Seed: rapid.Uint64().Draw(r, "seed"), Dice: d, Canary: canary})
	if d.ended != nil {
		panic(d.ended)
	}
	return w
}
