package deploytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program is the source of a function's main and of the packages of this module that it
// imports, type-checked; of other modules it knows the exported types alone.
type program struct {
	fset    *token.FileSet
	info    *types.Info
	bodies  map[*types.Func]ast.Node // of declared functions
	pkgs    []*types.Package
	globals []ast.Node // initial values of package variables
}

// loadProgram reads what functions/<name> is built from, by go list, whose export data the
// build cache has.
func loadProgram(t *testing.T, name string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-export", "-json=ImportPath,Dir,GoFiles,Export,Standard", "./functions/"+name)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	p := &program{fset: token.NewFileSet(), bodies: map[*types.Func]ast.Node{}, info: &types.Info{
		Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	exports, ours := map[string]string{}, map[string]*types.Package{}
	foreign := importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); { // dependencies come first
		var pkg struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
			Standard                bool
		}
		if err := decoder.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		exports[pkg.ImportPath] = pkg.Export
		if !strings.HasPrefix(pkg.ImportPath+"/", modulePath) {
			continue
		}
		var files []*ast.File
		for _, file := range pkg.GoFiles {
			parsed, err := parser.ParseFile(p.fset, filepath.Join(pkg.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, parsed)
		}
		config := types.Config{Importer: importerOf(func(path string) (*types.Package, error) {
			if known := ours[path]; known != nil {
				return known, nil
			}
			return foreign.Import(path)
		})}
		checked, err := config.Check(pkg.ImportPath, p.fset, files, p.info)
		if err != nil {
			t.Fatal(err)
		}
		ours[pkg.ImportPath] = checked
		p.add(checked, files)
	}
	return p
}

type importerOf func(path string) (*types.Package, error)

func (i importerOf) Import(path string) (*types.Package, error) { return i(path) }

func (p *program) add(pkg *types.Package, files []*ast.File) {
	p.pkgs = append(p.pkgs, pkg)
	for _, file := range files {
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if f, ok := p.info.Defs[d.Name].(*types.Func); ok && d.Body != nil {
					p.bodies[f] = d.Body
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR && v.Names[0].Name != "_" {
						p.globals = append(p.globals, v)
					}
				}
			}
		}
	}
}

// reach is what main may come to: by calls, by function values, and through interfaces by the
// methods of every type of this module that is made somewhere on the way (rapid type analysis).
type reach struct {
	*program
	funcs    map[*types.Func]bool
	made     map[types.Type]bool
	called   map[string][]*types.Interface // interface methods that are called, by name
	bodies   []ast.Node
	worklist []ast.Node
}

func (p *program) reached(t *testing.T) []ast.Node {
	t.Helper()
	r := &reach{program: p, funcs: map[*types.Func]bool{}, made: map[types.Type]bool{}, called: map[string][]*types.Interface{}}
	r.worklist = append(r.worklist, p.globals...)
	main := p.pkgs[len(p.pkgs)-1].Scope().Lookup("main")
	r.function(main.(*types.Func))
	for {
		for len(r.worklist) > 0 {
			body := r.worklist[0]
			r.worklist = r.worklist[1:]
			r.bodies = append(r.bodies, body)
			ast.Inspect(body, r.visit)
		}
		r.dispatch()
		if len(r.worklist) == 0 {
			return r.bodies
		}
	}
}

func (r *reach) visit(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.Ident:
		if f, ok := r.info.Uses[n].(*types.Func); ok {
			r.function(f)
		}
	case ast.Expr:
		r.makes(r.info.Types[n].Type)
	}
	return true
}

// makes notes a type that a value on the way has.
func (r *reach) makes(of types.Type) {
	if of == nil {
		return
	}
	if pointer, ok := of.Underlying().(*types.Pointer); ok {
		of = pointer.Elem()
	}
	named, ok := types.Unalias(of).(*types.Named)
	if ok && named.Obj().Pkg() != nil && strings.HasPrefix(named.Obj().Pkg().Path(), modulePath) && !types.IsInterface(named) {
		r.made[named.Origin()] = true
	}
	if anonymous, ok := of.(*types.Struct); ok { // it may embed what has methods
		r.made[anonymous] = true
	}
}

func (r *reach) function(f *types.Func) {
	f = f.Origin()
	if r.funcs[f] {
		return
	}
	r.funcs[f] = true
	receiver := f.Signature().Recv()
	if receiver != nil {
		if i, ok := receiver.Type().Underlying().(*types.Interface); ok {
			r.called[f.Name()] = append(r.called[f.Name()], i)
			return
		}
	}
	if body := r.program.bodies[f]; body != nil {
		r.worklist = append(r.worklist, body)
	}
}

// dispatch reaches the methods behind interfaces. What net/http and others call is reached by
// the name of the method.
func (r *reach) dispatch() {
	for made := range r.made {
		for _, of := range []types.Type{made, types.NewPointer(made)} {
			set := types.NewMethodSet(of)
			for i := range set.Len() {
				method, ok := set.At(i).Obj().(*types.Func)
				if !ok {
					continue
				}
				outside := method.Name() == "ServeHTTP" || method.Name() == "RoundTrip"
				for _, wanted := range r.called[method.Name()] {
					outside = outside || types.Implements(of, wanted) || generic(made)
				}
				if outside {
					r.function(method)
				}
			}
		}
	}
}

func generic(of types.Type) bool {
	named, ok := of.(*types.Named)
	return ok && named.TypeParams().Len() > 0
}

// text is an expression as it stands in the source.
func (p *program) text(e ast.Expr) string {
	file := p.fset.Position(e.Pos()).Filename
	source, err := os.ReadFile(file)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(source[p.fset.Position(e.Pos()).Offset:p.fset.Position(e.End()).Offset])
}
