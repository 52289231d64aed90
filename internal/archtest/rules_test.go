package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const module = "github.com/hailstone-rides/hailstone/"

// core is the domain and what it stands on. A package may import only packages of a
// lower rank, and the standard library without I/O.
var core = map[string]int{
	"internal/control":           0,
	"internal/events":            0,
	"internal/resilience":        0,
	"internal/resilience/fleet":  1,
	"internal/sweeper":           1,
	"internal/booking":           1,
	"internal/queue":             1,
	"internal/payments":          2,
	"internal/readmodel":         2,
	"internal/deferral":          3,
	"internal/readmodel/rebuild": 3,
	"internal/repair":            4,
}

// edges translate between the outer world's shapes and the domain. Their subpackages are adapters, as those of core are.
var edges = []string{"internal/httpapi", "internal/relay"}

// tools help developers and are no part of what is deployed.
var tools = []string{"internal/localstack", "internal/paysim", "internal/toolbox"}

// inputOutput is what the core may not import of the standard library, with all that is below it.
var inputOutput = []string{"database", "log", "net", "os", "plugin", "syscall", "testing"}

// computation is the code of others that the core may import, because it only computes.
var computation = []string{"github.com/go-json-experiment/json"}

// confined names foreign code and the only places that may import it.
var confined = []struct {
	prefix string
	why    string
	allow  func(dir string) bool
}{
	{"github.com/aws/aws-sdk-go-v2", "AWS is called by adapters", func(dir string) bool {
		return isAdapter(dir) || isFunction(dir) || below(dir, "internal/awsenv") || isTool(dir) || below(dir, "cmd")
	}},
	{"github.com/aws/aws-lambda-go", "Lambda's types end in adapters", func(dir string) bool {
		return isAdapter(dir) || isFunction(dir) || below(dir, "internal/telemetry")
	}},
	{"github.com/stripe/stripe-go", "the provider is known to one adapter", func(dir string) bool {
		return dir == "internal/payments/stripegateway"
	}},
}

// A pkg is a package and what it imports, tests aside.
type pkg struct {
	ImportPath string
	Imports    []string
}

// violations returns a sentence for each import that breaks the rule.
func violations(pkgs []pkg) []string {
	var found []string
	for _, p := range pkgs {
		from, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		for _, imported := range p.Imports {
			var why string
			if to, ours := strings.CutPrefix(imported, module); ours {
				why = insideViolation(from, to)
			} else {
				why = outsideViolation(from, imported)
			}
			if why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", from, imported, why))
			}
		}
	}
	return found
}

func insideViolation(from, to string) string {
	rank, isCore := core[from]
	switch {
	case isCore:
		if toRank, ok := core[to]; !ok || toRank >= rank {
			return "the core imports only what is further in"
		}
	case isAdapter(from) && isAdapter(to):
		return "adapters never import each other"
	case isAdapter(to) && !isFunction(from) && !below(from, "cmd") && !below(from, "internal/system"):
		return "only functions and commands choose adapters"
	case isTestSupport(to) && !isTestSupport(from) && !below(from, "internal/system"):
		return "it is there for tests"
	case isTool(to) && !isTool(from) && !below(from, "cmd"):
		return "developers' tools are not deployed"
	}
	return ""
}

func outsideViolation(from, imported string) string {
	for _, c := range confined {
		if below(imported, c.prefix) && !c.allow(from) {
			return c.why
		}
	}
	if _, isCore := core[from]; !isCore {
		return ""
	}
	switch {
	case isForeign(imported):
		if !anyAbove(imported, computation) {
			return "the core needs only the standard library"
		}
	case anyAbove(imported, inputOutput):
		return "the core does no input or output"
	}
	return ""
}

// isAdapter reports whether a directory ties the core or an edge to one technology, as internal/events/dynamoevents does.
// What is part of the core below another part of it ties to none.
func isAdapter(dir string) bool {
	parent := path.Dir(dir)
	_, ofCore := core[parent]
	if _, inCore := core[dir]; inCore {
		return false
	}
	return (ofCore || slices.Contains(edges, parent)) && !isTestSupport(dir)
}

func isTestSupport(dir string) bool {
	return strings.HasSuffix(dir, "test") && path.Dir(dir) != "internal"
}

func isFunction(dir string) bool { return below(dir, "functions") }

func isTool(dir string) bool { return anyAbove(dir, tools) }

// isForeign reports whether an import path is of another module: those begin with a host.
func isForeign(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

func anyAbove(dir string, tops []string) bool {
	return slices.ContainsFunc(tops, func(top string) bool { return below(dir, top) })
}

// below reports whether a path is top or lies below it.
func below(dir, top string) bool {
	return dir == top || strings.HasPrefix(dir, top+"/")
}
