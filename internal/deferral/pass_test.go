package deferral_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

func (w *world) pass() *deferral.Pass {
	return &deferral.Pass{
		Items: store{w}, Bookings: w, Queue: w, Breaker: w, Callers: 5,
		Now: func() time.Time { return w.now }, Next: deferral.NextDelay(w.random), Log: w.logger(),
	}
}

// sweep runs a pass once, and expects it to succeed.
func (w *world) sweep(p *deferral.Pass) (again time.Time) {
	w.Helper()
	again, err := p.Run(w.Context())
	if err != nil {
		w.Error(err)
	}
	return again
}

// hinted returns the bookings of the hints that were sent, and forgets them.
func (w *world) hinted() []booking.ID {
	var ids []booking.ID
	for _, h := range w.sent {
		id, _ := booking.IDOf(h.Stream)
		ids = append(ids, id)
	}
	w.sent = nil
	return ids
}

func (w *world) wants(what string, want, got any) {
	w.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestWhatIsStillOwedIsBroughtBackOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, p := w.owing(1), w.pass()
	w.deferred(false, id)
	if again := w.sweep(p); !again.IsZero() {
		t.Errorf("again at %s, though nothing is due any more", again)
	}
	w.wants("hints", []queue.Hint{queue.NewHint(id.Stream(), 1, "")}, w.sent)
	item := w.item(id)
	// A minute for the hint, and half of up to 30 s.
	if item.Operation != payments.Authorize || !item.Next.Equal(noon.Add(75*time.Second)) || item.Attempts != 1 {
		t.Errorf("the item is %+v", item)
	}
	w.sweep(p)
	w.wants("hints after the second look", 1, len(w.sent))
}

func TestTheWaitGrowsWithTheAttempts(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]time.Duration{1: 75 * time.Second, 2: 90 * time.Second, 4: 3 * time.Minute, 60: 6 * time.Minute} {
		w := newWorld(t)
		id := w.owing(1)
		for range attempts {
			w.deferred(false, id)
		}
		w.sweep(w.pass())
		if got := w.item(id).Next.Sub(noon); got != want {
			t.Errorf("after %d attempts it waits %s, want %s", attempts, got, want)
		}
	}
}

func TestWhatIsNotOwedAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done, nobody := w.settled(1), deferraltest.ID(2)
	w.deferred(false, done, nobody)
	w.sweep(w.pass())
	w.wants("hints", []queue.Hint(nil), w.sent)
	w.wants("items", []deferral.Item{}, w.Items())
	if !strings.Contains(w.log.String(), "no booking") {
		t.Errorf("the log says nothing of the item without a booking: %s", w.log.String())
	}
}

func TestAWishToReconcileIsFulfilledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, p := w.settled(1), w.pass()
	w.deferred(true, id)
	w.sweep(p)
	hint := queue.NewHint(id.Stream(), 9, "")
	hint.Reconcile = true
	w.wants("hints", []queue.Hint{hint}, w.sent)
	if item := w.item(id); item == nil || item.Reconcile {
		t.Fatalf("the item is %+v, want one that waits for what comes of the hint", item)
	}
	w.now = w.now.Add(time.Hour)
	w.sweep(p)
	w.wants("hints later", 1, len(w.sent))
	w.wants("items", []deferral.Item{}, w.Items())
}

// The hint is put off again before the sweeper gets to taking the wish off.
func TestAWishThatWasPutOffAgainStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.settled(1)
	w.deferred(true, id)
	w.meanwhile["reconciled"] = func() { w.deferred(true, id) }
	w.sweep(w.pass())
	if item := w.item(id); !item.Reconcile || item.Attempts != 2 {
		t.Errorf("the item is %+v", item)
	}
}

// Whatever somebody else does to an item between the look and the write, it wins.
func TestAnItemThatChangedIsLeftAlone(t *testing.T) {
	t.Parallel()
	for op, settled := range map[string]bool{"delete": true, "advance": false} {
		w := newWorld(t)
		id := w.owing(1)
		w.deferred(false, id)
		if settled {
			w.settle(id)
		}
		w.meanwhile[op] = func() { w.deferred(false, id) }
		w.sweep(w.pass())
		w.wants(op+": hints", []queue.Hint(nil), w.sent)
		if item := w.item(id); item == nil || item.Attempts != 2 || !item.Next.Equal(noon) {
			t.Errorf("%s: the item is %+v, want it due as before", op, item)
		}
	}
}

// Killed anywhere: as long as a booking owes something, there is an item, and it is
// due again.
func TestNothingIsLostWhenTheSweeperIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"due", "advance", "send", "reconciled", "delete"} {
		w := newWorld(t)
		owing, done, odd := w.owing(1), w.settled(2), w.settled(3)
		w.deferred(false, owing, done)
		w.deferred(true, odd)
		func() {
			defer func() { _ = recover() }()
			w.meanwhile[op] = func() { panic("killed") }
			_, _ = w.pass().Run(t.Context())
			t.Errorf("%s: not interrupted", op)
		}()
		for _, id := range []booking.ID{owing, odd} {
			if w.item(id) == nil {
				t.Errorf("%s: the item of %s is lost", op, id)
			}
		}
		w.sent, w.now = nil, w.now.Add(time.Hour)
		p := w.pass()
		for range 2 {
			w.sweep(p)
		}
		hinted := map[booking.ID]bool{}
		for _, id := range w.hinted() {
			hinted[id] = true
		}
		if !hinted[owing] || hinted[done] || op != "reconciled" && op != "delete" && !hinted[odd] {
			t.Errorf("%s: later hints are of %v", op, hinted)
		}
	}
}

