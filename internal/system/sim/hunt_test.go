package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/system/sim"
)

var hunt = flag.Bool("hunt", false, "end at the first failure and say it in one line: for the command mutants, which reads that")

// What a mutant must not cost before it counts as found: the usual seed takes a
// fraction of a second, and a few megabytes.
const (
	huntTime   = 2 * time.Minute
	huntMemory = 1 << 30
	// probeSeeds reach every probe.
	probeSeeds = 300
)

// hunted runs seeds until one fails, one after the other, and then judges them together
// as the suite does.
func hunted(t *testing.T, n uint64) {
	t.Helper()
	y := newTally()
	for at := *from; at < *from+n; at++ {
		fmt.Fprintf(os.Stderr, "at seed %d\n", at)
		stop := watch()
		r := run(t, sim.Options{Seed: at})
		stop()
		y.add(r)
		if r.Violation != nil {
			t.Fatalf("FOUND by seed %d: %s: %.300s", at, r.Violation.Rule, fmt.Sprintf("%s %q", r.Violation.Booking, r.Violation.Detail))
		}
	}
	wrong := y.few()
	if n >= probeSeeds {
		wrong = append(wrong, y.missing()...)
	}
	for _, what := range wrong {
		t.Errorf("FOUND: %s", what)
	}
}

// watch ends the process of a world that does not end, or that needs too much memory.
func watch() (stop func()) {
	began, done := time.Now(), make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > huntMemory {
				panic("the world needs too much memory")
			}
			if time.Since(began) > huntTime {
				panic("the world does not end")
			}
		}
	}()
	return func() { close(done) }
}
