package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/fuzz"
	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

type devFuzz struct {
	Examples int `help:"Most test cases of an operation in each random phase." default:"10"`
	Seed     int `help:"Makes the run repeatable; another one makes other requests." default:"1"`
}

// Help explains what the one-line help leaves open.
func (devFuzz) Help() string {
	return `Schemathesis reads openapi.json from the stack and sends, as each role, requests that keep to the
contract and requests that break it. Every answer must be one that the contract documents, and none
a 5xx. If something is found, it is printed, and the stack's directory stays, with all logs.`
}

func (c devFuzz) Run(a *app) error {
	var results []fuzz.Result
	failed := a.ownStack("fuzz", func(stack ownStack) (passed bool, err error) {
		if results, err = c.attack(a, stack); err != nil {
			return false, err
		}
		return a.showFindings(results)
	})
	if a.json && len(results) > 0 {
		if err := a.printJSON(results); err != nil {
			return err
		}
	}
	return failed
}

func (c devFuzz) attack(a *app, stack ownStack) (results []fuzz.Result, err error) {
	venv, err := toolbox.New(stack.root, stack.steps.Begin).Schemathesis(a.ctx)
	if err != nil {
		return nil, err
	}
	options := fuzz.Options{
		Program: venv.Program("schemathesis"), Config: filepath.Join(stack.root, "tools", "schemathesis.toml"),
		Dir: filepath.Join(stack.instance.LogDir(), "fuzz"), API: stack.API, Tokens: make(map[string]string), Examples: c.Examples, Seed: c.Seed,
	}
	if err := os.MkdirAll(options.Dir, 0o755); err != nil {
		return nil, err
	}
	all, err := tokens(a.ctx, stack.Endpoints)
	if err != nil {
		return nil, err
	}
	for role, token := range all {
		options.Tokens[string(role)] = token
	}
	crew := fuzz.Crew{
		Rider:    api.Client{Base: stack.API, Token: all[localstack.Rider]},
		Dispatch: api.Client{Base: stack.API, Token: all[localstack.Dispatch]},
	}
	if err := stack.steps.Do("prepare bookings in every state", func() (err error) {
		options.Bookings, err = crew.Prepare(a.ctx)
		return err
	}); err != nil {
		return nil, err
	}
	err = stack.steps.Do("attack the API as every role (schemathesis)", func() (err error) {
		results, err = fuzz.Run(a.ctx, options)
		return err
	})
	return results, err
}

// showFindings prints a line for each role, and for what was found all that Schemathesis
// says of it, since CI keeps no files.
func (a *app) showFindings(results []fuzz.Result) (passed bool, err error) {
	out := a.stdout
	if a.json { // which standard output is then for
		out = a.stderr
	}
	passed = len(results) > 0
	for _, r := range results {
		if len(r.Findings) == 0 {
			fmt.Fprintf(out, "✓ %s: %d requests in %.0f s, every answer within the contract\n", r.Role, r.Requests, r.Took.Seconds())
			continue
		}
		passed = false
		log, err := os.Open(r.Log)
		if err != nil {
			return false, err
		}
		_, err = io.Copy(out, log)
		_ = log.Close()
		if err != nil {
			return false, err
		}
		fmt.Fprintf(out, "✗ %s: %d requests in %.0f s\n", r.Role, r.Requests, r.Took.Seconds())
		for _, f := range r.Findings {
			fmt.Fprintf(out, "  %s %s: %s\n", f.Code, f.Title, strings.Join(f.Operations, ", "))
		}
	}
	return passed, nil
}
