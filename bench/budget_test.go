package bench_test

import (
	"context"
	"flag"
	"testing"
	"time"
)

// cost is the best of several rounds: what else runs on the machine can only add.
type cost struct {
	ns     float64
	allocs int64
}

const (
	rounds    = 8
	roundTime = "200ms"
)

// TestBudgetOfResilience prints what a call costs with us and with the others,
// measured in turns within one run, and holds us to our budgets.
func TestBudgetOfResilience(t *testing.T) {
	if err := flag.Set("test.benchtime", roundTime); err != nil {
		t.Fatal(err)
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
			t.Logf("| %s | %s | %.0f | %d | %.2f |", s.name, c.name, best[c.name].ns, best[c.name].allocs, best[c.name].ns/best[s.yardstick].ns)
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
	within("all policies, time beside two deadlines", stack["hailstone"].ns/stack["two deadlines"].ns, 1.5)
	within("payment guard, time beside two deadlines", stack["payment guard"].ns/stack["two deadlines"].ns, 1.5)
}

// TestAllocations holds us to what does not depend on the machine.
func TestAllocations(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	most := map[string]map[string]float64{
		"closed":       {"hailstone": 0, "hailstone, shared": 0},
		"open":         {"hailstone": 0, "hailstone, shared": 0},
		"all policies": {"hailstone": 14, "payment guard": 14},
	}
	checked := 0
	for _, s := range situations() {
		for _, c := range s.contenders {
			budget, ours := most[s.name][c.name]
			if !ours {
				continue
			}
			checked++
			call := c.make(t)
			if got := testing.AllocsPerRun(1000, func() { _ = call(ctx) }); got > budget {
				t.Errorf("%s, %s: %v allocations a call, over the budget of %v", s.name, c.name, got, budget)
			}
		}
	}
	if checked != 6 {
		t.Errorf("%d situations checked, want 6", checked)
	}
}
