// Package procgroup runs programs as process groups of their own, so that a program can
// be stopped together with whatever it started, and a Ctrl-C in the terminal
// reaches only the program that is to stop the others in order.
package procgroup

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// waitDelay is how long a canceled program has to end before it is killed.
const waitDelay = 5 * time.Second

// Command is exec.CommandContext for a process group: when ctx ends, the whole
// group is asked to terminate.
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return Signal(cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = waitDelay
	return cmd
}

// Signal sends sig to every process of the group. A group that is gone is no error.
func Signal(pgid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pgid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Alive reports whether any process of the group is left.
func Alive(pgid int) bool {
	err := syscall.Kill(-pgid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
