package toolbox

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
)

// stripeMockModule is the module that pins Stripe's mock, with all it consists of.
const stripeMockModule = "tools/stripemock"

// StripeMock installs Stripe's own mock of its API, and returns the program.
func (b *Box) StripeMock(ctx context.Context) (string, error) {
	_, mod, err := b.readLock(stripeMockModule + "/go.mod")
	if err != nil {
		return "", err
	}
	_, sum, err := b.readLock(stripeMockModule + "/go.sum")
	if err != nil {
		return "", err
	}
	program := func(dir string) string { return filepath.Join(dir, "stripe-mock") }
	dir, err := b.ensure(ctx, recipe{
		name: "stripe-mock",
		lock: bytes.Join([][]byte{mod, sum}, []byte("\n")),
		build: func(ctx context.Context, dir, log string) error {
			module := filepath.Join(b.root, filepath.FromSlash(stripeMockModule))
			return runLogged(ctx, log, []string{"GOFLAGS=", "GOBIN=" + dir}, "go", "-C", module, "install", "tool")
		},
		usable: func(dir string) bool {
			_, err := os.Stat(program(dir))
			return err == nil
		},
	})
	return program(dir), err
}
