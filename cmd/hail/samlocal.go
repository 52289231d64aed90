package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/localstack/issuer"
)

type devSAMLocal struct {
	Dir  string `help:"Directory of the instance (default: .local/sam-local in the repository)." type:"path" placeholder:"DIR"`
	Port int    `help:"Port of the API; 0 takes a free one." default:"${apiport}" placeholder:"PORT"`
}

// Help explains what the one-line help leaves open.
func (devSAMLocal) Help() string {
	return `The booking function runs in Docker under sam local start-api, on DynamoDB Local with the tables of
template.yaml. Nothing else of the product runs: bookings stay requested, and lists are empty. sam local runs no JWT
authorizer, so the function verifies tokens itself; their issuer is this command, as long as it runs.`
}

func (c devSAMLocal) Run(a *app) error {
	root, err := localstack.Root()
	if err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = filepath.Join(localstack.DefaultDir(root), "sam-local")
	}
	instance, err := localstack.At(c.Dir)
	if err != nil {
		return err
	}
	steps := a.steps()
	defer steps.Close()
	stack, err := localstack.StartSAMLocal(a.ctx, instance, localstack.Options{Root: root, Port: c.Port, Steps: steps}, localstack.OnlyAPI)
	if errors.Is(err, localstack.ErrRunning) {
		return fmt.Errorf("%w: %s", err, c.Dir)
	}
	if err != nil {
		return err
	}
	err = a.showReady(ready{Endpoints: stack.Endpoints, Tokens: stack.Tokens, Logs: stack.Logs, Env: instance.EnvFile()}, "Ctrl-C stops everything.")
	if err == nil {
		err = stack.Wait(a.ctx)
	}
	return errors.Join(err, stack.Stop())
}

type devSAMLocalTest struct{}

// Help explains what the one-line help leaves open.
func (devSAMLocalTest) Help() string {
	return `On free ports and in a directory of its own, which stays with all logs if a check fails. Then every function
is invoked on its sample event of events/, with the AWS emulator and the payment simulator beside it.`
}

func (c devSAMLocalTest) Run(a *app) error {
	var report smoke.Report
	failed := a.ownDir("sam-local", func(root, dir string) (passed bool, err error) {
		report, err = c.onStack(a, root, dir)
		return report.Failed == 0, err
	})
	return a.showReport(report, failed)
}

func (c devSAMLocalTest) onStack(a *app, root, dir string) (report smoke.Report, err error) {
	instance, err := localstack.At(dir)
	if err != nil {
		return report, err
	}
	steps := a.steps()
	defer steps.Close()
	stack, err := localstack.StartSAMLocal(a.ctx, instance, localstack.Options{Root: root, Steps: steps}, localstack.AllFunctions)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	target := smoke.Target{API: stack.Endpoints.API, Rider: stack.Tokens[localstack.Rider], Dispatch: stack.Tokens[localstack.Dispatch], Ops: stack.Tokens[localstack.Ops]}
	if target.OtherRider, err = stack.Token("rider-2", localstack.Rider); err != nil {
		return report, err
	}
	if target.Forged, err = forged(stack.Issuer, time.Now()); err != nil {
		return report, err
	}
	report = smoke.RunAPI(a.ctx, target, a.progress())
	samples{stack: stack, dir: filepath.Join(root, "events")}.check(a.ctx, a, &report)
	return report, context.Cause(a.ctx)
}

// forged returns tokens that the API must refuse, by what is wrong with them.
func forged(genuine *issuer.Issuer, now time.Time) (map[string]string, error) {
	stranger, err := issuer.New(genuine.URL, genuine.ClientID, time.Now)
	if err != nil {
		return nil, err
	}
	const user = "rider-1"
	claims := func(name string, value any) map[string]any {
		changed := maps.Clone(genuine.Claims(user))
		changed[name] = value
		return changed
	}
	tokens := make(map[string]string)
	for fault, sign := range map[string]func() (string, error){
		"that has expired":        func() (string, error) { return genuine.Sign(claims("exp", now.Add(-time.Hour).Unix())) },
		"for another client":      func() (string, error) { return genuine.Sign(claims("client_id", "another")) },
		"of another issuer":       func() (string, error) { return genuine.Sign(claims("iss", "https://issuer.example")) },
		"that is no access token": func() (string, error) { return genuine.Sign(claims("token_use", "id")) },
		"of an unknown key":       func() (string, error) { return stranger.Token(user) },
	} {
		if tokens[fault], err = sign(); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
