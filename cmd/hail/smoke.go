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

type devSmoke struct{}

// Help explains what the one-line help leaves open.
func (devSmoke) Help() string {
	return `The stack lives on free ports in a directory of its own, so one that runs already is not disturbed.
If a check fails, that directory stays, with all logs.`
}

func (c devSmoke) Run(a *app) error {
	root, err := localstack.Root()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(localstack.DefaultDir(root), 0o755); err != nil {
		return fmt.Errorf("create instance: %w", err)
	}
	dir, err := os.MkdirTemp(localstack.DefaultDir(root), "smoke-")
	if err != nil {
		return fmt.Errorf("create instance: %w", err)
	}
	report, err := c.check(a, root, dir)
	if err == nil && report.Failed == 0 {
		err = os.RemoveAll(dir)
	} else {
		fmt.Fprintf(a.stderr, "Logs are kept in %s\n", shortened(filepath.Join(dir, "logs")))
	}
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(report)
	} else {
		_, err = fmt.Fprintf(a.stdout, "%d passed, %d failed\n", report.Passed, report.Failed)
	}
	if report.Failed > 0 {
		err = errReported
	}
	return err
}

// check runs the checks on a stack that exists only for them.
func (c devSmoke) check(a *app, root, dir string) (smoke.Report, error) {
	instance, err := localstack.At(dir)
	if err != nil {
		return smoke.Report{}, err
	}
	steps := a.steps()
	defer steps.Close()
	stack, err := localstack.Start(a.ctx, instance, localstack.Options{Root: root, Steps: steps})
	if err != nil {
		return smoke.Report{}, err
	}
	report, err := c.run(a, stack.Endpoints)
	return report, errors.Join(err, stack.Stop())
}

func (c devSmoke) run(a *app, e localstack.Endpoints) (smoke.Report, error) {
	cloud := localstack.Connect(e.AWS, e.Region)
	target := smoke.Target{API: e.API, Ledger: ledger(e.Paysim), View: view(cloud, e.StackName), DeadLetters: deadLetters(cloud, e.StackName)}
	for user, token := range map[string]*string{"rider-1": &target.Rider, "rider-2": &target.OtherRider} {
		var err error
		if *token, err = cloud.Token(a.ctx, e, user, localstack.Rider); err != nil {
			return smoke.Report{}, err
		}
	}
	out := a.stdout
	if a.json { // which standard output is then for
		out = a.stderr
	}
	report := smoke.Run(a.ctx, target, out)
	return report, context.Cause(a.ctx)
}
