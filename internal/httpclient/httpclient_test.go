package httpclient_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/httpclient"
	"github.com/hailstone-rides/hailstone/internal/toolbox/freeze"
)

// The issuer's keys and the collector's spans go the same way as the calls of AWS and Stripe,
// whose tests are with them.
func TestDeadConnectionsCostOneAttempt(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		const kept = 6
		var under sync.WaitGroup
		under.Add(kept)
		warm := make(chan struct{})
		server := freeze.NewServer(t, secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-warm:
			default:
				under.Done()
				under.Wait()
			}
			_, _ = io.WriteString(w, r.Proto)
		}))
		transport := httpclient.NewTransport(time.Second)
		if secure {
			transport.TLSClientConfig = server.Trusted()
		}
		client := &http.Client{Transport: transport, Timeout: 500 * time.Millisecond}
		get := func() (string, error) {
			request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, server.URL, nil)
			if err != nil {
				return "", err
			}
			response, err := client.Do(request)
			if err != nil {
				return "", err
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			return string(body), err
		}
		var calls sync.WaitGroup
		for range kept {
			calls.Go(func() {
				if proto, err := get(); err != nil || proto != "HTTP/1.1" {
					t.Errorf("before the freeze: %s, %v", proto, err)
				}
			})
		}
		calls.Wait()
		close(warm)
		if n := server.Freeze(freeze.Swallowed); n != kept {
			t.Errorf("%d connections, want %d", n, kept)
		}
		if _, err := get(); err == nil {
			t.Error("the first call after the freeze was answered: this test proves nothing")
		}
		for range 5 {
			if _, err := get(); err != nil {
				t.Errorf("a later call: %v", err)
			}
		}
	}
}

// A client without a transport of this package takes that of net/http: it speaks HTTP/2, and
// keeps idle connections through a freeze.
func TestWhatRunsInLambdaMakesNoOtherClients(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	tools := []string{"localstack", "paysim", "toolbox", "system"}
	clients := 0
	for _, dir := range []string{"internal", "functions"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (slices.Contains(tools, entry.Name()) || strings.HasSuffix(entry.Name(), "test")):
				return fs.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				switch n := node.(type) {
				case *ast.CompositeLit:
					if named(n.Type, "http", "Client") {
						clients++
						if !slices.ContainsFunc(n.Elts, func(e ast.Expr) bool {
							pair, ok := e.(*ast.KeyValueExpr)
							return ok && pair.Key.(*ast.Ident).Name == "Transport"
						}) {
							t.Errorf("%s: an http.Client without a Transport", path)
						}
					}
					if named(n.Type, "http", "Transport") && !strings.HasSuffix(filepath.Dir(path), "httpclient") {
						t.Errorf("%s: a transport that is not httpclient's", path)
					}
				case *ast.SelectorExpr:
					if named(n, "http", "DefaultClient") || named(n, "http", "DefaultTransport") || named(n, "awshttp", "NewBuildableClient") {
						t.Errorf("%s: uses %s", path, n.Sel.Name)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if clients == 0 {
		t.Error("no client was found: this test checked nothing")
	}
}

// named tells whether an expression is a name of a package.
func named(e ast.Expr, pkg, name string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	ident, ok := selector.X.(*ast.Ident)
	return ok && ident.Name == pkg
}
