package sim

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// fault is one way for the world to go wrong. To add one: name it, give it a line
// in the table, and ask for it where it strikes, see [World.fate].
type fault string

// The faults.
const (
	none fault = ""

	// Of every input and output of a function.
	slow   fault = "slow"   // seconds
	frozen fault = "frozen" // minutes, and then on as if nothing had been
	crash  fault = "crash"  // the environment is gone

	// Of every store.
	throttled  fault = "throttled"
	lostBefore fault = "lost before" // the caller does not know, nothing happened
	lostAfter  fault = "lost after"  // the caller does not know, it happened
	late       fault = "late"        // the caller does not know, it is still on its way
	repeated   fault = "repeated"    // the client library repeats what it got no answer to
	contended  fault = "contended"   // another transaction is at the item
	stale      fault = "stale"       // an eventually consistent read

	// Of queues.
	refused    fault = "refused" // a part of a batch
	duplicated fault = "duplicated"
	delayed    fault = "delayed"
	overpulled fault = "overpulled" // received, but no function was free
	undeleted  fault = "undeleted"  // handled, but delivered again

	// Of the change stream.
	reordered fault = "reordered"
	rewound   fault = "rewound" // the iterator goes back
	outage    fault = "outage"  // the relay does not run, for hours or longer than the stream keeps records

	// Of the payment provider.
	unreachable fault = "unreachable"
	rateLimited fault = "rate limited"
	hangBefore  fault = "hang before"
	hangAfter   fault = "hang after"
	busy        fault = "busy"
	stored500   fault = "stored 500"
	declined    fault = "declined"
	down        fault = "down" // for hours

	// Of clients.
	unanswered fault = "unanswered" // the answer is lost on its way
	impatient  fault = "impatient"  // repeats before there is an answer
	raced      fault = "raced"      // sends twice at once
	gaveUp     fault = "gave up"

	// Of operators.
	asleep fault = "asleep" // nobody looks at the dead letters, for days

	// Of clocks.
	skewed fault = "skewed" // by up to 5 minutes
)

// mostLikely are the highest probabilities that a seed may draw for a fault.
var mostLikely = map[fault]float64{
	slow: 0.05, frozen: 0.01, crash: 0.03,
	throttled: 0.1, lostBefore: 0.1, lostAfter: 0.1, late: 0.05, repeated: 0.2, contended: 0.2, stale: 0.5,
	refused: 0.2, duplicated: 0.3, delayed: 0.3, overpulled: 0.1, undeleted: 0.2,
	reordered: 0.5, rewound: 0.2,
	unreachable: 0.2, rateLimited: 0.2, hangBefore: 0.1, hangAfter: 0.1, busy: 0.2, stored500: 0.2, declined: 0.1,
	unanswered: 0.2, impatient: 0.1, raced: 0.2, gaveUp: 0.2,
	skewed: 0.8,
}

// plan is the probability of each fault in a world.
type plan = map[fault]float64

// onceAWorld are faults that strike once or not at all; their probability is what it is.
var onceAWorld = map[fault]float64{outage: 0.08, down: 0.1, asleep: 0.05}

// drawPlan switches about half of the faults on, each at a rate of its own: many
// bugs need much of one thing and little of another.
func drawPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 0x70_6c_61_6e))
	p := maps.Clone(onceAWorld)
	for _, f := range faultNames() {
		on, rate := r.IntN(2) == 0, mostLikely[f]*math.Pow(10, -2*r.Float64())
		if on {
			p[f] = rate
		}
	}
	return p
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

// latencies are of calls that go as they should. The first is the rarest in the
// world, and the one that lets others come between the least.
var latencies = [...]time.Duration{0, time.Millisecond, 3 * time.Millisecond, 8 * time.Millisecond, 20 * time.Millisecond, 90 * time.Millisecond}

// travel is the way of a call to a dependency, or of its answer: time passes, others
// go on, and the caller's environment may not live to see the end of it.
func (w *World) travel(t *task) {
	way := latencies[w.src.pick("latency of "+t.inv.function, len(latencies))]
	switch w.fate("travel in "+t.inv.function, slow, frozen, crash) {
	case slow:
		way += time.Duration(1+w.src.pick("slow", 20)) * time.Second
		w.tell("", "%s takes %s", t.name, way)
	case frozen:
		way += time.Duration(1+w.src.pick("frozen", 15)) * time.Minute
		t.inv.thawed = true
		w.reach(frozenAndResumed)
		w.tell("", "%s is frozen for %s", t.name, way)
	case crash:
		w.tell("", "%s crashes", t.name)
		t.inv.dead = true
		if t.inv.appended {
			w.reach(crashAfterAppend)
		}
	default:
	}
	w.sched.park(t, time.Now().Add(way))
	if now := time.Now(); now.After(t.inv.deadline) && !t.inv.thawed {
		w.reach(functionTimedOut)
		w.tell("", "%s runs out of time", t.name)
		t.inv.dead = true
		w.sched.park(t, now)
	}
}

// faultNames returns all faults, always in the same order.
func faultNames() []fault { return slices.Sorted(maps.Keys(mostLikely)) }
