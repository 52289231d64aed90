package fuzz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// Options of a run.
type Options struct {
	Program string // Schemathesis
	Config  string // its configuration file
	Dir     string // where it may write; logs and reports stay there

	API      string            // base URL
	Tokens   map[string]string // access token by role
	Bookings []string          // ids that exist

	Examples int // most test cases of an operation in each random phase
	Seed     int // the same seed makes the same requests, as far as answers are the same
}

// Result is what one role found.
type Result struct {
	Role     string        `json:"role"`
	Requests int           `json:"requests"`
	Took     time.Duration `json:"took_ns"`
	Findings []Finding     `json:"findings"`
	Log      string        `json:"log"` // what Schemathesis said, with a command line for each finding
}

// Finding is one way in which the API broke its contract.
type Finding struct {
	Code       string   `json:"code"` // Schemathesis' own
	Title      string   `json:"title"`
	Operations []string `json:"operations"`
}

// limit is far beyond what a run takes: a hung one must not hold CI for ever.
const limit = 10 * time.Minute

// Run returns the results in the order of the roles' names. Each role is a process
// with one worker: several threads trip over Python's parser (SystemError: AST
// constructor recursion depth mismatch).
func Run(ctx context.Context, o Options) ([]Result, error) {
	config, err := o.writeConfig()
	if err != nil {
		return nil, fmt.Errorf("configure schemathesis: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("schemathesis is not done after %s", limit))
	defer cancel()
	roles := slices.Sorted(maps.Keys(o.Tokens))
	results := make([]Result, len(roles))
	group, ctx := errgroup.WithContext(ctx)
	for i, role := range roles {
		group.Go(func() (err error) {
			results[i], err = o.attack(ctx, role, config)
			return err
		})
	}
	return results, group.Wait()
}

// writeConfig adds the bookings of this run to the configuration.
func (o Options) writeConfig() (string, error) {
	text, err := os.ReadFile(o.Config)
	if err != nil {
		return "", err
	}
	ids, err := json.Marshal(o.Bookings) // an array of plain strings is the same in TOML
	if err != nil {
		return "", err
	}
	path := filepath.Join(o.Dir, "schemathesis.toml")
	return path, os.WriteFile(path, fmt.Appendf(text, "\n[dictionaries.bookings]\nvalues = %s\n", ids), 0o600)
}

func (o Options) attack(ctx context.Context, role, config string) (Result, error) {
	result := Result{Role: role, Log: filepath.Join(o.Dir, role+".log")}
	log, err := os.Create(result.Log)
	if err != nil {
		return result, fmt.Errorf("attack as %s: %w", role, err)
	}
	defer func() { _ = log.Close() }()
	report := filepath.Join(o.Dir, role+".json")
	cmd := procgroup.Command(ctx, o.Program, "--config-file", config, "run", o.API+"/openapi.json", "--url", o.API,
		"--workers", "1", "--max-examples", fmt.Sprint(o.Examples), "--seed", fmt.Sprint(o.Seed),
		"--continue-on-failure", "--no-color", "--report", "json", "--report-json-path", report)
	cmd.Dir, cmd.Env = o.Dir, o.env(o.Tokens[role])
	cmd.Stdout, cmd.Stderr = log, log
	began := time.Now()
	err = cmd.Run()
	result.Took = time.Since(began)
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return result, fmt.Errorf("attack as %s: %w", role, err)
	}
	result.Requests, result.Findings, err = readReport(report)
	if err != nil {
		return result, fmt.Errorf("attack as %s: %w; its output is in %s", role, err, result.Log)
	}
	return result, nil
}

// env is all that Schemathesis sees: nothing of the user's own, least of all a proxy.
func (o Options) env(token string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + o.Dir, "LANG=C.UTF-8", "PYTHONUNBUFFERED=1",
		"NO_PROXY=*", "no_proxy=*", "HAIL_TOKEN=" + token,
	}
}

// report is the part of Schemathesis' JSON report that tells the result.
type report struct {
	ExitCode   int `json:"exit_code"`
	Operations struct {
		Total, Tested int
	} `json:"operations"`
	Phases    map[string]struct{ Status string } `json:"phases"`
	TestCases struct {
		Generated int `json:"generated"`
	} `json:"test_cases"`
	Failures []Finding         `json:"failures"`
	Errors   []json.RawMessage `json:"errors"`
}

// readReport returns how many requests were made and what they found. A run that left
// something out is an error: it proved less than it was asked to.
func readReport(path string) (requests int, findings []Finding, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, nil, errors.New("schemathesis left no report")
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return 0, nil, fmt.Errorf("read report: %w", err)
	}
	var gaps []string
	if len(r.Errors) > 0 {
		gaps = append(gaps, fmt.Sprintf("%d errors of its own", len(r.Errors)))
	}
	if r.Operations.Total == 0 || r.Operations.Tested != r.Operations.Total {
		gaps = append(gaps, fmt.Sprintf("%d of %d operations tested", r.Operations.Tested, r.Operations.Total))
	}
	for _, phase := range []string{"examples", "coverage", "fuzzing", "stateful"} {
		if status := r.Phases[phase].Status; status != "success" && status != "failure" {
			gaps = append(gaps, fmt.Sprintf("phase %s: %s", phase, status))
		}
	}
	if r.ExitCode != 0 && len(r.Failures) == 0 {
		gaps = append(gaps, fmt.Sprintf("exit code %d without a finding", r.ExitCode))
	}
	if len(gaps) > 0 {
		return 0, nil, fmt.Errorf("schemathesis did not test everything: %s", strings.Join(gaps, ", "))
	}
	return r.TestCases.Generated, r.Failures, nil
}
