package dynamobreaker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
)

func TestTheFleetOpensAndRecoversTogether(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 10)
	f.breaks()
	f.clock.advance(2 * time.Second)
	for _, b := range f.envs {
		f.refuses(b)
	}
	f.rests()
	f.calls(f.envs[1], nil)
	f.stored(resilience.HalfOpen)
	f.calls(f.envs[2], nil)
	f.calls(f.envs[3], nil)
	f.stored(resilience.Closed)
	f.clock.advance(2 * time.Second)
	for _, b := range f.envs {
		f.calls(b, nil)
	}
}

// gobreaker, distributed, and circuitbreaker-lambda: every environment probes.
func TestFlawEveryEnvironmentProbes(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 50)
	f.breaks()
	f.rests()
	var probing, refused, asked atomic.Int64
	var all sync.WaitGroup
	release := make(chan struct{})
	answered := func(as *atomic.Int64) {
		as.Add(1)
		if asked.Add(1) == 50 {
			close(release) // probes are under way for as long as anybody may still ask
		}
	}
	for _, b := range f.envs {
		all.Go(func() {
			err := b.Do(context.Background(), func(context.Context) error {
				answered(&probing)
				<-release
				return nil
			})
			if errors.Is(err, resilience.ErrOpen) {
				answered(&refused)
			}
		})
	}
	all.Wait()
	if probing.Load() != 1 || refused.Load() != 49 {
		t.Errorf("%d probes and %d refusals among 50, want exactly one probe", probing.Load(), refused.Load())
	}
}

// circuitbreaker-lambda: everybody writes the whole state, and the last one wins.
func TestFlawTheLastWriterWins(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 20)
	for range 5 { // so that counts from before everybody knew are left out
		f.calls(f.envs[0], errNoAnswer)
		f.clock.advance(time.Second)
	}
	var all sync.WaitGroup
	for _, b := range f.envs {
		all.Go(func() { _ = b.Do(context.Background(), returns(errNoAnswer)) }) // any ten of them open it
	}
	all.Wait()
	r, err := dynamobreaker.New(f.store, f.table, "payments").Read(t.Context(), true)
	if err != nil || r.State != resilience.Open || r.Version != 1 {
		t.Errorf("%+v, %v; want it opened once, by one of them", r.Stage, err)
	}
	until := r.Until
	for _, b := range f.envs {
		_ = b.Do(t.Context(), returns(errNoAnswer))
	}
	if r, err = dynamobreaker.New(f.store, f.table, "payments").Read(t.Context(), true); err != nil || r.Version != 1 || !r.Until.Equal(until) {
		t.Errorf("%+v, %v; want what the first wrote", r.Stage, err)
	}
}

// Powertools: transitions are not fenced.
func TestFlawAStaleCloserCloses(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 3)
	f.breaks()
	f.rests()
	f.calls(f.envs[0], nil, nil) // one more would close it
	stale := f.begin(f.envs[0])
	f.clock.advance(f.cfg.Rules.ProbeLease) // its lease expires, and the next fails
	f.calls(f.envs[1], errNoAnswer)
	f.stored(resilience.Open)
	if err := stale.end(nil); err != nil {
		t.Errorf("the stale probe's own result: %v", err)
	}
	f.stored(resilience.Open)
	f.refuses(f.envs[0])
}

func TestFlawAStaleOpenerOpens(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 3)
	late := make([]begun, 0, 30)
	late = append(late, f.begin(f.envs[0]), f.begin(f.envs[1]), f.begin(f.envs[2]))
	for range 27 {
		late = append(late, f.begin(f.envs[2]))
	}
	f.breaks()
	f.rests()
	f.calls(f.envs[1], nil, nil, nil)
	f.stored(resilience.Closed)
	for _, call := range late { // all of them from before the outage was over
		if err := call.end(errNoAnswer); !errors.Is(err, errNoAnswer) {
			t.Errorf("the stale call's own result: %v", err)
		}
		f.clock.advance(300 * time.Millisecond)
	}
	f.stored(resilience.Closed)
}

