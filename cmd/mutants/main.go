package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

// options are what the command line says.
type options struct {
	n, seeds int
	seed     uint64
	match    string
	all      bool
	list     bool
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 50, "how many mutants")
	flag.Uint64Var(&o.seed, "seed", 1, "which mutants are chosen")
	flag.IntVar(&o.seeds, "seeds", 500, "how many worlds the simulator has for each")
	flag.StringVar(&o.match, "match", "", "only mutants whose line in the report matches this expression")
	flag.BoolVar(&o.all, "all", false, "run those too that no world executes, without finding out which those are")
	flag.BoolVar(&o.list, "list", false, "list the mutants and run none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	module, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	chosen, err := choose(module, o, out)
	if err != nil || o.list {
		for _, m := range chosen {
			fmt.Fprintln(out, m)
		}
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	s := &simulator{module: module, dir: dir, seeds: o.seeds}
	if !o.all {
		began := time.Now()
		if err := s.cover(ctx); err != nil {
			return err
		}
		fmt.Fprintf(out, "The simulator executes %.0f %% of the statements in %d seeds (%s).\n", 100*s.covered.share(), o.seeds, time.Since(began).Round(time.Second))
	}
	return s.measure(ctx, chosen, o, out)
}

// choose returns the mutants in a random order.
func choose(module string, o options, out io.Writer) ([]mutant, error) {
	all, err := mutantsOf(module)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d mutants are possible; seed %d chooses.\n", len(all), o.seed)
	rand.New(rand.NewPCG(o.seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	only, err := regexp.Compile(o.match)
	if err != nil {
		return nil, err
	}
	var chosen []mutant
	for _, m := range all {
		if only.MatchString(m.String()) {
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

// measure runs mutants until there are enough that compile.
func (s *simulator) measure(ctx context.Context, chosen []mutant, o options, out io.Writer) error {
	var found, uncovered, judged int
	for _, m := range chosen {
		if judged == o.n || ctx.Err() != nil {
			break
		}
		began := time.Now()
		v, err := s.judge(ctx, m, o.all)
		if err != nil {
			return err
		}
		switch v.outcome {
		case noMutant:
			continue
		case isFound:
			found++
		case isUncovered:
			uncovered++
		case isMissed:
		}
		judged++
		fmt.Fprintf(out, "%3d %-9s %s%s (%s)\n", judged, v.outcome, m, v.why(), time.Since(began).Round(time.Second))
	}
	fmt.Fprintf(out, "\n%d of %d mutants found within %d seeds; %d in code that no seed executes.\n", found, judged, o.seeds, uncovered)
	return ctx.Err()
}
