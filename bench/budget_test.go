package bench_test

import (
	"fmt"
	"testing"
)

// cost is the best of several rounds: what else runs on the machine can only add.
type cost struct {
	ns     float64
	allocs int64
}

const rounds = 3

// TestBudgetOfResilience prints what a call costs with us and with the others,
// measured in turns within one run, and holds us to our budgets.
func TestBudgetOfResilience(t *testing.T) {
	if testing.Short() {
		t.Skip("a measurement takes a minute")
	}
	measured := make(map[string]map[string]cost)
	for _, s := range situations() {
		best := make(map[string]cost)
		for round := range rounds {
			for _, c := range s.contenders {
				r := testing.Benchmark(s.run(c))
				got := cost{float64(r.T.Nanoseconds()) / float64(r.N), r.AllocsPerOp()}
				if round == 0 || got.ns < best[c.name].ns {
					best[c.name] = got
				}
			}
		}
		measured[s.name] = best
		for _, c := range s.contenders {
			t.Log(line(s.name, c.name, best[c.name], best["hailstone"]))
		}
	}
	within := func(what string, got, most float64) {
		t.Helper()
		t.Logf("budget: %-52s %6.2f of %g", what, got, most)
		if got > most {
			t.Errorf("%s: %.2f, over the budget of %g", what, got, most)
		}
	}
	closed, stack := measured["closed"], measured["all policies"]
	within("closed, time beside gobreaker", closed["hailstone"].ns/closed["gobreaker"].ns, 0.5)
	within("closed, allocations", float64(closed["hailstone"].allocs), 0)
	within("all policies, time beside two deadlines", stack["hailstone"].ns/stack["two deadlines"].ns, 1.5)
	within("all policies, allocations", float64(stack["hailstone"].allocs), 14)
}

func line(situation, name string, c, ours cost) string {
	return fmt.Sprintf("%-23s %-14s %8.1f ns %3d allocs   ours takes %.2f of it", situation, name, c.ns, c.allocs, ours.ns/c.ns)
}
