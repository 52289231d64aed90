package toolbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// marker is the file whose content, the directory's own path, says that an
// installation is complete. A virtual environment has its path written into its
// scripts, so one that was moved or copied is not valid any more.
const marker = ".installed"

// lockPoll is how often a process looks whether another has finished installing.
const lockPoll = 200 * time.Millisecond

// Box is the set of tools of one repository. It is safe for concurrent use.
type Box struct {
	root     string
	progress Progress
}

// New returns the tools of the repository at root. A nil progress reports nothing.
func New(root string, progress Progress) *Box {
	if progress == nil {
		progress = Silent
	}
	return &Box{root: root, progress: progress}
}

// FindRoot walks up from dir to the directory that holds go.mod.
func FindRoot(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find repository root: %w", err)
	}
	for at := abs; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find repository root: no go.mod in %s or above", abs)
		}
	}
}

// recipe says what one installation consists of and how it is made.
type recipe struct {
	name  string
	lock  []byte // whatever determines the content; its hash names the directory
	build func(ctx context.Context, dir, log string) error
	// usable rejects an installation that broke after it was made, such as an
	// environment whose Python was uninstalled.
	usable func(dir string) bool
}

// ensure returns the directory of the recipe's installation and makes it first if needed.
func (b *Box) ensure(ctx context.Context, r recipe) (string, error) {
	if err := os.MkdirAll(filepath.Join(b.toolsDir(), "logs"), 0o755); err != nil {
		return "", fmt.Errorf("install %s: %w", r.name, err)
	}
	sum := sha256.Sum256(r.lock)
	dir := filepath.Join(b.toolsDir(), r.name+"-"+hex.EncodeToString(sum[:6]))
	if r.installed(dir) {
		return dir, nil
	}
	unlock, err := b.lock(ctx, r.name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if r.installed(dir) { // by the process that we waited for
		return dir, nil
	}
	return dir, b.install(ctx, r, dir)
}

func (b *Box) install(ctx context.Context, r recipe, dir string) (err error) {
	if err := CheckDisk(b.toolsDir(), diskNeeded); err != nil {
		return fmt.Errorf("install %s: %w", r.name, err)
	}
	done := b.progress("installing " + r.name)
	defer func() { done(err) }()

	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("install %s: clear unfinished installation: %w", r.name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("install %s: %w", r.name, err)
	}
	log := filepath.Join(b.toolsDir(), "logs", r.name+".log")
	if err := os.Remove(log); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("install %s: %w", r.name, err)
	}
	if err := r.build(ctx, dir, log); err != nil {
		return fmt.Errorf("install %s: %w", r.name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, marker), []byte(dir), 0o644); err != nil {
		return fmt.Errorf("install %s: %w", r.name, err)
	}
	return nil
}

func (r recipe) installed(dir string) bool {
	path, err := os.ReadFile(filepath.Join(dir, marker))
	return err == nil && string(path) == dir && r.usable(dir)
}

// lock waits until no other process installs the named tool.
func (b *Box) lock(ctx context.Context, name string) (unlock func(), err error) {
	l := flock.New(filepath.Join(b.toolsDir(), name+".lock"))
	ok, err := l.TryLock()
	if err == nil && !ok {
		done := b.progress("waiting for another process that installs " + name)
		ok, err = l.TryLockContext(ctx, lockPoll)
		done(err)
	}
	if err != nil || !ok {
		return nil, fmt.Errorf("lock installation of %s: %w", name, err)
	}
	return func() { _ = l.Unlock() }, nil
}

// toolsDir returns the one real path of .tools: seen under two names, through a link
// to it or to the repository, installations would look moved.
func (b *Box) toolsDir() string {
	dir := filepath.Join(b.root, ".tools")
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		return resolved
	}
	return dir // not there yet
}

// readLock reads a lock file of the repository, by its slash-separated path.
func (b *Box) readLock(path string) (file string, content []byte, err error) {
	file = filepath.Join(b.root, filepath.FromSlash(path))
	content, err = os.ReadFile(file)
	if err != nil {
		return "", nil, fmt.Errorf("read lock of tools: %w", err)
	}
	if strings.TrimSpace(string(content)) == "" {
		return "", nil, fmt.Errorf("read lock of tools: %s is empty", path)
	}
	return file, content, nil
}
