package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/system/sim"
)

var (
	seeds   = flag.Uint64("seeds", 0, "how many seeds to run; 0: as many as minutes allow, or what the tests need")
	from    = flag.Uint64("from", 1, "the first seed")
	seed    = flag.Uint64("seed", 0, "run this seed alone and tell its story")
	minutes = flag.Float64("minutes", 0, "stop after this time")
	keep    = flag.Bool("keep", false, "write the shrunk trace of a failure to testdata")
)

// run lets a world live in simulated time.
func run(t *testing.T, o sim.Options) sim.Result {
	t.Helper()
	var r sim.Result
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = sim.Run(o); err != nil {
			t.Fatal(err)
		}
	})
	return r
}

// tally sums up runs.
type tally struct {
	mu                  sync.Mutex
	seeds, poor         int
	bookings, completed int
	faults              map[string]int
	steps               int
	simulated           time.Duration
	reached             map[sim.Probe]bool
	began               time.Time
}

func newTally() *tally {
	return &tally{faults: map[string]int{}, reached: map[sim.Probe]bool{}, began: time.Now()}
}

func (y *tally) add(r sim.Result) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.seeds++
	if r.Bookings < minBookings || r.Completed < minCompleted {
		y.poor++
	}
	y.bookings += r.Bookings
	y.completed += r.Completed
	y.steps += r.Steps
	y.simulated += r.Simulated
	for f, n := range r.Faults {
		y.faults[string(f)] += n
	}
	for p := range r.Reached {
		y.reached[p] = true
	}
}

// missing returns the probes that nothing has reached, and the faults that never
// struck.
func (y *tally) missing() []string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var missing []string
	for _, p := range sim.Probes() {
		if !y.reached[p] {
			missing = append(missing, "no seed got there: "+string(p))
		}
	}
	for _, f := range sim.Faults() {
		if y.faults[f] == 0 {
			missing = append(missing, "no seed had the fault: "+f)
		}
	}
	return missing
}

func (y *tally) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	took, faults := time.Since(y.began), 0
	for _, n := range y.faults {
		faults += n
	}
	return fmt.Sprintf("%d seeds in %s (%.0f a minute), %d bookings, %d rides completed, %d faults, %d steps, %.0f hours simulated",
		y.seeds, took.Round(time.Second), float64(y.seeds)/took.Minutes(), y.bookings, y.completed, faults, y.steps, y.simulated.Hours())
}

// minimum of what a seed must have done, so that nothing passes by doing nothing. One
// in a hundred may be poor: worlds in which all is throttled, and people give up.
const (
	minBookings  = 20
	minCompleted = 1
	// meanCompleted must be reached by each hundred seeds, and more.
	meanCompleted = 9
	// twiceEvery is how often a seed runs a second time, and from its trace, for the
	// same hash.
	twiceEvery = 25
)

func checkSeed(t *testing.T, seed uint64, y *tally) bool {
	t.Helper()
	r := run(t, sim.Options{Seed: seed})
	y.add(r)
	switch {
	case r.Violation != nil:
		report(t, seed, r)
	case seed%twiceEvery == 1:
		again, replayed := run(t, sim.Options{Seed: seed}), run(t, sim.Options{Trace: r.Trace})
		if again.Hash != r.Hash || replayed.Hash != r.Hash {
			t.Errorf("seed %d: its runs differ: %x, %x again, %x from the trace", seed, r.Hash, again.Hash, replayed.Hash)
		}
	}
	return r.Violation == nil
}

// report says all that helps to understand a failure.
func report(t *testing.T, seed uint64, r sim.Result) {
	t.Helper()
	kept := shrink(t, "", r)
	told := run(t, sim.Options{Trace: kept.Trace, Story: true})
	name := fmt.Sprintf("testdata/seed-%d.json", seed)
	if *keep {
		write(t, name, kept)
	}
	t.Errorf("seed %d: %s\n\nThe story, after %d of %d choices were left out:\n%s\nAgain: make sim SEED=%d (with KEEP=1, the trace is written to %s)",
		seed, r.Violation, r.Trace.Len()-kept.Trace.Len(), r.Trace.Len(), told.Tell(), seed, name)
}

// shrink makes the trace of a failure as short as time allows.
func shrink(t *testing.T, canary sim.Canary, failed sim.Result) sim.Kept {
	t.Helper()
	again := func(trace sim.Trace) sim.Result { return run(t, sim.Options{Trace: trace, Canary: canary}) }
	return sim.Kept{Rule: failed.Violation.Rule, Canary: canary, Trace: sim.Shrink(failed, again, 20*time.Second)}
}

func write(t *testing.T, name string, kept sim.Kept) {
	t.Helper()
	raw, err := kept.Encode()
	if err == nil {
		err = os.WriteFile(name, raw, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// several runs seeds side by side, from *from on, until there are n or the time is
// up, or too many have failed to be read. Without n it stops early once it ran for
// long enough and has seen everything.
func several(t *testing.T, n uint64, limit time.Duration) *tally {
	t.Helper()
	const tooMany, enough = 3, time.Minute
	y := newTally()
	if *seeds > 0 || *minutes > 0 {
		defer progress(y)()
	}
	next := *from - 1
	var failed atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for failed.Load() < tooMany && (limit == 0 || time.Since(y.began) < limit) {
				at := atomic.AddUint64(&next, 1)
				if n > 0 && at >= *from+n || n == 0 && *minutes == 0 && time.Since(y.began) > enough && len(y.missing()) == 0 {
					return
				}
				if !checkSeed(t, at, y) {
					failed.Add(1)
				}
			}
		})
	}
	workers.Wait()
	t.Log(y)
	for _, what := range y.few() {
		t.Error(what)
	}
	return y
}

// few says in what too little happened.
func (y *tally) few() []string {
	var few []string
	if most := 1 + y.seeds/100; y.poor > most {
		few = append(few, fmt.Sprintf("%d of %d seeds had less than %d bookings or %d rides; want at most %d", y.poor, y.seeds, minBookings, minCompleted, most))
	}
	if y.seeds >= 100 && y.completed < meanCompleted*y.seeds {
		few = append(few, fmt.Sprintf("%d rides were completed in %d seeds; want at least %d for each", y.completed, y.seeds, meanCompleted))
	}
	return few
}

// progress prints how far a long run is, until it is stopped.
func progress(y *tally) (stop func()) {
	tick, done := time.NewTicker(5*time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(os.Stderr, "from seed %d: %s\n", *from, y)
			case <-done:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(done) }
}

// TestSeeds is the suite: as many seeds as the time allows, each a world of its own.
// make sim runs it alone.
func TestSeeds(t *testing.T) {
	switch {
	case *seed > 0:
		y := newTally()
		if checkSeed(t, *seed, y) {
			t.Log(run(t, sim.Options{Seed: *seed, Story: true}).Tell())
		}
		t.Log(y)
		return
	case *hunt:
		hunted(t, *seeds)
		return
	case *seeds > 0 || *minutes > 0:
		several(t, *seeds, time.Duration(*minutes*float64(time.Minute)))
		return
	}
	if raceDetector {
		several(t, 6, 0)
		return
	}
	y := several(t, 0, 4*time.Minute)
	for _, what := range y.missing() {
		t.Error(what)
	}
}
