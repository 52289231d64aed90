package main

import (
	"context"
	"fmt"
	"io"

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
	var report smoke.Report
	failed := a.ownStack("smoke", func(stack ownStack) (bool, error) {
		var err error
		report, err = c.check(a, stack)
		return report.Failed == 0, err
	})
	return a.showReport(report, failed)
}

// showReport prints the outcome of checks, and returns failed if there is that.
func (a *app) showReport(report smoke.Report, failed error) error {
	if len(report.Checks) == 0 {
		return failed
	}
	var err error
	if a.json {
		err = a.printJSON(report)
	} else {
		_, err = fmt.Fprintf(a.stdout, "%d passed, %d failed\n", report.Passed, report.Failed)
	}
	if failed != nil {
		return failed
	}
	return err
}

// progress is where checks are reported as they end: standard output, unless that is
// for the result as JSON.
func (a *app) progress() io.Writer {
	if a.json {
		return a.stderr
	}
	return a.stdout
}

func (c devSmoke) check(a *app, stack ownStack) (smoke.Report, error) {
	target := smoke.Target{
		API: stack.API, Ledger: ledger(stack.Paysim),
		View: view(stack.cloud, stack.StackName), DeadLetters: deadLetters(stack.cloud, stack.StackName),
	}
	for _, caller := range []struct {
		token *string
		user  string
		role  localstack.Role
	}{
		{&target.Rider, "rider-1", localstack.Rider},
		{&target.OtherRider, "rider-2", localstack.Rider},
		{&target.Dispatch, localstack.Dispatch.SeededUser(), localstack.Dispatch},
		{&target.Ops, localstack.Ops.SeededUser(), localstack.Ops},
	} {
		var err error
		if *caller.token, err = stack.cloud.Token(a.ctx, stack.Endpoints, caller.user, caller.role); err != nil {
			return smoke.Report{}, err
		}
	}
	report := smoke.Run(a.ctx, target, a.progress())
	return report, context.Cause(a.ctx)
}
