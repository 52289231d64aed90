package toolbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// Venv is an installed Python environment. Each tool has one of its own: they pin
// different versions of the same packages.
type Venv struct{ dir string }

// Bin returns the directory of the environment's programs.
func (v Venv) Bin() string { return filepath.Join(v.dir, "bin") }

// Program returns the path of one of the environment's programs, such as "sam".
func (v Venv) Program(name string) string { return filepath.Join(v.Bin(), name) }

// Emulators returns the environment with MiniStack and what DynamoDB Local
// needs: its resolver and a Java runtime.
func (b *Box) Emulators(ctx context.Context) (Venv, error) {
	return b.venv(ctx, "emulators", "tools/emulators.txt")
}

// SAM returns the environment with the SAM CLI, cfn-lint and its rules for serverless.
func (b *Box) SAM(ctx context.Context) (Venv, error) {
	return b.venv(ctx, "sam", "tools/sam.txt")
}

// Schemathesis returns the environment with the fuzzer of HTTP APIs.
func (b *Box) Schemathesis(ctx context.Context) (Venv, error) {
	return b.venv(ctx, "schemathesis", "tools/schemathesis.txt")
}

// Checkov returns the environment with the scanner of templates.
func (b *Box) Checkov(ctx context.Context) (Venv, error) {
	return b.venv(ctx, "checkov", "tools/checkov.txt")
}

func (b *Box) venv(ctx context.Context, name, lockPath string) (Venv, error) {
	file, lock, err := b.readLock(lockPath)
	if err != nil {
		return Venv{}, err
	}
	dir, err := b.ensure(ctx, recipe{
		name: name,
		lock: lock,
		build: func(ctx context.Context, dir, log string) error {
			return buildVenv(ctx, dir, file, log)
		},
		usable: func(dir string) bool {
			_, err := os.Stat(Venv{dir}.Program("python")) // a link to the machine's Python
			return err == nil
		},
	})
	return Venv{dir}, err
}

func buildVenv(ctx context.Context, dir, lockFile, log string) error {
	python, err := FindPython(ctx)
	if err != nil {
		return err
	}
	if err := runLogged(ctx, log, nil, python, "-m", "venv", dir); err != nil {
		return err
	}
	// Without --no-deps, pip resolves the extras in the lock a second time and asks for
	// hashes of what it finds.
	return runLogged(ctx, log, nil, Venv{dir}.Program("python"), "-m", "pip", "install",
		"--no-deps", "--require-hashes", "--only-binary", ":all:",
		"--no-input", "--disable-pip-version-check", "--progress-bar", "off",
		"-r", lockFile)
}

// runLogged runs a program with its output appended to the log, which the error
// names. env is added to the environment.
func runLogged(ctx context.Context, log string, env []string, program string, args ...string) error {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	cmd := procgroup.Command(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("run %s: %w; its output is in %s", filepath.Base(program), err, log)
	}
	return nil
}
