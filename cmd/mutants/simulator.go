package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// outcome is what became of a mutant.
type outcome string

const (
	noMutant    outcome = "invalid" // it does not compile
	isFound     outcome = "found"
	isMissed    outcome = "missed"
	isUncovered outcome = "uncovered"
)

// verdict says what the simulator makes of a mutant.
type verdict struct {
	outcome outcome
	seed    string // that found it; empty where all of them together did
	rule    string
}

func (v verdict) why() string {
	switch {
	case v.rule == "":
		return ""
	case v.seed == "":
		return " | all seeds: " + v.rule
	default:
		return " | seed " + v.seed + ": " + v.rule
	}
}

// simulator builds and runs the simulator's tests.
type simulator struct {
	module, dir string
	seeds       int
	covered     coverage
}

const simPackage = "./internal/system/sim"

// cover finds out what the simulator executes, and that it finds nothing without a
// mutant.
func (s *simulator) cover(ctx context.Context) error {
	var of []string
	for _, p := range packages {
		of = append(of, "./internal/"+p)
	}
	binary, profile := filepath.Join(s.dir, "cover.test"), filepath.Join(s.dir, "cover.out")
	if out, err := s.command(ctx, "go", "test", "-c", "-cover", "-coverpkg="+strings.Join(of, ","), "-o", binary, simPackage).CombinedOutput(); err != nil {
		return fmt.Errorf("build the simulator: %w\n%s", err, out)
	}
	switch v, err := s.hunt(ctx, binary, "-test.coverprofile="+profile); {
	case err != nil:
		return err
	case v.outcome == isFound:
		return fmt.Errorf("the simulator fails without a mutant%s", v.why())
	}
	raw, err := os.ReadFile(profile)
	if err != nil {
		return err
	}
	s.covered, err = parseCoverage(raw)
	return err
}

// judge has the simulator look for a mutant.
func (s *simulator) judge(ctx context.Context, m mutant, all bool) (verdict, error) {
	covered := s.covered.has(m)
	binary := filepath.Join(s.dir, "mutant.test")
	ok, err := s.build(ctx, m, binary)
	switch {
	case err != nil:
		return verdict{}, err
	case !ok:
		return verdict{outcome: noMutant}, nil
	case !covered && !all:
		return verdict{outcome: isUncovered}, nil
	default:
		return s.hunt(ctx, binary)
	}
}

// build compiles the simulator with a mutant, and tells whether that is possible.
func (s *simulator) build(ctx context.Context, m mutant, binary string) (bool, error) {
	path := filepath.Join(s.module, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	mutated := filepath.Join(s.dir, "mutated.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		return false, err
	}
	plan := filepath.Join(s.dir, "overlay.json")
	if err := os.WriteFile(mutated, m.apply(source), 0o600); err != nil {
		return false, err
	}
	if err := os.WriteFile(plan, overlay, 0o600); err != nil {
		return false, err
	}
	// The package alone first: what does not compile is known at once.
	if s.command(ctx, "go", "build", "-overlay="+plan, "./"+filepath.Dir(m.file)).Run() != nil {
		return false, ctx.Err()
	}
	out, err := s.command(ctx, "go", "test", "-c", "-ldflags=-s -w", "-overlay="+plan, "-o", binary, simPackage).CombinedOutput()
	if err != nil {
		return false, fmt.Errorf("build %s: %w\n%s", m, err, out)
	}
	return true, nil
}

var (
	ruleBroken = regexp.MustCompile(`(?m)FOUND(?: by seed (\d+))?: (.*)$`)
	lastSeed   = regexp.MustCompile(`(?m)^at seed (\d+)$`)
	panicked   = regexp.MustCompile(`(?m)^(?:panic|fatal error): (.*)$`)
)

// hunt runs the seeds until one finds something.
func (s *simulator) hunt(ctx context.Context, binary string, more ...string) (verdict, error) {
	args := append([]string{"-test.run=^TestSeeds$", "-test.timeout=0", "-hunt", "-seeds=" + strconv.Itoa(s.seeds)}, more...)
	cmd := s.command(ctx, binary, args...)
	cmd.Dir = filepath.Join(s.module, simPackage)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=1000")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return verdict{}, ctx.Err()
	}
	if err == nil {
		return verdict{outcome: isMissed}, nil
	}
	if rule := ruleBroken.FindSubmatch(out); rule != nil {
		return verdict{isFound, string(rule[1]), string(rule[2])}, nil
	}
	why := panicked.FindSubmatch(out)
	seeds := lastSeed.FindAllSubmatch(out, -1)
	if why == nil || len(seeds) == 0 {
		return verdict{}, fmt.Errorf("run the simulator: %w\n%s", err, out[:min(len(out), 4000)])
	}
	return verdict{isFound, string(seeds[len(seeds)-1][1]), "panic: " + string(bytes.TrimSpace(why[1]))}, nil
}

func (s *simulator) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.module
	return cmd
}
