package localstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Instance is the directory of one local stack.
type Instance struct{ dir string }

// At returns the instance in dir, which need not exist.
func At(dir string) (Instance, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Instance{}, fmt.Errorf("locate instance: %w", err)
	}
	return Instance{abs}, nil
}

// Dir returns the instance's directory.
func (i Instance) Dir() string { return i.dir }

// EnvFile returns the dotenv file that tells other programs how to reach the stack. It
// exists while the stack is ready.
func (i Instance) EnvFile() string { return filepath.Join(i.dir, "env") }

// LogDir returns the directory of all logs.
func (i Instance) LogDir() string { return filepath.Join(i.dir, "logs") }

// Log returns the path of the named log.
func (i Instance) Log(name string) string { return filepath.Join(i.LogDir(), name+".log") }

// Calls returns the path of the record of what roles asked of AWS, for Rights.
func (i Instance) Calls() string { return filepath.Join(i.LogDir(), "calls.jsonl") }

func (i Instance) stateFile() string { return filepath.Join(i.dir, "state.json") }
func (i Instance) lockFile() string  { return filepath.Join(i.dir, "lock") }
func (i Instance) binDir() string    { return filepath.Join(i.dir, "bin") }
func (i Instance) buildDir() string  { return filepath.Join(i.dir, "build") }
func (i Instance) tempDir() string   { return filepath.Join(i.dir, "tmp") }
func (i Instance) samDir() string    { return filepath.Join(i.dir, "sam") }

// create makes the directories and empties those that belong to one run.
func (i Instance) create() error {
	if err := os.RemoveAll(i.tempDir()); err != nil {
		return fmt.Errorf("clear temporary files: %w", err)
	}
	for _, dir := range []string{i.dir, i.LogDir(), i.binDir(), i.tempDir(), i.samDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create instance: %w", err)
		}
	}
	return nil
}

// claim locks the instance for the lifetime of this process, so that the lock says
// for certain whether a supervisor runs. ok is false if another process holds it.
func (i Instance) claim() (release func(), ok bool, err error) {
	if err := os.MkdirAll(i.dir, 0o755); err != nil {
		return nil, false, fmt.Errorf("claim instance: %w", err)
	}
	lock := flock.New(i.lockFile())
	ok, err = lock.TryLock()
	if err != nil || !ok {
		return nil, false, err
	}
	return func() { _ = lock.Unlock() }, true, nil
}

// Running returns the state of the instance if a supervisor holds it, and nil if not.
func (i Instance) Running() (*State, error) {
	if _, err := os.Stat(i.lockFile()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	release, ok, err := i.claim()
	if err != nil {
		return nil, err
	}
	if ok {
		release()
		return nil, nil
	}
	state, err := i.readState()
	if errors.Is(err, fs.ErrNotExist) {
		return &State{Phase: Starting}, nil // claimed a moment ago
	}
	return state, err
}
