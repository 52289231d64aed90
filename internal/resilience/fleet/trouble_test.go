package fleet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

var errAway = errors.New("the store is away")

// troubled is a store that fails, or before whose writes something happens.
type troubled struct {
	fleettest.Memory
	reads, changes, gives, givens error
	beforeChange, beforeGive      func(*fleettest.Memory)
}

func (s *troubled) Read(ctx context.Context, newest bool) (fleet.Record, error) {
	if s.reads != nil {
		return fleet.Record{}, s.reads
	}
	return s.Memory.Read(ctx, newest)
}

func (s *troubled) Change(ctx context.Context, c fleet.Change) (fleet.Record, bool, error) {
	if s.changes != nil {
		return fleet.Record{}, false, s.changes
	}
	if s.beforeChange != nil {
		s.beforeChange(&s.Memory)
	}
	return s.Memory.Change(ctx, c)
}

func (s *troubled) Give(ctx context.Context, c fleet.Change, o fleet.Order) (bool, error) {
	if s.gives != nil {
		return false, s.gives
	}
	if s.beforeGive != nil {
		s.beforeGive(&s.Memory)
	}
	return s.Memory.Give(ctx, c, o)
}

func (s *troubled) Given(ctx context.Context, n int64) (fleet.Order, error) {
	if s.givens != nil {
		return fleet.Order{}, s.givens
	}
	return s.Memory.Given(ctx, n)
}

// town is one environment of a fleet, whose clock stands still.
type town struct {
	*testing.T
	store *troubled
	at    time.Time
	*fleet.Breaker
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{T: t, store: &troubled{}, at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	w.Breaker = w.environment()
	return w
}

func (w *town) environment() *fleet.Breaker {
	w.Helper()
	b, err := fleet.New(w.store, fleet.Defaults(rules(func() time.Time { return w.at })))
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// rested is a record whose breaker may be probed now.
func (w *town) rested() {
	w.Helper()
	open := fleet.Stage{Version: 1, State: resilience.Open, Until: w.at}
	if _, done, err := w.store.Memory.Change(w.Context(), fleet.Change{To: open}); err != nil || !done {
		w.Fatal(done, err)
	}
}

// calls makes a call and reports whether it was made, and its error.
func (w *town) calls(outcome error) (made bool, err error) {
	w.Helper()
	err = w.Do(w.Context(), func(context.Context) error { made = true; return outcome })
	return made, err
}

func (w *town) state() fleet.Stage {
	w.Helper()
	r, err := w.store.Memory.Read(w.Context(), true)
	if err != nil {
		w.Fatal(err)
	}
	return r.Stage
}

func TestWithoutALeaseFromTheStoreTheCallIsMadeAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.rested()
	w.store.changes = errAway
	if made, err := w.calls(nil); !made || err != nil {
		t.Errorf("made %v, %v; want the call made, by the environment's own breaker", made, err)
	}
	if got := w.state(); got.State != resilience.Open {
		t.Errorf("%+v, want nothing told of it", got)
	}
}

func TestWithoutALookAtTheRecordNoLeaseIsTaken(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.at = w.at.Add(time.Second)
	w.rested()
	w.at = w.at.Add(-time.Second)
	if made, err := w.calls(nil); made || !errors.Is(err, resilience.ErrOpen) {
		t.Fatalf("made %v, %v; want a refusal, still", made, err)
	}
	w.at = w.at.Add(1500 * time.Millisecond) // the snapshot is from before the end of the rest
	w.store.reads = errAway
	if made, err := w.calls(nil); !made || err != nil {
		t.Errorf("made %v, %v; want the call made, by the environment's own breaker", made, err)
	}
	if got := w.state(); got.State != resilience.Open || got.Lease.Owner != "" {
		t.Errorf("%+v, want no lease taken", got)
	}
}

func TestALeaseThatAnotherTookIsARefusal(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.rested()
	w.store.beforeChange = func(m *fleettest.Memory) {
		w.store.beforeChange = nil
		theirs := fleet.Stage{Version: 2, State: resilience.HalfOpen, Lease: fleet.Lease{Owner: "theirs", Until: w.at.Add(time.Second)}}
		if _, done, err := m.Change(w.Context(), fleet.Change{From: 1, To: theirs}); err != nil || !done {
			t.Error(done, err)
		}
	}
	if made, err := w.calls(nil); made || !errors.Is(err, resilience.ErrOpen) {
		t.Errorf("made %v, %v; want a refusal: another probes", made, err)
	}
	if got := w.state(); got.Lease.Owner != "theirs" {
		t.Errorf("%+v, want the other's lease untouched", got)
	}
}

// The environment learned during its probe that the fleet has moved on.
func TestAProbeThatKnowsItIsStaleWritesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.rested()
	err := w.Do(t.Context(), func(ctx context.Context) error {
		if _, err := (&fleet.Desk{Store: w.store, Now: func() time.Time { return w.at }}).Give(ctx, resilience.ForcedOpen, "ada", "stop"); err != nil {
			t.Error(err)
		}
		w.at = w.at.Add(3 * time.Second)
		if got := w.State(ctx); got != resilience.Open {
			t.Errorf("%s, want open", got)
		}
		w.store.beforeChange = func(*fleettest.Memory) { t.Error("a stale probe was written") }
		return nil
	})
	if err != nil {
		t.Errorf("%v, want the probe's own success", err)
	}
}

