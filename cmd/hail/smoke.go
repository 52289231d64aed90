package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/recovery"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/localstack/rights"
)

type devSmoke struct{}

// Help explains what the one-line help leaves open.
func (devSmoke) Help() string {
	return `The stack lives on free ports in a directory of its own, so one that runs already is not disturbed.
If a check fails, that directory stays, with all logs.`
}

func (c devSmoke) Run(a *app) error {
	var report smoke.Report
	var account doctor.Report
	var parameters map[string]string
	look := func(ctx context.Context, emulator localstack.Endpoints, given map[string]string) (err error) {
		parameters = given
		account, err = examineLocal(ctx, io.Discard, emulator, given)
		return err
	}
	failed := a.ownStackAfter("smoke", look, func(stack ownStack) (bool, error) {
		var err error
		report, err = c.check(a, stack, account, parameters)
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

func (c devSmoke) check(a *app, own ownStack, account doctor.Report, parameters map[string]string) (smoke.Report, error) {
	s := stack{name: own.StackName, config: localstack.Config(own.AWS, own.Region), local: own.Endpoints}
	if err := s.describe(a.ctx); err != nil {
		return smoke.Report{}, err
	}
	report, err := s.smoke(a, smoke.Target{})
	if err != nil {
		return report, err
	}
	deployed, err := examineLocal(a.ctx, io.Discard, own.Endpoints, parameters)
	if err != nil {
		return report, err
	}
	smoke.Doctor(a.ctx, &report, a.progress(), account, deployed)
	recovering, err := s.recovering(a.ctx)
	if err != nil {
		return report, err
	}
	recovery.Run(a.ctx, recovering, &report, a.progress())
	report.Check(a.ctx, a.progress(), "what the functions may do is what they did, or excused", func() error {
		return own.compareRights(a.ctx, a.progress(), own.Endpoints, "")
	})
	return report, context.Cause(a.ctx)
}

// compareRights holds what roles of a stack may do, all of them or the one named, against what they did since the
// emulator was started.
func (own ownStack) compareRights(ctx context.Context, out io.Writer, stack localstack.Endpoints, role string) error {
	granted, calls, err := own.instance.Rights(ctx, stack)
	if err != nil {
		return err
	}
	if role != "" {
		granted = slices.DeleteFunc(granted, func(r rights.Right) bool { return r.Role != role })
		calls = slices.DeleteFunc(calls, func(c rights.Call) bool { return c.Role != role })
	}
	unseen := slices.DeleteFunc(rights.Unseen(), func(e rights.Exception) bool { return e.KeptData })
	o := rights.Compare(granted, calls, unseen)
	fmt.Fprintf(out, "  %d rights: %d used, %d excused\n", o.Granted, o.Used, o.Excused)
	if len(o.Wrong) > 0 || o.Used == 0 {
		return errors.New(strings.Join(append(o.Wrong, fmt.Sprintf("%d were used", o.Used)), "\n"))
	}
	return nil
}

type smokeCommand struct {
	stackFlag
	API        string `name:"api" help:"Base URL of another deployment, looked at only from outside. It needs the four tokens." placeholder:"URL"`
	Rider      string `help:"Access token of a rider." env:"HAIL_RIDER_TOKEN" placeholder:"TOKEN"`
	OtherRider string `help:"Access token of another rider." env:"HAIL_OTHER_RIDER_TOKEN" placeholder:"TOKEN"`
	Dispatch   string `help:"Access token of a dispatcher." env:"HAIL_DISPATCH_TOKEN" placeholder:"TOKEN"`
	Ops        string `help:"Access token of an operator." env:"HAIL_OPS_TOKEN" placeholder:"TOKEN"`
}

// Help explains what the one-line help leaves open.
func (smokeCommand) Help() string {
	return `It books rides, so the payment provider must be a simulator or in test mode. Where a token is not given, a user
is made for the time of the check in the stack's user pool. Besides the API it looks at the views and the dead letters of
the stack, and at the ledger of a local stack's payment simulator; with --api it says what it did not look at.`
}

func (c smokeCommand) Run(a *app) error {
	target := smoke.Target{
		API: strings.TrimRight(c.API, "/"), Rider: c.Rider, OtherRider: c.OtherRider, Dispatch: c.Dispatch, Ops: c.Ops,
	}
	report, err := c.check(a, target)
	if err == nil && report.Failed > 0 {
		err = errReported
	}
	return a.showReport(report, err)
}

func (c smokeCommand) check(a *app, target smoke.Target) (smoke.Report, error) {
	if target.API == "" {
		s, err := c.open(a.ctx)
		if err != nil {
			return smoke.Report{}, err
		}
		return s.smoke(a, target)
	}
	if target.Rider == "" || target.OtherRider == "" || target.Dispatch == "" || target.Ops == "" {
		return smoke.Report{}, errors.New("--api needs --rider, --other-rider, --dispatch and --ops")
	}
	report := smoke.Run(a.ctx, target, a.progress())
	return report, context.Cause(a.ctx)
}

// smoke checks the stack, with users of its own where the target has no tokens.
func (s stack) smoke(a *app, target smoke.Target) (report smoke.Report, err error) {
	target.API = s.local.API
	if s.local == (localstack.Endpoints{}) {
		if target.API, err = s.output("ApiUrl"); err != nil {
			return report, err
		}
	} else {
		target.Ledger, target.RefundByHand = ledger(s.local.Paysim), refundByHand(s.local.Paysim, localstack.ProviderKey)
	}
	if target.View, err = s.view(); err != nil {
		return report, err
	}
	target.DeadLetters = s.deadLetters
	users := guests{cloud: localstack.With(s.config), pool: localstack.Endpoints{
		UserPoolID: s.outputs["UserPoolId"], UserPoolClientID: s.outputs["UserPoolClientId"],
	}}
	defer func() { err = errors.Join(err, users.depart()) }()
	if err := users.arrive(a.ctx, &target); err != nil {
		return report, fmt.Errorf("%w (with an identity provider of your own, give the tokens)", err)
	}
	report = smoke.Run(a.ctx, target, a.progress())
	return report, context.Cause(a.ctx)
}
