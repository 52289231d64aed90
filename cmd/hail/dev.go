package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/localstack"
)

type devCommand struct {
	Run   devRun   `cmd:"" default:"withargs" help:"Run the stack until Ctrl-C (what hail dev alone does)."`
	Up    devUp    `cmd:"" help:"Start the stack in the background and return when it is ready."`
	Down  devDown  `cmd:"" help:"Stop the stack that dev or dev up started."`
	Smoke devSmoke `cmd:"" help:"Start a stack of its own, check it end to end, stop it."`
	Fuzz  devFuzz  `cmd:"" help:"Start a stack of its own, attack its API by the contract, stop it."`

	Outage  devOutage  `cmd:"" help:"Start a stack of its own, book while the payment provider is down and hanging, stop it."`
	Rebuild devRebuild `cmd:"" help:"Start a stack of its own, make all views anew while riders book, audit them, stop it."`

	TwoStacks devTwoStacks `cmd:"" name:"two-stacks" help:"Start two stacks in one account, one of them with an event bus, check that they keep apart, stop them."`

	SAMLocal     devSAMLocal     `cmd:"" name:"sam-local" help:"Run the HTTP API alone in Docker, under sam local start-api, until Ctrl-C."`
	SAMLocalTest devSAMLocalTest `cmd:"" name:"sam-local-test" help:"Start what sam-local starts, check it end to end, stop it."`
}

// stackFlags are common to what starts a stack.
type stackFlags struct {
	instanceFlag
	Port       int `help:"Port of the AWS emulator; 0 takes a free one." default:"${port}" placeholder:"PORT"`
	PaysimPort int `help:"Port of the payment simulator; 0 takes a free one." default:"${paysimport}" placeholder:"PORT"`
}

func (f stackFlags) options(steps *localstack.Steps) (localstack.Options, error) {
	root, err := localstack.Root()
	return localstack.Options{Root: root, Port: f.Port, PaysimPort: f.PaysimPort, Steps: steps}, err
}

type devRun struct {
	stackFlags
	Background bool `hidden:"" help:"Say nothing when ready: another hail waits for that."`
}

// Help explains what the one-line help leaves open.
func (devRun) Help() string {
	return `Installs what is missing under .tools/, starts the AWS emulator with IAM enforced and the payment
simulator, builds and deploys template.yaml with the SAM CLI, creates a user per role, and prints
how to book a ride. Nothing leaves this machine but downloads of tools and modules.`
}

func (c devRun) Run(a *app) error {
	instance, err := c.instance()
	if err != nil {
		return err
	}
	steps := a.steps()
	defer steps.Close()
	options, err := c.options(steps)
	if err != nil {
		return err
	}
	began := a.now()
	stack, err := localstack.Start(a.ctx, instance, options)
	if errors.Is(err, localstack.ErrRunning) {
		return runningError(instance)
	}
	if err != nil {
		return err
	}
	if !c.Background {
		steps.Print("✓ ready after %.1f s\n", a.now().Sub(began).Seconds())
		err = a.showReady(ready{Endpoints: stack.Endpoints, Tokens: stack.Tokens, Logs: stack.Logs, Env: instance.EnvFile()}, "Ctrl-C stops everything.")
	}
	if err == nil {
		err = stack.Wait(a.ctx)
	}
	return errors.Join(err, stack.Stop())
}

// runningError tells where the stack is that stands in the way.
func runningError(instance localstack.Instance) error {
	state, err := instance.Running()
	if err != nil {
		return err
	}
	if state == nil || state.Phase != localstack.Ready {
		return fmt.Errorf("%w or just starting or stopping in %s: hail dev down stops it", localstack.ErrRunning, instance.Dir())
	}
	return fmt.Errorf("%w: %s (process %d): hail dev down stops it", localstack.ErrRunning, state.Endpoints.API, state.Supervisor.PID)
}

type devDown struct {
	instanceFlag
}

func (c devDown) Run(a *app) error {
	instance, err := c.instance()
	if err != nil {
		return err
	}
	steps := a.steps()
	defer steps.Close()
	stopped, err := instance.Down(steps)
	if err != nil {
		return err
	}
	steps.Close()
	if a.json {
		return a.printJSON(map[string]bool{"stopped": stopped})
	}
	if !stopped {
		fmt.Fprintln(a.stdout, "The local stack is not running.")
	}
	return nil
}

// tokens returns a token of each role's seeded user.
func tokens(ctx context.Context, e localstack.Endpoints) (map[localstack.Role]string, error) {
	cloud := localstack.Connect(e.AWS, e.Region)
	found := make(map[localstack.Role]string)
	for _, role := range localstack.Roles() {
		token, err := cloud.Token(ctx, e, role.SeededUser(), role)
		if err != nil {
			return nil, err
		}
		found[role] = token
	}
	return found, nil
}