func TestACallWithoutTimeIsNotMade(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	op := func(context.Context) (resilience.Verdict, error) { t.Error("called"); return resilience.Healthy, nil }
	if err := w.Observe(over, op); !errors.Is(err, resilience.ErrOver) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want no time left", err)
	}
}

func TestAnOrderIsRepeatedWhileOnlyTheBreakerMoves(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		moves int
		given bool
	}{"once": {1, true}, "nine times": {9, true}, "for ever": {1000, false}} {
		w := newTown(t)
		w.store.beforeGive = func(m *fleettest.Memory) {
			if tt.moves--; tt.moves >= 0 {
				at := w.state()
				_, _, _ = m.Change(t.Context(), fleet.Change{From: at.Version, To: fleet.Stage{Version: at.Version + 1, State: resilience.Open}})
			}
		}
		o, err := w.desk().Give(t.Context(), resilience.ForcedClosed, "ada", "we know better")
		if given := err == nil; given != tt.given || given && o.Found != resilience.Open || !given && !errors.Is(err, fleet.ErrChanged) {
			t.Errorf("moved %s: %+v, %v; want it given: %v", name, o, err, tt.given)
		}
	}
}

func (w *town) desk() *fleet.Desk {
	return &fleet.Desk{Store: w.store, Now: func() time.Time { return w.at }}
}

func TestAnOrderThatCrossesAnotherIsRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.store.beforeGive = func(m *fleettest.Memory) {
		w.store.beforeGive = nil
		if _, err := (&fleet.Desk{Store: m, Now: w.desk().Now}).Give(t.Context(), resilience.ForcedOpen, "grace", "theirs"); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.desk().Give(t.Context(), resilience.ForcedClosed, "ada", "ours"); !errors.Is(err, fleet.ErrChanged) {
		t.Errorf("%v, want changed meanwhile", err)
	}
	if status, err := w.desk().Status(t.Context()); err != nil || status.Mode != resilience.ForcedOpen || status.Order.By != "grace" {
		t.Errorf("%+v, %v; want the other's order", status, err)
	}
}

func TestADeskTellsThatItsStoreIsAway(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*troubled){
		"reads":  func(s *troubled) { s.reads = errAway },
		"orders": func(s *troubled) { s.gives, s.givens = errAway, errAway },
	} {
		w := newTown(t)
		if _, err := w.desk().Give(t.Context(), resilience.ForcedOpen, "ada", "first"); err != nil {
			t.Fatal(err)
		}
		spoil(w.store)
		if _, err := w.desk().Give(t.Context(), resilience.Auto, "ada", "x"); !errors.Is(err, errAway) {
			t.Errorf("%s: give: %v", name, err)
		}
		if _, err := w.desk().Orders(t.Context(), 5); !errors.Is(err, errAway) {
			t.Errorf("%s: orders: %v", name, err)
		}
		if _, err := w.desk().Status(t.Context()); w.store.reads != nil && !errors.Is(err, errAway) {
			t.Errorf("%s: status: %v", name, err)
		}
	}
}

func TestWhoeverWatchesHasTimeToConnect(t *testing.T) {
	t.Parallel()
	caller, watcher := fleet.Defaults(rules(time.Now)), fleet.Watching(rules(time.Now))
	if caller.StoreTimeout != 50*time.Millisecond || watcher.StoreTimeout != time.Second {
		t.Errorf("%s for a call, %s to watch; want 50 ms and 1 s", caller.StoreTimeout, watcher.StoreTimeout)
	}
	if _, err := fleet.New(&fleettest.Memory{}, watcher); err != nil {
		t.Error(err)
	}
}
