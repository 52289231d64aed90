package eventstest

import (
	"errors"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// RunContended checks the part of the contract of events.Store that is about other
// writers' transactions, which DynamoDB lets fail plain writes, too. newStore returns a
// store for one test, and what lets each of its next n appends meet a transaction.
func RunContended(t *testing.T, newStore func(t *testing.T) (store events.Store, contend func(n int))) {
	t.Helper()
	for name, draft := range map[string]func(*harness, string) events.Draft{
		"a plain append":          func(_ *harness, command string) events.Draft { return Draft(command) },
		"an append with a lease":  func(h *harness, command string) events.Draft { return taking(command, h.lease()) },
		"an append that releases": func(h *harness, command string) events.Draft { return releasing(command, h.lease()) },
	} {
		t.Run(name+" that meets a transaction is a conflict", func(t *testing.T) {
			t.Parallel()
			store, contend := newStore(t)
			h := &harness{Store: store, stream: stream(t)}
			testContended(t, h, contend, func(command string) events.Draft { return draft(h, command) })
		})
	}
}

func testContended(t *testing.T, h *harness, contend func(int), draft func(command string) events.Draft) {
	h.append(t, h.load(t).Position(), Draft("before"))
	before := h.load(t)
	contend(1)
	_, err := h.Append(t.Context(), before.Position(), draft("contended"))
	if !errors.Is(err, events.ErrConflict) || errors.Is(err, events.ErrUnavailable) {
		t.Errorf("got %v, want a conflict: the caller loads and decides again", err)
	}
	if got := h.load(t); got.Position().Version() != before.Position().Version() {
		t.Errorf("version %d, want %d: something was stored", got.Position().Version(), before.Position().Version())
	}
	h.holds(t, "")
	if again := h.append(t, h.load(t).Position(), draft("contended")); again.Replayed {
		t.Error("the append after the transaction counts as a replay")
	}
	if _, found := h.load(t).Command("contended"); !found {
		t.Error("the append after the transaction is not stored")
	}
}