func TestFlawAnExpiredProberDecides(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{"it succeeds": nil, "it fails": errNoAnswer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newEnsemble(t, 2)
			f.breaks()
			f.rests()
			f.calls(f.envs[0], nil, nil)
			expired := f.begin(f.envs[0])
			f.clock.advance(f.cfg.Rules.ProbeLease) // nobody else has come
			if err := expired.end(outcome); !errors.Is(err, outcome) {
				t.Errorf("its own result: %v, want %v", err, outcome)
			}
			f.stored(resilience.HalfOpen)
			f.calls(f.envs[1], nil, nil) // the expired one ended the row, whatever it said
			f.stored(resilience.HalfOpen)
			f.calls(f.envs[1], nil)
			f.stored(resilience.Closed)
		})
	}
}

// gobreaker: a probe that is lost keeps it half-open for good.
func TestFlawALostProbeSticksHalfOpen(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	f.breaks()
	f.rests()
	lost := f.begin(f.envs[0])
	f.clock.advance(f.cfg.Rules.ProbeLease - time.Millisecond)
	f.refuses(f.envs[1])
	f.clock.advance(time.Millisecond)
	f.calls(f.envs[1], nil, nil, nil)
	f.stored(resilience.Closed)
	_ = lost.end(nil)
}

// Powertools: the streak of probes is bound to one environment.
func TestFlawTheStreakOfProbesIsOneEnvironments(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 3)
	f.breaks()
	f.rests()
	for _, b := range f.envs {
		f.stored([]resilience.State{resilience.HalfOpen, resilience.Open}[btoi(b == f.envs[0])])
		f.calls(b, nil)
		f.clock.advance(2 * time.Second)
	}
	f.stored(resilience.Closed)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestEachFailedProbeOfTheFleetDoublesTheRest(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 3)
	f.cfg.Rules.Rand = func() float64 { return 0 }
	for i := range f.envs {
		f.envs[i] = f.env()
	}
	f.breaks()
	for i, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 300 * time.Second, 300 * time.Second} {
		if got := f.stored(resilience.Open).Until.Sub(f.clock.now()); got != want {
			t.Errorf("after %d failed probes it rests %s, want %s", i, got, want)
		}
		f.rests()
		f.calls(f.envs[i%3], errNoAnswer)
	}
}

func TestAPanicInAProbeReopens(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	f.breaks()
	f.rests()
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v, want the call's own panic", got)
			}
		}()
		_ = f.envs[0].Do(t.Context(), func(context.Context) error { panic("boom") })
	}()
	f.stored(resilience.Open)
}

func TestWhatSaysNothingGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	f.breaks()
	f.rests()
	replayed := func(context.Context) (resilience.Verdict, error) { return resilience.Uncounted, nil }
	for range 5 {
		f.calls(f.envs[0], resilience.ErrFull)
		if err := f.envs[0].Observe(t.Context(), replayed); err != nil {
			t.Fatal(err)
		}
		f.stored(resilience.HalfOpen)
	}
	f.calls(f.envs[0], nil, nil, nil)
	f.stored(resilience.Closed)
}

func TestStatusTellsWhenAProbeIsDue(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	due := func(what string, want bool) {
		t.Helper()
		f.clock.advance(f.cfg.TTL)
		if got := f.envs[1].Status(t.Context()); got.ProbeDue != want {
			t.Errorf("%s: %+v, want a probe due: %v", what, got, want)
		}
	}
	due("closed", false)
	f.breaks()
	due("resting", false)
	f.rests()
	due("rested", true)
	probe := f.begin(f.envs[0])
	due("probing", false)
	if err := probe.end(nil); err != nil {
		t.Fatal(err)
	}
	due("one healthy probe", true)
	f.begin(f.envs[0])
	f.clock.advance(f.cfg.Rules.ProbeLease)
	due("the prober is lost", true)
	f.order(resilience.ForcedOpen, "no probes")
	due("forced open", false)
}
