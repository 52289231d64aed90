package main

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// file collects the mutants of a file.
type file struct {
	name   string
	source []byte
	set    *token.FileSet
	made   []mutant
}

func (f *file) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *file) text(n ast.Node) string { return string(f.source[f.offset(n.Pos()):f.offset(n.End())]) }

// replace makes the mutant in which a node reads otherwise.
func (f *file) replace(operator string, n ast.Node, after string) {
	f.replaceAt(operator, n.Pos(), n.End(), after)
}

func (f *file) replaceAt(operator string, from, to token.Pos, after string) {
	start, end := f.offset(from), f.offset(to)
	f.made = append(f.made, mutant{
		file: f.name, line: f.set.Position(from).Line, column: f.set.Position(from).Column, operator: operator, start: start, end: end, before: string(f.source[start:end]), after: after,
	})
}

// inFunction makes the mutants of a function's body. Functions within it have their own
// results.
func (f *file) inFunction(signature *ast.FuncType, body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.inFunction(n.Type, n.Body)
			return false
		case *ast.IfStmt:
			f.branch(n)
		case *ast.CaseClause:
			f.clause(n)
		case *ast.ReturnStmt:
			f.result(signature, n)
		case *ast.ExprStmt, *ast.AssignStmt, *ast.IncDecStmt, *ast.DeferStmt:
			if isLog(n) {
				return false
			}
			f.statement(n.(ast.Stmt)) //nolint:forcetypeassert // all of these are statements
		default:
			f.expression(n)
		}
		return true
	})
}

// inExpressions makes the mutants of expressions alone, as in a declaration.
func (f *file) inExpressions(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok {
			f.inFunction(lit.Type, lit.Body)
			return false
		}
		f.expression(n)
		return true
	})
}

// branch negates a condition, and takes away a guard: an if without else that leaves.
func (f *file) branch(n *ast.IfStmt) {
	f.replace("negate the condition", n.Cond, "!("+f.text(n.Cond)+")")
	if n.Else == nil && len(n.Body.List) > 0 && leaves(n.Body.List[len(n.Body.List)-1]) {
		f.replace("remove the guard", n.Cond, "false && ("+f.text(n.Cond)+")")
	}
}

func leaves(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	default:
		return false
	}
}

// clause takes away what a case does.
func (f *file) clause(n *ast.CaseClause) {
	if len(n.Body) > 1 || len(n.Body) == 1 && !leaves(n.Body[0]) && !isLog(n.Body[0]) {
		f.replaceAt("empty the case", n.Body[0].Pos(), n.Body[len(n.Body)-1].End(), "")
	}
}

// result has a function say that all went well, and turns its truth round.
func (f *file) result(signature *ast.FuncType, n *ast.ReturnStmt) {
	if len(n.Results) == 0 || signature.Results == nil {
		return
	}
	last := n.Results[len(n.Results)-1]
	kinds := signature.Results.List
	kind, _ := kinds[len(kinds)-1].Type.(*ast.Ident)
	if kind == nil || len(n.Results) != signature.Results.NumFields() {
		return
	}
	switch id, _ := last.(*ast.Ident); {
	case kind.Name == "error" && (id == nil || id.Name != "nil"):
		f.replace("return no error", last, "nil")
	case kind.Name == "bool":
		f.replace("return the opposite", last, "!("+f.text(last)+")")
	default:
	}
}

// statement takes a statement away.
func (f *file) statement(n ast.Stmt) {
	if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
		return // what it declares is used
	}
	f.replace("remove the statement", n, "")
}

// swaps are operators and what takes their place.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
}

// expression swaps an operator, changes a number, and leaves a field of a literal out.
func (f *file) expression(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if to, ok := swaps[n.Op]; ok {
			f.replaceAt("swap the operator", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), to.String())
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			f.replace("change the number", n, other(n.Value))
		}
	case *ast.CompositeLit:
		f.fields(n)
	}
}

// other is another number: one more of a small one, twice a large one.
func other(number string) string {
	v, err := strconv.ParseInt(strings.ReplaceAll(number, "_", ""), 0, 64)
	switch {
	case err != nil:
		return number + "0"
	case v < 10:
		return strconv.FormatInt(v+1, 10)
	default:
		return strconv.FormatInt(2*v, 10)
	}
}

func (f *file) fields(n *ast.CompositeLit) {
	for i, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			end := kv.End()
			if i+1 < len(n.Elts) {
				end = n.Elts[i+1].Pos()
			}
			f.replaceAt("leave the field out", kv.Pos(), end, "")
		}
	}
}

// isLog tells whether a statement only logs what no alarm is made of: those are errors.
func isLog(n ast.Node) bool {
	s, ok := n.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := s.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || strings.HasPrefix(method.Sel.Name, "Error") {
		return false
	}
	switch on := method.X.(type) {
	case *ast.Ident:
		return strings.EqualFold(on.Name, "log") || on.Name == "slog"
	case *ast.SelectorExpr:
		return strings.EqualFold(on.Sel.Name, "log")
	default:
		return false
	}
}
