package readmodeltest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// runLedger is the part of the contract that only Ledger has.
func runLedger(t *testing.T, newStore func(t *testing.T) readmodel.Ledger) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *harness){
		"overdue bookings are listed, longest overdue first": testOverdue,
		"a booking leaves the list of deadlines":             testDeadlineGoes,
		"records are what was put":                           testRecords,
		"a view is replaced that is as it was seen":          testReplace,
		"a dropped view is gone":                             testDrop,
		"a walk meets every view once":                       testWalk,
		"a ledger under a canceled context":                  testLedgerCanceled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newHarness(t, newStore))
		})
	}
}

// Due returns a view of a booking that has a deadline.
func Due(id booking.ID, version int64, at time.Time) readmodel.View {
	v := View(id, version)
	v.Deadline = at
	return v
}

// overdue reads the whole list of a shard in pages.
func (h *harness) overdue(shard int, by time.Time, limit int) []booking.ID {
	h.Helper()
	const endless = 100
	var ids []booking.ID
	q := readmodel.OverdueQuery{Shard: shard, By: by, Limit: limit}
	for range endless {
		places, next, err := h.Overdue(h.Context(), q)
		if err != nil || len(places) > limit {
			h.Fatalf("%d places (%v), want at most %d", len(places), err, limit)
		}
		for _, p := range places {
			ids = append(ids, p.ID)
		}
		if next == (readmodel.Place{}) {
			return ids
		}
		q.After = next
	}
	h.Fatal("the list has no end")
	return nil
}

func testOverdue(_ *testing.T, h *harness) {
	const bookings = 80
	want := map[int][]booking.ID{}
	var places []readmodel.Place
	for i := range bookings {
		at := noon.Add(time.Duration(i*7%bookings/2) * time.Minute) // two of each instant, in no order
		h.put(Due(h.booking(i), 4, at))
		if !at.After(noon.Add(20 * time.Minute)) {
			places = append(places, readmodel.Place{Time: at, ID: h.booking(i)})
		}
	}
	slices.SortFunc(places, compare)
	for _, p := range places {
		shard := readmodel.DeadlineShard(p.ID)
		want[shard] = append(want[shard], p.ID)
	}
	for shard := range readmodel.DeadlineShards {
		for _, limit := range []int{1, 2, 100} {
			if diff := cmp.Diff(want[shard], h.overdue(shard, noon.Add(20*time.Minute), limit)); diff != "" {
				h.Errorf("shard %d in pages of %d (-want +got):\n%s", shard, limit, diff)
			}
		}
	}
}

func testDeadlineGoes(_ *testing.T, h *harness) {
	shard := readmodel.DeadlineShard(h.id)
	h.put(Due(h.id, 1, noon))
	h.put(Due(h.id, 2, noon.Add(time.Hour)))
	if got := h.overdue(shard, noon, 10); got != nil {
		h.Errorf("overdue at its old deadline: %v", got)
	}
	if got := h.overdue(shard, noon.Add(time.Hour), 10); !slices.Equal(got, []booking.ID{h.id}) {
		h.Errorf("overdue at its new deadline: %v", got)
	}
	h.put(View(h.id, 3))
	if got := h.overdue(shard, noon.Add(time.Hour), 10); got != nil {
		h.Errorf("overdue without a deadline: %v", got)
	}
}

func record(t *testing.T, v readmodel.View) readmodel.Record {
	t.Helper()
	r, err := readmodel.RecordOf(v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testRecords(t *testing.T, h *harness) {
	waits := Waiting(h.booking(1), 4, noon)
	waits.Deadline = noon.Add(time.Minute)
	h.put(waits)
	h.put(View(h.booking(2), 7))
	got, err := h.Records(t.Context(), []booking.ID{h.booking(1), h.booking(2), h.booking(3), h.booking(1)})
	want := map[booking.ID]readmodel.Record{h.booking(1): record(t, waits), h.booking(2): record(t, View(h.booking(2), 7))}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("records (-want +got), error %v:\n%s", err, diff)
	}
	for id, r := range got {
		if r.Digest() != want[id].Digest() {
			t.Errorf("%s: the digests of equal records differ", id)
		}
	}
}

func testReplace(t *testing.T, h *harness) {
	replaces := func(want bool, v readmodel.View, seen *readmodel.Record) {
		t.Helper()
		if done, err := h.Replace(t.Context(), v, seen); done != want || err != nil {
			t.Errorf("replace with version %d: %v, %v; want %v", v.Version, done, err, want)
		}
	}
	replaces(true, View(h.id, 5), nil)
	replaces(false, View(h.id, 6), nil)
	h.holds(View(h.id, 5))
	seen := record(t, View(h.id, 5))
	older := record(t, View(h.id, 4))
	replaces(false, View(h.id, 6), &older)
	other := View(h.id, 5)
	other.Product = "premium"
	spoiled := record(t, other)
	replaces(false, View(h.id, 6), &spoiled) // the same version, and another body
	h.holds(View(h.id, 5))
	replaces(true, View(h.id, 3), &seen) // also by an older one: a view from the future is wrong, too
	h.holds(View(h.id, 3))
}

func testDrop(t *testing.T, h *harness) {
	other := h.booking(1)
	h.put(Due(h.id, 5, noon))
	h.put(View(other, 5))
	for range 2 {
		if err := h.Drop(t.Context(), h.id); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := h.Get(t.Context(), h.id); ok || err != nil {
		t.Errorf("the dropped view is there: %v, %v", ok, err)
	}
	if got := h.overdue(readmodel.DeadlineShard(h.id), noon, 10); got != nil {
		t.Errorf("the dropped view is overdue: %v", got)
	}
	h.holds(View(other, 5))
}

func testWalk(t *testing.T, h *harness) {
	const bookings, segments, endless = 40, 3, 1000
	for i := range bookings {
		h.put(View(h.booking(i), 1))
	}
	met := map[booking.ID]int{}
	for segment := range segments {
		after := ""
		for page := range endless {
			ids, next, err := h.Walk(t.Context(), readmodel.Segment{Index: segment, Of: segments}, after, 7)
			if err != nil || len(ids) > 7 {
				t.Fatalf("%d ids, %v", len(ids), err)
			}
			for _, id := range ids {
				met[id]++
				if page%2 == 0 { // what goes away behind the walk does not disturb it
					if err := h.Drop(t.Context(), id); err != nil {
						t.Fatal(err)
					}
				}
			}
			if after = next; next == "" {
				break
			}
		}
	}
	for i := range bookings {
		if met[h.booking(i)] != 1 {
			t.Errorf("booking %d was met %d times", i, met[h.booking(i)])
		}
	}
}

func testLedgerCanceled(t *testing.T, h *harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, overdue := h.Overdue(ctx, readmodel.OverdueQuery{By: noon, Limit: 1})
	_, records := h.Records(ctx, []booking.ID{h.id})
	_, replace := h.Replace(ctx, View(h.id, 1), nil)
	_, _, walk := h.Walk(ctx, readmodel.Segment{Of: 1}, "", 1)
	for what, err := range map[string]error{"overdue": overdue, "records": records, "replace": replace, "drop": h.Drop(ctx, h.id), "walk": walk} {
		if !errors.Is(err, readmodel.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want ErrUnavailable because of the context", what, err)
		}
	}
}
