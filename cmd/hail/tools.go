package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

type toolsCommand struct {
	Tool string `arg:"" enum:"sam,emulators,dynamodb-local,schemathesis,checkov,stripe-mock" help:"One of ${enum}."`
}

// Help explains what the one-line help leaves open.
func (toolsCommand) Help() string {
	return `sam: the SAM CLI and cfn-lint. checkov: the scanner of templates. emulators: MiniStack. dynamodb-local: the directory of its Java archives.
schemathesis: the fuzzer of make api-fuzz. stripe-mock: Stripe's own mock of its API.

For instance: $(hail tools sam)/sam validate --lint`
}

func (c toolsCommand) Run(a *app) error {
	root, err := localstack.Root()
	if err != nil {
		return err
	}
	dir, err := c.install(a, toolbox.New(root, toolbox.Lines(a.stderr, a.now)))
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"tool": c.Tool, "dir": dir})
	}
	fmt.Fprintln(a.stdout, dir)
	return nil
}

func (c toolsCommand) install(a *app, box *toolbox.Box) (string, error) {
	switch c.Tool {
	case "sam":
		venv, err := box.SAM(a.ctx)
		return venv.Bin(), err
	case "emulators":
		venv, err := box.Emulators(a.ctx)
		return venv.Bin(), err
	case "schemathesis":
		venv, err := box.Schemathesis(a.ctx)
		return venv.Bin(), err
	case "checkov":
		venv, err := box.Checkov(a.ctx)
		return venv.Bin(), err
	case "dynamodb-local":
		installed, err := box.DynamoDBLocal(a.ctx)
		return installed.Dir(), err
	case "stripe-mock":
		program, err := box.StripeMock(a.ctx)
		return filepath.Dir(program), err
	}
	return "", fmt.Errorf("unknown tool %q", c.Tool)
}

// printJSON writes a result for programs.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
