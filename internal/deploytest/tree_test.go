package deploytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// A tree is a copy of the project, or of a part of it, to build in.
type tree struct {
	dir string
	sam string
}

func newTree(t *testing.T) tree {
	t.Helper()
	top, err := toolbox.FindRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	venv, err := toolbox.New(top, toolbox.Silent).SAM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// SAM prints paths with their links resolved, as macOS's temporary directory has one.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return tree{dir: dir, sam: venv.Program("sam")}
}

// build runs `sam build` as `make run` does, but with an environment that would spoil
// the result if it got through, and returns the binary of each function.
func (tr tree) build(t *testing.T, architecture string) map[string][]byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildLimit)
	defer cancel()
	overrides := fmt.Sprintf("Stage=local Architecture=%s", architecture)
	cmd := exec.CommandContext(ctx, tr.sam, "build", "--config-env", "local", "--parameter-overrides", overrides)
	cmd.Dir = tr.dir
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0",
		"GOARCH=386", "GOFLAGS=-tags=foreign -race", "CGO_ENABLED=1", "GOAMD64=v3")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sam build (%s): %v\n%s", overrides, err, output)
	}
	binaries := make(map[string][]byte)
	for _, function := range load(t).functions() {
		binaries[function] = read(t, filepath.Join(tr.dir, ".aws-sam", "build", function, "bootstrap"))
	}
	return binaries
}

// sharedSource returns a file under internal/ that every function is made of.
func (tr tree) sharedSource(t *testing.T, functions map[string][]byte) string {
	t.Helper()
	uses := make(map[string]int)
	files := make(map[string]string)
	for function := range functions {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles", "./functions/"+source(function))
		cmd.Dir = tr.dir
		output, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
			var pkg struct {
				ImportPath, Dir string
				GoFiles         []string
			}
			if err := decoder.Decode(&pkg); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(pkg.ImportPath, modulePath+"internal/") {
				uses[pkg.ImportPath]++
				files[pkg.ImportPath] = filepath.Join(pkg.Dir, pkg.GoFiles[len(pkg.GoFiles)-1])
			}
		}
	}
	for path, n := range uses {
		if n == len(functions) {
			return files[path]
		}
	}
	t.Fatalf("no package under internal/ is part of all of %d functions", len(functions))
	return ""
}

// copyProject copies everything but what git and the tools keep for themselves.
func copyProject(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			copyInto(t, dir, entry.Name())
		}
	}
}

// copyInto copies a file or a directory of the project.
func copyInto(t *testing.T, dir, what string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, what), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
