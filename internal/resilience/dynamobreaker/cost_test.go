package dynamobreaker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// gobreaker, distributed, asks its store four times per call, and
// circuitbreaker-lambda writes once per call.
func TestFlawACallThatGoesWellCostsTheStore(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	b := f.envs[0]
	f.calls(b, nil)
	if got := f.store.operations(); got != 1 {
		t.Fatalf("%d operations for the first call, want the one read", got)
	}
	f.clock.advance(2*time.Second - time.Millisecond)
	for range 1000 {
		f.calls(b, nil)
	}
	if got := f.store.operations(); got != 1 {
		t.Errorf("%d operations for 1,000 healthy calls with a fresh snapshot, want none", got-1)
	}
	f.clock.advance(time.Millisecond)
	f.calls(b, nil, nil, nil)
	if got := f.store.operations(); got != 2 {
		t.Errorf("%d operations, want one read more per TTL", got)
	}
}

func TestAHealthyCallAllocatesNothing(t *testing.T) {
	f := newEnsemble(t, 1)
	f.calls(f.envs[0], nil)
	ctx, ok := t.Context(), returns(nil)
	if got := testing.AllocsPerRun(1000, func() { _ = f.envs[0].Do(ctx, ok) }); got != 0 {
		t.Errorf("%v allocations a call, want none", got)
	}
}

// As /health asks: often.
func TestWhoeverWatchesReadsOncePerTTL(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	watcher := f.envs[1]
	watches := func(want resilience.State) {
		t.Helper()
		for range 500 {
			if got := watcher.State(t.Context()); got != want {
				t.Fatalf("%s, want %s", got, want)
			}
		}
	}
	watches(resilience.Closed)
	if got := f.store.operations(); got != 1 {
		t.Errorf("%d operations for 500 looks, want one read", got)
	}
	f.envs = f.envs[:1]
	f.breaks()
	f.clock.advance(f.cfg.TTL)
	before := f.store.operations()
	watches(resilience.Open)
	if got := f.store.operations() - before; got != 1 {
		t.Errorf("%d operations for 500 looks, want one read", got)
	}
	// A store that is away fails nobody: what is known holds for as long as it said.
	until := f.stored(resilience.Open).Until
	f.store.down = true
	for f.clock.advance(f.cfg.TTL); f.clock.now().Before(until); f.clock.advance(f.cfg.TTL) {
		watches(resilience.Open)
	}
	watches(resilience.Closed) // payments are tried then
	fresh := f.env()
	if got := fresh.State(t.Context()); got != resilience.Closed {
		t.Errorf("%s, want closed where nothing was ever known", got)
	}
}

func TestTheOneThatChangesTheBreakerIsTold(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 0)
	var told []string
	f.cfg.Rules.Changed = func(from, to resilience.State) { told = append(told, from.String()+" to "+to.String()) }
	f.envs = append(f.envs, f.env())
	f.cfg.Rules.Changed = func(from, to resilience.State) { t.Errorf("who changed nothing was told: %s to %s", from, to) }
	other := f.env()
	f.breaks()
	f.clock.advance(f.cfg.TTL)
	f.refuses(other)
	f.rests()
	f.calls(f.envs[0], nil, nil, nil)
	f.clock.advance(f.cfg.TTL)
	f.calls(other, nil)
	if got, want := strings.Join(told, ", "), "closed to open, open to half_open, half_open to closed"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnOpenBreakerReadsOncePerTTL(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	f.breaks()
	before := f.store.operations()
	for range 40 { // 4 s
		f.refuses(f.envs[0])
		f.clock.advance(100 * time.Millisecond)
	}
	if got := f.store.operations() - before; got > 2 {
		t.Errorf("%d operations in 4 s, want at most 2", got)
	}
}

// gobreaker, distributed: a store error after a successful charge is returned as
// an error of the charge.
func TestFlawAStoreErrorIsReturnedForTheCall(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	b := f.envs[0]
	f.calls(b, nil, errNoAnswer) // from now on each call reports
	f.store.down = true
	f.clock.advance(200 * time.Millisecond)
	f.calls(b, nil, errNoAnswer, nil)
	f.clock.advance(time.Minute)
	f.calls(b, nil, errNoAnswer, nil)
}

func TestWithoutAStoreAnEnvironmentGoesOnAlone(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	f.store.down = true
	a, b := f.envs[0], f.envs[1]
	for range 10 {
		f.calls(a, errNoAnswer)
		f.clock.advance(100 * time.Millisecond)
	}
	f.refuses(a) // by its own window
	f.calls(b, nil)
	if got := a.Status(t.Context()); !got.Alone || got.State != resilience.Open {
		t.Errorf("%+v, want open and alone", got)
	}
	f.store.down = false
	f.clock.advance(2 * time.Second)
	f.calls(a, nil) // the fleet is closed, and it counts again
	if got := a.Status(t.Context()); got.Alone || got.State != resilience.Closed {
		t.Errorf("%+v, want what the fleet says", got)
	}
}

func TestAStoreThatIsDownIsAskedOncePerTTL(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	f.store.down = true
	for range 100 { // 10 s
		f.calls(f.envs[0], nil)
		f.clock.advance(100 * time.Millisecond)
	}
	if got := f.store.operations(); got != 5 {
		t.Errorf("asked %d times in 10 s, want 5", got)
	}
}

func TestAStoreThatHangsHoldsACallUpByItsLimitOnly(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	f.cfg.StoreTimeout = 50 * time.Millisecond
	b := f.env()
	f.store.hang = true
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Do(ctx, returns(nil)); err != nil || ctx.Err() != nil {
		t.Errorf("%v, %v; want the call's own success, soon", err, ctx.Err())
	}
}

func TestWhatTheLastSnapshotForbadeStaysForbidden(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	f.breaks()
	until := f.stored(resilience.Open).Until
	f.store.down = true
	for f.clock.now().Before(until) {
		f.refuses(f.envs[0])
		f.clock.advance(500 * time.Millisecond)
	}
	f.calls(f.envs[0], nil)
}

func TestACanceledCallerDoesNotMakeTheStoreLookDown(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	err := f.envs[0].Do(ctx, func(context.Context) error {
		f.clock.advance(3 * time.Second) // so that the snapshot is read again
		cancel()
		return errNoAnswer
	})
	if !errors.Is(err, errNoAnswer) || f.envs[0].Status(t.Context()).Alone {
		t.Errorf("%v, %+v; want the call's own error, and the store known", err, f.envs[0].Status(t.Context()))
	}
	if f.store.writes != 1 {
		t.Errorf("%d reports, want the failure told all the same", f.store.writes)
	}
}