func TestPortionsGrowUntilAllIsBroughtBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 70 {
		w.deferred(false, w.owing(n))
	}
	p := w.pass()
	var sizes []int
	seen := map[booking.ID]int{}
	for again := w.now; !again.IsZero(); {
		w.now = again
		again = w.sweep(p)
		ids := w.hinted()
		sizes = append(sizes, len(ids))
		for _, id := range ids {
			seen[id]++
		}
	}
	w.wants("portions", []int{5, 10, 20, 35}, sizes)
	if len(seen) != 70 {
		t.Errorf("%d bookings were hinted, want all 70", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was hinted %d times", id, n)
		}
	}
}

func TestOnlyAProbeGoesThroughARestedBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deferred(false, w.owing(1), w.owing(2), w.owing(3))
	p := w.pass()
	w.status = fleet.Status{State: resilience.Open, Until: noon.Add(7 * time.Second)}
	if again := w.sweep(p); !again.Equal(noon.Add(7*time.Second)) || len(w.sent) != 0 {
		t.Errorf("open: %d hints, again at %s", len(w.sent), again)
	}
	w.status.ProbeDue = true
	if again := w.sweep(p); !again.Equal(noon.Add(2*time.Second)) || len(w.sent) != 1 {
		t.Errorf("rested: %d hints, again at %s", len(w.sent), again)
	}
	w.status = fleet.Status{Mode: resilience.ForcedOpen, State: resilience.Open, ProbeDue: true}
	if again := w.sweep(p); !again.IsZero() || len(w.sent) != 1 {
		t.Errorf("forced open: %d hints, again at %s", len(w.sent), again)
	}
}

// The walk goes on where it ended, so that bookings which fail at its beginning do not
// hold up the rest.
func TestAFailureHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var fails, works []booking.ID
	for n := 0; len(fails) < 4 || len(works) < 4; n++ {
		id := w.owing(n)
		switch {
		case deferral.ShardOf(id) != 0:
		case len(fails) < 4:
			w.loadFails[id] = errAway
			fails = append(fails, id)
			w.now = noon.Add(-time.Hour)
			w.deferred(false, id)
		default:
			works = append(works, id)
			w.now = noon
			w.deferred(false, id)
		}
	}
	p := w.pass()
	if _, err := p.Run(t.Context()); !errors.Is(err, errAway) || len(w.sent) != 0 {
		t.Errorf("%d hints, error %v; want it to end after three failures", len(w.sent), err)
	}
	for range 3 {
		_, _ = p.Run(t.Context())
	}
	if got := w.hinted(); len(got) != 4 {
		t.Errorf("hints of %v, want those of %v", got, works)
	}
	for _, id := range fails {
		if w.item(id) == nil {
			t.Errorf("the item of %s is lost", id)
		}
	}
}

func TestWhatFailsIsReported(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fails func(*world)
	}{
		{"the queue's length", func(w *world) { w.backlogFails = errAway }},
		{"the list", func(w *world) { w.storeFails["due"] = errAway }},
		{"the advance", func(w *world) { w.storeFails["advance"] = errAway }},
		{"the deletion", func(w *world) { w.storeFails["delete"] = errAway }},
		{"the end of a reconciliation", func(w *world) { w.storeFails["reconciled"] = errAway }},
		{"the send", func(w *world) { w.sendFails = errAway }},
	} {
		w := newWorld(t)
		w.deferred(false, w.owing(1), w.settled(2))
		w.deferred(true, w.settled(3))
		test.fails(w)
		if _, err := w.pass().Run(t.Context()); !errors.Is(err, errAway) {
			t.Errorf("%s: error %v", test.name, err)
		}
	}
}

// Only what was sent is no longer wished for.
func TestAWishWhoseHintWasLostStays(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]int{"one": {0}, "not known which": nil} {
		w := newWorld(t)
		first, second := w.settled(1), w.settled(2)
		w.deferred(true, first, second)
		w.sendFails, w.lost = errAway, lost
		_, _ = w.pass().Run(t.Context())
		wishes := 0
		for _, item := range w.Items() {
			if item.Reconcile {
				wishes++
			}
		}
		if want := map[string]int{"one": 1, "not known which": 2}[name]; wishes != want {
			t.Errorf("%s: %d wishes are left, want %d", name, wishes, want)
		}
	}
}

// A portion leaves itself the time to send its hints.
func TestAPortionEndsInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deferred(false, w.owing(1))
	w.now = time.Now()
	ctx, cancel := context.WithDeadline(t.Context(), w.now.Add(2*time.Second))
	defer cancel()
	again, err := w.pass().Run(ctx)
	if err != nil || again.IsZero() || len(w.sent) != 0 {
		t.Errorf("%d hints, again at %s (%v); want none in the last seconds", len(w.sent), again, err)
	}
}
