package dynamobreaker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

func (f *ensemble) order(mode resilience.Mode, why string) {
	f.t.Helper()
	if _, err := f.desk.Give(f.t.Context(), mode, "ada", why); err != nil {
		f.t.Fatal(err)
	}
}

// Powertools has no override.
func TestFlawThereIsNoOverride(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 5)
	everywhere := func(check func(*fleet.Breaker)) {
		t.Helper()
		f.clock.advance(f.cfg.TTL)
		for _, b := range f.envs {
			check(b)
		}
	}
	for _, b := range f.envs {
		f.calls(b, nil)
	}
	f.order(resilience.ForcedOpen, "their status page is red")
	f.clock.advance(f.cfg.TTL - time.Millisecond)
	f.calls(f.envs[0], nil) // its snapshot is still good
	f.clock.advance(time.Millisecond - f.cfg.TTL)
	everywhere(f.refuses)
	f.clock.advance(time.Hour)
	everywhere(f.refuses)

	f.order(resilience.ForcedClosed, "we know better")
	for range 20 {
		everywhere(func(b *fleet.Breaker) { f.calls(b, errNoAnswer) })
	}
	f.order(resilience.Auto, "over")
	everywhere(func(b *fleet.Breaker) { f.calls(b, nil) })
	f.stored(resilience.Closed)
}

func TestAnOverrideIsSeenWhileOpen(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 3)
	f.breaks()
	f.order(resilience.Auto, "they said it is fixed")
	f.clock.advance(f.cfg.TTL)
	for _, b := range f.envs {
		f.calls(b, nil)
	}
}

func TestAResultFromBeforeAnOrderChangesNothing(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 2)
	f.breaks()
	f.rests()
	f.calls(f.envs[0], nil, nil)
	probe := f.begin(f.envs[0])
	f.order(resilience.ForcedOpen, "no more probes")
	if err := probe.end(nil); err != nil {
		t.Fatal(err)
	}
	f.refuses(f.envs[0]) // at once: its own write was refused, and told it why
	if got, _ := f.desk.Status(t.Context()); got.Mode != resilience.ForcedOpen {
		t.Errorf("%+v, want the order to stand", got)
	}
}

func TestOrdersAreAudited(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	var want []fleet.Order
	for _, mode := range []resilience.Mode{resilience.ForcedOpen, resilience.ForcedClosed, resilience.Auto} {
		o, err := f.desk.Give(t.Context(), mode, "ada", "because of "+string(mode))
		if err != nil {
			t.Fatal(err)
		}
		if o.Mode != mode || o.By != "ada" || !o.At.Equal(f.clock.now()) {
			t.Errorf("%+v", o)
		}
		want = append([]fleet.Order{o}, want...)
		f.clock.advance(time.Minute)
	}
	got, err := f.desk.Orders(t.Context(), 10)
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v; want three orders", got, err)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if status, err := f.desk.Status(t.Context()); err != nil || status.Order != want[0] {
		t.Errorf("%+v, %v; want the last order in the status", status, err)
	}
	if two, _ := f.desk.Orders(t.Context(), 2); len(two) != 2 {
		t.Errorf("%d orders, want the last 2", len(two))
	}
	for _, bad := range []fleet.Order{{Mode: "OFF", By: "ada", Why: "x"}, {Mode: resilience.Auto, Why: "x"}, {Mode: resilience.Auto, By: "ada"}} {
		if _, err := f.desk.Give(t.Context(), bad.Mode, bad.By, bad.Why); err == nil || !strings.Contains(err.Error(), "needed") {
			t.Errorf("%+v: %v, want it refused", bad, err)
		}
	}
}

func TestTwoOrdersAtOnceAreOneAndAnError(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			_, err := f.desk.Give(context.Background(), resilience.ForcedOpen, "ada", "all at once")
			results <- err
		}()
	}
	given := 0
	for range cap(results) {
		err := <-results
		if err == nil {
			given++
		} else if !errors.Is(err, fleet.ErrChanged) {
			t.Errorf("%v, want changed meanwhile", err)
		}
	}
	orders, err := f.desk.Orders(t.Context(), 100)
	if err != nil || given == 0 || len(orders) != given {
		t.Errorf("%d given, %d recorded (%v); want as many, and at least one", given, len(orders), err)
	}
}
