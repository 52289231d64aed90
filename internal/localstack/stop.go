package localstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// Stop ends everything that was started, the last first, and returns when it is gone.
// It needs no context: each part has a limited time before it is killed.
func (s *Stack) Stop() error {
	var failures []error
	if err := os.Remove(s.in.EnvFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		failures = append(failures, err)
	}
	s.unfollow()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Phase = Stopping
	if len(s.children) > 0 {
		failures = append(failures, s.in.writeState(s.state))
	}
	for _, c := range s.inStopOrder() {
		failures = append(failures, s.options.Steps.Do("stop the "+c.record.Name, func() error {
			return stopGroup(c.record.PID, grace)
		}))
	}
	err := errors.Join(failures...)
	if err == nil { // what could not be stopped stays on record
		err = s.in.forget()
	}
	s.release()
	return err
}

// inStopOrder puts the emulator first: its functions call the payment simulator.
func (s *Stack) inStopOrder() []*child {
	ordered := slices.Clone(s.children)
	slices.SortStableFunc(ordered, func(a, b *child) int {
		return emulatorFirst(a.record) - emulatorFirst(b.record)
	})
	return ordered
}

func emulatorFirst(r ProcessRecord) int {
	if r.Name == emulatorName {
		return 0
	}
	return 1
}

// forget removes what describes a running stack. Logs stay.
func (i Instance) forget() error {
	var failures []error
	for _, path := range []string{i.EnvFile(), i.stateFile(), i.tempDir()} {
		failures = append(failures, os.RemoveAll(path))
	}
	return errors.Join(failures...)
}

// stopLeftovers ends what the state file of a crashed supervisor names. The caller
// holds the instance's claim, so no supervisor lives.
func (i Instance) stopLeftovers(steps *Steps) error {
	state, err := i.readState()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, record := range state.Processes {
		stopped, err := record.stopLeftover(i.dir)
		if err != nil {
			return fmt.Errorf("clean up after a crash: %w", err)
		}
		if stopped {
			steps.Print("stopped the %s that an earlier run left behind (process %d)\n", record.Name, record.PID)
		}
	}
	return i.forget()
}

// downTimeout is how long Down waits for the supervisor to stop everything.
const downTimeout = 30 * time.Second

// Down stops the stack that another process runs, or what a crashed one left, also where
// the instance's directory was deleted meanwhile. It reports whether there was anything
// to stop.
func (i Instance) Down(steps *Steps) (stopped bool, err error) {
	if stopped, err = i.stopRecorded(steps); err != nil {
		return stopped, err
	}
	strays, err := i.stopStrays(steps)
	return stopped || strays, err
}

// stopRecorded stops what the directory names.
func (i Instance) stopRecorded(steps *Steps) (stopped bool, err error) {
	state, err := i.Running()
	if err != nil {
		return false, err
	}
	if state == nil {
		return i.clearCrashed(steps)
	}
	supervisor := state.Supervisor
	if !supervisor.stillRuns() {
		return false, fmt.Errorf("another process holds %s and has not said yet which: try again in a moment", i.lockFile())
	}
	return true, steps.Do(fmt.Sprintf("stop the local stack (process %d)", supervisor.PID), func() error {
		if err := syscall.Kill(supervisor.PID, syscall.SIGTERM); err != nil {
			return fmt.Errorf("stop process %d: %w", supervisor.PID, err)
		}
		return i.awaitRelease()
	})
}

func (i Instance) clearCrashed(steps *Steps) (bool, error) {
	if _, err := os.Stat(i.stateFile()); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	release, ok, err := i.claim()
	if err != nil || !ok {
		return false, err
	}
	defer release()
	return true, i.stopLeftovers(steps)
}

// awaitRelease waits until the supervisor has let go of the instance.
func (i Instance) awaitRelease() error {
	var err error
	released := within(downTimeout, func() bool {
		var state *State
		state, err = i.Running()
		return err != nil || state == nil
	})
	if released {
		return err
	}
	return fmt.Errorf("still running after %s; see %s", downTimeout, i.Log("hail"))
}
