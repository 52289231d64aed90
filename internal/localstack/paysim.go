package localstack

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// providerKey is the API key that the payment simulator accepts. It stands for the
// secret that a real deployment keeps in Secrets Manager, and is none.
const providerKey = "sk_test_hailstone"

const paysimName = "payment simulator"

// buildPaysim compiles the payment simulator and returns the program's path.
func buildPaysim(ctx context.Context, root string, in Instance) (string, error) {
	program := filepath.Join(in.binDir(), "paysim")
	return program, run(ctx, command{
		dir: root, log: in.Log("paysim-build"), env: os.Environ(),
		args: []string{"go", "build", "-o", program, "./cmd/paysim"},
	})
}

func startPaysim(ctx context.Context, in Instance, program, listen string, port int) (*child, error) {
	return startChild(ctx, paysimName, in.Log("paysim"), os.Environ(),
		program, "-addr", net.JoinHostPort(listen, fmt.Sprint(port)), "-key", providerKey)
}
