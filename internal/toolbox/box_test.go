package toolbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// counted is a recipe that writes one file and counts how often it is built.
func counted(lock string, builds *atomic.Int32) recipe {
	return recipe{
		name: "thing", lock: []byte(lock),
		build: func(_ context.Context, dir, _ string) error {
			builds.Add(1)
			return os.WriteFile(filepath.Join(dir, "content"), []byte(lock), 0o600)
		},
		usable: func(dir string) bool {
			_, err := os.Stat(filepath.Join(dir, "content"))
			return err == nil
		},
	}
}

func TestParallelUsersInstallOnce(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var builds atomic.Int32
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() { // each with a Box, and so a lock, of its own
			if _, err := New(root, nil).ensure(t.Context(), counted("1", &builds)); err != nil {
				t.Error(err)
			}
		})
	}
	users.Wait()
	if builds.Load() != 1 {
		t.Fatalf("built %d times, want once", builds.Load())
	}
}

func TestInstallsAnew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(t *testing.T, root, dir string) (newRoot, lock string)
		want  int32 // builds in all
	}{
		{"not when all is well", func(_ *testing.T, root, _ string) (string, string) {
			return root, "1"
		}, 1},
		{"not when it is seen through a link", func(t *testing.T, root, _ string) (string, string) {
			link := root + "-link"
			if err := os.Symlink(root, link); err != nil {
				t.Fatal(err)
			}
			return link, "1"
		}, 1},
		{"when the lock changes", func(_ *testing.T, root, _ string) (string, string) {
			return root, "2"
		}, 2},
		{"when the last installation was interrupted", func(t *testing.T, root, dir string) (string, string) {
			remove(t, filepath.Join(dir, marker))
			return root, "1"
		}, 2},
		{"when it broke later", func(t *testing.T, root, dir string) (string, string) {
			remove(t, filepath.Join(dir, "content"))
			return root, "1"
		}, 2},
		{"when the repository was moved", func(t *testing.T, root, _ string) (string, string) {
			moved := root + "-moved"
			if err := os.Rename(root, moved); err != nil {
				t.Fatal(err)
			}
			return moved, "1"
		}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "repository")
			var builds atomic.Int32
			dir, err := New(root, nil).ensure(t.Context(), counted("1", &builds))
			if err != nil {
				t.Fatal(err)
			}
			root, lock := test.spoil(t, root, dir)
			dir, err = New(root, nil).ensure(t.Context(), counted(lock, &builds))
			if err != nil {
				t.Fatal(err)
			}
			if content, err := os.ReadFile(filepath.Join(dir, "content")); string(content) != lock || builds.Load() != test.want {
				t.Fatalf("got %q, %v after %d builds, want %q after %d", content, err, builds.Load(), lock, test.want)
			}
		})
	}
}

func TestFailedInstallationIsNotThere(t *testing.T) {
	t.Parallel()
	box := New(t.TempDir(), nil)
	broken := errors.New("no network")
	var builds atomic.Int32
	failing := counted("1", &builds)
	failing.build = func(context.Context, string, string) error { return broken }
	if _, err := box.ensure(t.Context(), failing); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	if _, err := box.ensure(t.Context(), counted("1", &builds)); err != nil || builds.Load() != 1 {
		t.Fatalf("got %v after %d builds, want a build", err, builds.Load())
	}
}

func TestWaitingForAnInstallationEndsWithTheContext(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var builds atomic.Int32
	slow := counted("1", &builds)
	slow.build = func(context.Context, string, string) error {
		_, err := New(root, nil).ensure(ctx, counted("1", &builds)) // while this one holds the lock
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		return err
	}
	cancel()
	if _, err := New(root, nil).ensure(t.Context(), slow); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
}

func TestFindRootWalksUp(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := FindRoot(deep); err == nil {
		t.Error("found a repository where there is none")
	}
	writeFile(t, filepath.Join(root, "go.mod"), "module m\n", 0o600)
	if got, err := FindRoot(deep); got != root {
		t.Errorf("got %s, %v, want %s", got, err, root)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
