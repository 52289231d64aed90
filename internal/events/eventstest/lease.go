package eventstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// leaseTests are the part of the contract that is about leases.
var leaseTests = map[string]func(*testing.T, *harness){
	"a lease is taken and released with a commit":      testLease,
	"a held lease refuses the whole commit":            testLeaseHeld,
	"a lease of another stream cannot be released":     testLeaseForeign,
	"what is held or free already may be so again":     testLeaseAgain,
	"a replay finds its commit, whoever holds by now":  testLeaseReplay,
	"a taken place comes before a held lease":          testLeaseStale,
	"of many streams that want a lease one gets it":    testLeaseRacers,
	"a lease without a name or a change is refused":    testLeaseInvalid,
	"a canceled context is an unavailable lease store": testLeaseCanceled,
}

func taking(command, lease string) events.Draft {
	d := Draft(command)
	d.Lease = events.Lease{Name: lease, Change: events.LeaseTaken}
	return d
}

func releasing(command, lease string) events.Draft {
	d := Draft(command)
	d.Lease = events.Lease{Name: lease, Change: events.LeaseReleased}
	return d
}

// lease names a lease of its own for each test.
func (h *harness) lease() string { return "lease/" + string(h.stream) }

func (h *harness) holds(t *testing.T, want events.StreamID) {
	t.Helper()
	got, held, err := h.Holder(t.Context(), h.lease())
	if err != nil || got != want || held != (want != "") {
		t.Errorf("the lease is held by %q (%v, %v), want %q", got, held, err, want)
	}
}

func testLease(t *testing.T, h *harness) {
	h.holds(t, "")
	h.append(t, events.NewStream(h.stream), taking("a", h.lease()))
	h.holds(t, h.stream)
	h.append(t, h.load(t).Position(), releasing("b", h.lease()))
	h.holds(t, "")
	other := stream(t)
	h.append(t, events.NewStream(other), taking("c", h.lease()))
	h.holds(t, other)
}

func testLeaseHeld(t *testing.T, h *harness) {
	holder := stream(t)
	h.append(t, events.NewStream(holder), taking("a", h.lease()))
	if _, err := h.Append(t.Context(), events.NewStream(h.stream), taking("b", h.lease())); !errors.Is(err, events.ErrLeaseHeld) {
		t.Errorf("got %v, want ErrLeaseHeld", err)
	}
	if h.load(t).Exists() {
		t.Error("the commit was stored without its lease")
	}
	h.holds(t, holder)
}

func testLeaseForeign(t *testing.T, h *harness) {
	holder := stream(t)
	h.append(t, events.NewStream(holder), taking("a", h.lease()))
	if _, err := h.Append(t.Context(), events.NewStream(h.stream), releasing("b", h.lease())); !errors.Is(err, events.ErrLeaseHeld) {
		t.Errorf("got %v, want ErrLeaseHeld", err)
	}
	h.holds(t, holder)
}

func testLeaseAgain(t *testing.T, h *harness) {
	h.append(t, events.NewStream(h.stream), releasing("a", h.lease()))
	h.holds(t, "")
	h.append(t, h.load(t).Position(), taking("b", h.lease()))
	h.append(t, h.load(t).Position(), taking("c", h.lease()))
	h.holds(t, h.stream)
}

func testLeaseReplay(t *testing.T, h *harness) {
	h.append(t, events.NewStream(h.stream), taking("a", h.lease()))
	h.append(t, h.load(t).Position(), releasing("b", h.lease()))
	other := stream(t)
	h.append(t, events.NewStream(other), taking("c", h.lease()))
	if again := h.append(t, events.NewStream(h.stream), taking("a", h.lease())); !again.Replayed {
		t.Error("the repeat does not count as a replay")
	}
	h.holds(t, other)
}

func testLeaseStale(t *testing.T, h *harness) {
	h.append(t, events.NewStream(h.stream), Draft("a"))
	h.append(t, events.NewStream(stream(t)), taking("b", h.lease()))
	if _, err := h.Append(t.Context(), events.NewStream(h.stream), taking("c", h.lease())); !errors.Is(err, events.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
}

func testLeaseRacers(t *testing.T, h *harness) {
	const racers = 12
	streams := make([]events.StreamID, racers)
	won := make([]bool, racers)
	var wg sync.WaitGroup
	for i := range racers {
		streams[i] = stream(t)
		wg.Go(func() { won[i] = h.takesOrLoses(t, streams[i], fmt.Sprint("racer-", i)) })
	}
	wg.Wait()
	winners := 0
	for i, stream := range streams {
		history, err := h.Load(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if won[i] {
			winners++
			h.holds(t, stream)
		}
		if history.Exists() != won[i] {
			t.Errorf("racer %d won: %v, stored: %v", i, won[i], history.Exists())
		}
	}
	if winners != 1 {
		t.Errorf("%d racers got the lease, want 1", winners)
	}
}

// takesOrLoses tries until it is clear who has the lease: two transactions on the
// same item may refuse each other.
func (h *harness) takesOrLoses(t *testing.T, stream events.StreamID, command string) bool {
	for {
		_, err := h.Append(t.Context(), events.NewStream(stream), taking(command, h.lease()))
		switch {
		case err == nil:
			return true
		case errors.Is(err, events.ErrLeaseHeld):
			return false
		case !errors.Is(err, events.ErrConflict):
			t.Errorf("%s: %v", command, err)
			return false
		}
	}
}

func testLeaseInvalid(t *testing.T, h *harness) {
	for name, lease := range map[string]events.Lease{
		"no name": {Change: events.LeaseTaken}, "no change": {Name: "driver/x"},
	} {
		draft := Draft("a")
		draft.Lease = lease
		if _, err := h.Append(t.Context(), events.NewStream(h.stream), draft); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func testLeaseCanceled(t *testing.T, h *harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Holder(ctx, h.lease()); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("holder: %v, want ErrUnavailable", err)
	}
	if _, err := h.Append(ctx, events.NewStream(h.stream), taking("a", h.lease())); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("append: %v, want ErrUnavailable", err)
	}
}
