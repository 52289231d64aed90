package sim_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/system/sim"
)

// A bug that the suite would not find in this many seeds is a hole in the suite.
const canarySeeds = 300

// keptCanaries are those whose traces are kept, by the name of the file: enough to
// prove that a trace is shrunk, kept and told. Every change of what a world chooses
// wears them out.
var keptCanaries = map[sim.Canary]string{
	"what the relay could not send is dropped":  "testdata/canary-relay.json",
	"a payment is not canceled at the provider": "testdata/canary-cancel.json",
	"a command is stored without its request":   "testdata/canary-request.json",
}

func TestEveryCanaryIsFound(t *testing.T) {
	t.Parallel()
	seeds := uint64(canarySeeds)
	if raceDetector {
		seeds = 3 // for races; that each is found is demanded without it
	}
	for _, canary := range sim.Canaries() {
		t.Run(string(canary), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= seeds; seed++ {
				r := run(t, sim.Options{Seed: seed, Canary: canary})
				if r.Violation == nil {
					continue
				}
				if sound := run(t, sim.Options{Seed: seed}); sound.Violation != nil {
					t.Fatalf("seed %d fails without the bug, too: %s", seed, sound.Violation)
				}
				t.Logf("found within %d seeds: %s", seed, r.Violation.Rule)
				if name := keptCanaries[canary]; *keep && name != "" {
					write(t, name, shrink(t, canary, r))
				}
				return
			}
			if !raceDetector {
				t.Errorf("%d seeds did not find it", seeds)
			}
		})
	}
}

// What once broke a rule is run for ever. A trace that needs a canary must still
// find it, else it has worn out: its choices mean something else by now.
func TestKeptTraces(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no kept traces: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			kept := readKept(t, path)
			if r := run(t, sim.Options{Trace: kept.Trace}); r.Violation != nil {
				t.Errorf("%s", r.Violation)
			}
			if kept.Canary == sim.NoCanary {
				return
			}
			r := run(t, sim.Options{Trace: kept.Trace, Canary: kept.Canary, Story: true})
			if r.Violation == nil || r.Violation.Rule != kept.Rule {
				t.Errorf("the trace has worn out: with %q it should break %q, and it breaks %v; make it anew with -run Canary -keep", kept.Canary, kept.Rule, r.Violation)
			} else if story := r.Tell(); !strings.Contains(story, "VIOLATION") {
				t.Errorf("the story does not tell of it:\n%s", story)
			}
		})
	}
}
