package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hailstone-rides/hailstone/internal/localstack"
)

type devUp struct {
	stackFlags
}

func (c devUp) Run(a *app) error {
	instance, err := c.instance()
	if err != nil {
		return err
	}
	state, err := instance.Running()
	if err != nil {
		return err
	}
	if state != nil {
		if state.Phase != localstack.Ready {
			return runningError(instance)
		}
		fmt.Fprintf(a.stderr, "The local stack is running already (process %d).\n", state.Supervisor.PID)
	} else if err := c.launch(a, instance); err != nil {
		return err
	}
	return c.show(a, instance)
}

// launch starts a hail that runs the stack, in a session of its own, and shows its
// progress until the stack is ready.
func (c devUp) launch(a *app, instance localstack.Instance) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	if err := os.MkdirAll(instance.LogDir(), 0o755); err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	output, err := os.Create(instance.Log("hail"))
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	defer func() { _ = output.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(a.ctx), program, "dev", "run", "--background",
		"--dir", instance.Dir(), "--port", fmt.Sprint(c.Port), "--paysim-port", fmt.Sprint(c.PaysimPort))
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C here is not for it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // why it ended is in its log
		close(ended)
	}()
	return a.follow(instance, cmd.Process, ended)
}

// follow copies the log of the background process until its stack is ready.
func (a *app) follow(instance localstack.Instance, process *os.Process, ended <-chan struct{}) error {
	log, err := os.Open(instance.Log("hail"))
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer func() { _ = log.Close() }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	interrupted := a.ctx.Done()
	for {
		var over, failed bool
		select {
		case <-tick.C:
			state, err := instance.Running()
			over = err == nil && state != nil && state.Phase == localstack.Ready && state.Supervisor.PID == process.Pid
		case <-ended:
			over, failed = true, true
		case <-interrupted:
			interrupted = nil // it stops what it started, then it ends
			_ = process.Signal(syscall.SIGTERM)
		}
		if _, err := io.Copy(a.stderr, log); err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		switch {
		case failed && a.ctx.Err() != nil:
			return a.ctx.Err()
		case failed:
			return errReported // by the copied log
		case over:
			return nil
		}
	}
}

func (c devUp) show(a *app, instance localstack.Instance) error {
	endpoints, err := instance.Endpoints()
	if err != nil {
		return err
	}
	tokens, err := tokens(a.ctx, endpoints)
	if err != nil {
		return err
	}
	logs, err := filepath.Glob(filepath.Join(instance.LogDir(), "function-*.log"))
	if err != nil {
		return err
	}
	logs = append(logs, instance.Log("paysim"), instance.Log("ministack"))
	return a.showReady(ready{Endpoints: endpoints, Tokens: tokens, Logs: logs, Env: instance.EnvFile()}, "hail dev down stops everything.")
}
