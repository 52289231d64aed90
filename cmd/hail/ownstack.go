package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// ownStack runs check on a stack that exists only for it, on free ports and in a
// directory of its own.
func (a *app) ownStack(name string, check func(stack ownStack) (passed bool, err error)) error {
	return a.ownStackAfter(name, nil, check)
}

// beforeDeploy is what is done between the start of a stack's emulator and the deployment.
type beforeDeploy = func(ctx context.Context, emulator localstack.Endpoints, parameters map[string]string) error

// ownStackAfter is ownStack with something before the deployment.
func (a *app) ownStackAfter(name string, before beforeDeploy, check func(stack ownStack) (passed bool, err error)) error {
	return a.ownDir(name, func(root, dir string) (bool, error) { return a.onStack(root, dir, before, check) })
}

// ownDir runs check in a directory that exists only for it, beside the developer's
// instance. It is removed unless something failed.
func (a *app) ownDir(name string, check func(root, dir string) (passed bool, err error)) error {
	root, err := localstack.Root()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(localstack.DefaultDir(root), 0o755); err != nil {
		return fmt.Errorf("create instance: %w", err)
	}
	dir, err := os.MkdirTemp(localstack.DefaultDir(root), name+"-")
	if err != nil {
		return fmt.Errorf("create instance: %w", err)
	}
	passed, err := check(root, dir)
	if err == nil && passed {
		return os.RemoveAll(dir)
	}
	fmt.Fprintf(a.stderr, "Logs are kept in %s\n", shortened(filepath.Join(dir, "logs")))
	if err != nil {
		return err
	}
	return errReported
}

// ownStack is a stack of a check's own.
type ownStack struct {
	localstack.Endpoints
	deployed *localstack.Stack

	root     string
	instance localstack.Instance
	steps    *localstack.Steps
}

func (a *app) onStack(root, dir string, before beforeDeploy, check func(ownStack) (bool, error)) (passed bool, err error) {
	instance, err := localstack.At(dir)
	if err != nil {
		return false, err
	}
	steps := a.steps()
	defer steps.Close()
	stack, err := localstack.Start(a.ctx, instance, localstack.Options{Root: root, Steps: steps, BeforeDeploy: before})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	return check(ownStack{
		Endpoints: stack.Endpoints, deployed: stack, root: root, instance: instance, steps: steps,
	})
}

// prove runs checks on a stack of their own and prints what came of them: the whole
// report as JSON, or how many of its checks passed.
func prove[R any](a *app, name string, checks func(R) smoke.Report, run func(ownStack) (R, error)) error {
	var report R
	failed := a.ownStack(name, func(own ownStack) (bool, error) {
		var err error
		report, err = run(own)
		return checks(report).Failed == 0, err
	})
	if a.json && len(checks(report).Checks) > 0 {
		if err := a.printJSON(report); err != nil {
			return err
		}
		return failed
	}
	return a.showReport(checks(report), failed)
}
