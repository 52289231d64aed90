package sim

import (
	"maps"
	"math"
	"math/rand/v2"
)

// fault is one way for the world to go wrong. To add one: name it beside what it
// strikes, give it a line in the faults of that part, and ask for it where it
// strikes, see [World.fate].
type fault string

// none is that nothing goes wrong.
const none fault = ""

// plan is the probability of each fault in a world.
type plan = odds

// drawPlan switches about half of the faults on, each at a rate of its own: many
// bugs need much of one thing and little of another. What a seed draws for a fault
// does not depend on which others there are.
func drawPlan(seed uint64) plan {
	drawn := plan{}
	for _, p := range parts() {
		maps.Copy(drawn, p.onceAWorld)
		for f, most := range p.faults {
			r := rand.New(rand.NewPCG(seed, digest(string(f))))
			if r.IntN(2) == 0 {
				drawn[f] = most * math.Pow(10, -2*r.Float64())
			}
		}
	}
	return drawn
}

// fate chooses between nothing and one of the faults, for something that happens
// at a place. In the second phase nothing goes wrong any more.
func (w *World) fate(place string, among ...fault) fault {
	if w.quiet {
		return none
	}
	weights := make([]float64, len(among))
	for i, f := range among {
		weights[i] = w.plan[f]
	}
	i := w.src.weighted(place, weights)
	if i == 0 {
		return none
	}
	f := among[i-1]
	w.result.Faults[f]++
	return f
}

func (w *World) strikes(f fault, place string) bool { return w.fate(place+" "+string(f), f) == f }
