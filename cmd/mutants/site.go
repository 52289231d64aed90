package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// packages run in Lambda, and the simulator executes them with adapters in memory.
var packages = []string{
	"events", "booking", "payments", "deferral", "readmodel", "readmodel/rebuild", "relay", "queue", "httpapi", "repair", "sweeper",
	"resilience", "resilience/fleet", "control",
}

// mutant is one change of one file.
type mutant struct {
	file       string // relative to the module
	line       int
	column     int
	operator   string
	start, end int // bytes of the file that are replaced
	before     string
	after      string
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d %s: %s -> %s", m.file, m.line, m.operator, short(m.before), short(m.after))
}

// short is a text in one line of moderate length.
func short(text string) string {
	const most = 90
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "nothing"
	}
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// apply returns the source with the change.
func (m mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.start], []byte(m.after), source[m.end:])
}

// mutantsOf returns every mutant of the packages of a module, in a fixed order.
func mutantsOf(module string) ([]mutant, error) {
	var all []mutant
	for _, p := range packages {
		files, err := filepath.Glob(filepath.Join(module, "internal", p, "*.go"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("find files of internal/%s: %d found, %w", p, len(files), err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(module, path)
			if err != nil {
				return nil, err
			}
			made, err := mutantsIn(name, source)
			if err != nil {
				return nil, err
			}
			all = append(all, made...)
		}
	}
	return all, nil
}

// mutantsIn returns the mutants of one file.
func mutantsIn(name string, source []byte) ([]mutant, error) {
	f := &file{name: name, source: source, set: token.NewFileSet()}
	parsed, err := parser.ParseFile(f.set, name, source, 0)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && d.Name.Name != "String" && d.Name.Name != "Error" {
				f.inFunction(d.Type, d.Body)
			}
		case *ast.GenDecl:
			if d.Tok == token.CONST || d.Tok == token.VAR {
				f.inExpressions(d)
			}
		}
	}
	slices.SortStableFunc(f.made, func(a, b mutant) int { return cmp.Compare(a.start, b.start) })
	return f.made, nil
}
