package toolbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// oldestPython is the version that the locks were resolved for.
var oldestPython = pythonVersion{3, 11}

// pythonCandidates are tried in turn: the machine's default first, then what
// distributions install beside an older default.
var pythonCandidates = []string{"python3", "python3.13", "python3.12", "python3.11", "python3.14", "python"}

// pythonProbe prints the version and then imports what a virtual environment
// with pip needs; Debian ships these in a package of their own.
const pythonProbe = `import sys
print("%d.%d" % sys.version_info[:2], flush=True)
import venv, ensurepip`

type pythonVersion struct{ major, minor int }

func (v pythonVersion) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v pythonVersion) atLeast(w pythonVersion) bool {
	return v.major > w.major || v.major == w.major && v.minor >= w.minor
}

func parsePythonVersion(s string) (pythonVersion, error) {
	major, minor, ok := strings.Cut(strings.TrimSpace(s), ".")
	if !ok {
		return pythonVersion{}, fmt.Errorf("python version %q: want major.minor", s)
	}
	minor, _, _ = strings.Cut(minor, ".")
	x, err := strconv.Atoi(major)
	if err != nil {
		return pythonVersion{}, fmt.Errorf("python version %q: %w", s, err)
	}
	y, err := strconv.Atoi(minor)
	if err != nil {
		return pythonVersion{}, fmt.Errorf("python version %q: %w", s, err)
	}
	return pythonVersion{x, y}, nil
}

// FindPython returns the path of a Python that can make the environments. The
// variable PYTHON names one to use instead of those on the PATH.
func FindPython(ctx context.Context) (string, error) {
	candidates := pythonCandidates
	if chosen := os.Getenv("PYTHON"); chosen != "" {
		candidates = []string{chosen}
	}
	var rejected []string
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if err := probePython(ctx, path); err != nil {
			rejected = append(rejected, fmt.Sprintf("%s %v", name, err))
			continue
		}
		return path, nil
	}
	if len(rejected) == 0 {
		return "", fmt.Errorf("python %s or later is needed: none of %s is installed",
			oldestPython, strings.Join(candidates, ", "))
	}
	return "", fmt.Errorf("python %s or later with venv and pip is needed: %s",
		oldestPython, strings.Join(rejected, "; "))
}

// probePython says what the Python at path lacks.
func probePython(ctx context.Context, path string) error {
	out, err := exec.CommandContext(ctx, path, "-c", pythonProbe).Output()
	version, parseErr := parsePythonVersion(string(out))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case parseErr != nil && err != nil:
		return fmt.Errorf("does not run (%w)", err)
	case parseErr != nil:
		return parseErr
	case !version.atLeast(oldestPython):
		return fmt.Errorf("is %s", version)
	case err != nil:
		return errors.New("lacks venv or ensurepip (on Debian and Ubuntu: apt install python3-venv)")
	}
	return nil
}
