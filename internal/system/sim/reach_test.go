package sim_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/system/sim"
)

// Every probe is declared in reach.go, listed there, and used somewhere: TestSeeds
// demands only those of the list, so one that is not on it would be demanded by
// nobody.
func TestEveryProbeIsListedAndUsed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared, uses := map[string]bool{}, map[string]int{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Probe" {
					declared[n.Names[0].Name] = true
					if name != "reach.go" {
						t.Errorf("%s declares the probe %s, which belongs in reach.go", name, n.Names[0].Name)
					}
				}
			case *ast.CallExpr:
				reachesConstant(t, name, n, uses)
			}
			return true
		})
	}
	if len(declared) != len(sim.Probes()) {
		t.Errorf("%d probes are declared, %d are listed", len(declared), len(sim.Probes()))
	}
	for probe := range declared {
		if uses[probe] == 0 {
			t.Errorf("nothing reaches %s", probe)
		}
	}
	for probe := range uses {
		if !declared[probe] {
			t.Errorf("%s is reached and is no probe of reach.go", probe)
		}
	}
}

// reachesConstant counts a call of reach, whose argument must be a name.
func reachesConstant(t *testing.T, file string, call *ast.CallExpr, uses map[string]int) {
	t.Helper()
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || method.Sel.Name != "reach" || len(call.Args) != 1 {
		return
	}
	probe, ok := call.Args[0].(*ast.Ident)
	if !ok {
		t.Errorf("%s reaches something that is no constant", file)
		return
	}
	uses[probe.Name]++
}

// The lists are what the suite demands; none of them must hold a name twice.
func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range sim.Probes() {
		names = append(names, "probe: "+string(p))
	}
	for _, c := range sim.Canaries() {
		names = append(names, "canary: "+string(c))
	}
	for _, f := range sim.Faults() {
		names = append(names, "fault: "+f)
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("%s: listed twice", name)
		}
		seen[name] = true
	}
}

// readKept reads a trace that was kept in testdata.
func readKept(t *testing.T, path string) sim.Kept {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	k, err := sim.ReadKept(raw)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return k
}
