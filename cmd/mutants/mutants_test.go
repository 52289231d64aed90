package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package p

import "errors"

const limit = 4

type point struct{ x, y int }

func f(n int, log interface{ Info(string) }) (point, error) {
	if n < limit && n != 7 {
		return point{}, errors.New("small")
	}
	n += 20
	log.Info("so far")
	switch n {
	case 24:
		n++
	}
	return point{x: n, y: 1}, nil
}

func big(n int) bool { return n > 100 }
`

func TestEveryOperatorMakesItsMutants(t *testing.T) {
	t.Parallel()
	made, err := mutantsIn("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range made {
		got = append(got, m.String())
		if changed := string(m.apply([]byte(source))); changed == source || !strings.Contains(changed, m.after) {
			t.Errorf("%s changes nothing", m)
		}
	}
	for _, want := range []string{
		"p.go:5 change the number: 4 -> 5",
		"p.go:10 negate the condition: n < limit && n != 7 -> !(n < limit && n != 7)",
		"p.go:10 remove the guard: n < limit && n != 7 -> false && (n < limit && n != 7)",
		"p.go:10 swap the operator: < -> <=",
		"p.go:10 swap the operator: && -> ||",
		"p.go:10 swap the operator: != -> ==",
		"p.go:10 change the number: 7 -> 8",
		`p.go:11 return no error: errors.New("small") -> nil`,
		"p.go:13 remove the statement: n += 20 -> nothing",
		"p.go:13 change the number: 20 -> 40",
		"p.go:16 change the number: 24 -> 48",
		"p.go:17 empty the case: n++ -> nothing",
		"p.go:17 remove the statement: n++ -> nothing",
		"p.go:19 leave the field out: x: n, -> nothing",
		"p.go:19 leave the field out: y: 1 -> nothing",
		"p.go:19 change the number: 1 -> 2",
		"p.go:22 return the opposite: n > 100 -> !(n > 100)",
		"p.go:22 swap the operator: > -> >=",
		"p.go:22 change the number: 100 -> 200",
	} {
		found := false
		for i, m := range got {
			if m == want {
				got, found = append(got[:i], got[i+1:]...), true
				break
			}
		}
		if !found {
			t.Errorf("there is no %s", want)
		}
	}
	if len(got) > 0 {
		t.Errorf("there are, too:\n%s", strings.Join(got, "\n"))
	}
}

// A package that is renamed would be measured no more.
func TestEveryPackageIsOneOfTheSimulator(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", simPackage)
	cmd.Dir = filepath.Join("..", "..")
	deps, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if !strings.Contains(string(deps), "hailstone/internal/"+p+"\n") {
			t.Errorf("the simulator does not have internal/%s", p)
		}
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	const profile = `mode: set
github.com/hailstone-rides/hailstone/internal/queue/queue.go:10.20,12.3 2 1
github.com/hailstone-rides/hailstone/internal/queue/queue.go:12.3,14.2 2 0
`
	c, err := parseCoverage([]byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[int]bool{5: true, 11: true, 13: false} {
		if got := c.has(mutant{file: "internal/queue/queue.go", line: line, column: 1}); got != want {
			t.Errorf("line %d is covered: %v, want %v", line, got, want)
		}
	}
	if share := c.share(); share != 0.5 {
		t.Errorf("%v of the statements ran, want 0.5", share)
	}
	if _, err := parseCoverage([]byte("a.go:1,2 3")); err == nil {
		t.Error("a broken profile is read")
	}
}
