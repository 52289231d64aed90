package deferraltest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Run checks that a store keeps the contract of deferral.Store. newStore returns
// an empty store for one test.
func Run(t *testing.T, newStore func(t *testing.T) deferral.Store) {
	t.Helper()
	for name, test := range map[string]func(*harness){
		"what is put off is due at its time":                   testDefer,
		"what is put off again keeps its time":                 testDeferAgain,
		"a wish to reconcile stays until it is fulfilled":      testReconcile,
		"an offer makes an item":                               testOffer,
		"an offer changes nothing that is there":               testOfferOfTwo,
		"an item that was advanced is due later":               testAdvance,
		"an item that was deleted is gone":                     testDelete,
		"nothing is done to an item that was changed":          testChanged,
		"nothing is done to an item that was deleted":          testGone,
		"an item made again is not the one before":             testMadeAgain,
		"shards are walked page by page, the longest first":    testPages,
		"bookings that are due at the same time are all shown": testSameTime,
		"of attempts at once, each counts":                     testRaceOfAttempts,
		"of two that advance an item, one does":                testRaceToAdvance,
		"a canceled context is an unavailable store":           testCanceled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&harness{T: t, Store: newStore(t), now: time.Date(2026, 11, 27, 9, 30, 0, 123_000_000, time.UTC)})
		})
	}
}

type harness struct {
	*testing.T
	deferral.Store
	now time.Time
}

// ID returns a booking, one for each number.
func ID(n int) booking.ID {
	return booking.IDFor(booking.Caller{Subject: "deferred"}, strconv.Itoa(n))
}

// wish is to look at a booking again in ten seconds.
func (h *harness) wish(id booking.ID) deferral.Deferral {
	return deferral.Deferral{
		Booking: id, Operation: payments.Authorize, Reason: deferral.BreakerOpen, At: h.now, First: h.now.Add(10 * time.Second),
	}
}

func (h *harness) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *harness) changed(err error) {
	h.Helper()
	if !errors.Is(err, deferral.ErrChanged) {
		h.Errorf("error %v, want ErrChanged", err)
	}
}

// due returns what is due after some time, of the shard of a booking.
func (h *harness) due(id booking.ID, after time.Duration) []deferral.Item {
	h.Helper()
	items, err := h.Due(h.Context(), deferral.ShardOf(id), h.now.Add(after), deferral.Place{}, 100)
	h.ok(err)
	return items
}

// only returns the one item of a shard, however late it is due.
func (h *harness) only(id booking.ID) deferral.Item {
	h.Helper()
	items := h.due(id, 1000*time.Hour)
	if len(items) != 1 || items[0].Booking != id {
		h.Fatalf("items %+v, want the one of %s", items, id)
	}
	return items[0]
}

func (h *harness) expect(want, got deferral.Item) {
	h.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(deferral.Item{}, "Rev")); diff != "" {
		h.Errorf("item (-want +got):\n%s", diff)
	}
}

func testDefer(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	if early := h.due(id, 9999*time.Millisecond); len(early) != 0 {
		h.Errorf("due too early: %+v", early)
	}
	if items := h.due(id, 10*time.Second); len(items) != 1 {
		h.Errorf("due in time: %+v", items)
	}
	h.expect(deferral.Item{
		Booking: id, Operation: payments.Authorize, Reason: deferral.BreakerOpen, Since: h.now, Next: h.now.Add(10 * time.Second), Attempts: 1,
	}, h.only(id))
}

func testDeferAgain(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	first := h.only(id)
	h.ok(h.Defer(h.Context(), deferral.Deferral{
		Booking: id, Reason: "refused: api_key_expired", At: h.now.Add(time.Hour), First: h.now.Add(2 * time.Hour),
	}))
	second := h.only(id)
	h.expect(deferral.Item{
		Booking: id, Reason: "refused: api_key_expired", Since: h.now, Next: h.now.Add(10 * time.Second), Attempts: 2,
	}, second)
	if second.Rev == first.Rev {
		h.Errorf("revision %d, before and after a change", first.Rev)
	}
}

func testReconcile(h *harness) {
	id := ID(1)
	wish := h.wish(id)
	wish.Reconcile = true
	h.ok(h.Defer(h.Context(), wish))
	h.ok(h.Defer(h.Context(), h.wish(id)))
	item := h.only(id)
	if !item.Reconcile {
		h.Fatal("the wish is forgotten")
	}
	item, err := h.Advance(h.Context(), item, payments.None, h.now.Add(time.Hour))
	h.ok(err)
	if !item.Reconcile || !h.only(id).Reconcile {
		h.Error("the wish is forgotten as the item is advanced")
	}
	h.ok(h.Reconciled(h.Context(), item))
	if h.only(id).Reconcile {
		h.Error("the wish is still there")
	}
	h.changed(h.Reconciled(h.Context(), item))
}

func testOffer(h *harness) {
	id := ID(1)
	wish := h.wish(id)
	wish.Operation, wish.Reason, wish.First = payments.Capture, deferral.NeverTried, h.now
	h.ok(h.Offer(h.Context(), wish))
	item := h.only(id)
	h.expect(deferral.Item{Booking: id, Operation: payments.Capture, Reason: deferral.NeverTried, Since: h.now, Next: h.now}, item)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	if attempts := h.only(id).Attempts; attempts != 1 {
		h.Errorf("%d attempts, want one", attempts)
	}
}

func testOfferOfTwo(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	item := h.only(id)
	wish := h.wish(id)
	wish.Operation, wish.Reconcile, wish.First = payments.Void, true, h.now.Add(-time.Hour)
	h.ok(h.Offer(h.Context(), wish))
	if diff := cmp.Diff(item, h.only(id)); diff != "" {
		h.Errorf("the item (-before +after):\n%s", diff)
	}
}

func testAdvance(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	next := h.now.Add(time.Hour)
	item, err := h.Advance(h.Context(), h.only(id), payments.Capture, next)
	h.ok(err)
	if early := h.due(id, 59*time.Minute); len(early) != 0 {
		h.Errorf("still due: %+v", early)
	}
	if diff := cmp.Diff(item, h.only(id)); diff != "" {
		h.Errorf("the item (-returned +stored):\n%s", diff)
	}
	h.expect(deferral.Item{Booking: id, Operation: payments.Capture, Reason: deferral.BreakerOpen, Since: h.now, Next: next, Attempts: 1}, item)
}

func testDelete(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	h.ok(h.Delete(h.Context(), h.only(id)))
	if left := h.due(id, time.Hour); len(left) != 0 {
		h.Errorf("left: %+v", left)
	}
}

// Every conditional operation on what was read before somebody else wrote.
func testChanged(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	for name, change := range map[string]func(deferral.Item) error{
		"another attempt": func(deferral.Item) error { return h.Defer(h.Context(), h.wish(id)) },
		"an advance": func(item deferral.Item) error {
			_, err := h.Advance(h.Context(), item, payments.Void, h.now)
			return err
		},
		"a reconciliation": func(item deferral.Item) error { return h.Reconciled(h.Context(), item) },
	} {
		read := h.only(id)
		h.ok(change(read))
		now := h.only(id)
		h.changed(h.Delete(h.Context(), read))
		_, err := h.Advance(h.Context(), read, payments.Void, h.now)
		h.changed(err)
		h.changed(h.Reconciled(h.Context(), read))
		if diff := cmp.Diff(now, h.only(id)); diff != "" {
			h.Errorf("after %s, the item (-before +after):\n%s", name, diff)
		}
	}
}

func testGone(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	read := h.only(id)
	h.ok(h.Delete(h.Context(), read))
	h.changed(h.Delete(h.Context(), read))
	_, err := h.Advance(h.Context(), read, payments.Void, h.now)
	h.changed(err)
	h.changed(h.Reconciled(h.Context(), read))
	if left := h.due(id, time.Hour); len(left) != 0 {
		h.Errorf("it is back: %+v", left)
	}
}

// Two sweepers read an item, one deletes it, and the work is put off anew: the other
// must not delete that.
func testMadeAgain(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	read := h.only(id)
	h.ok(h.Delete(h.Context(), read))
	h.ok(h.Defer(h.Context(), h.wish(id)))
	h.changed(h.Delete(h.Context(), read))
	h.expect(read, h.only(id))
}

func testPages(h *harness) {
	const n = 60
	byShard := map[int][]booking.ID{}
	for i := range n {
		wish := h.wish(ID(i))
		wish.First = h.now.Add(-time.Duration(i) * time.Minute)
		h.ok(h.Defer(h.Context(), wish))
		shard := deferral.ShardOf(wish.Booking)
		byShard[shard] = append([]booking.ID{wish.Booking}, byShard[shard]...)
	}
	for shard := range deferral.Shards {
		var walked []booking.ID
		var after deferral.Place
		for {
			items, err := h.Due(h.Context(), shard, h.now, after, 3)
			h.ok(err)
			for _, item := range items {
				walked = append(walked, item.Booking)
				after = item.Place()
			}
			if len(items) > 3 {
				h.Errorf("%d items, want at most 3", len(items))
			}
			if len(items) < 3 {
				break
			}
		}
		if diff := cmp.Diff(byShard[shard], walked); diff != "" {
			h.Errorf("shard %d (-want +walked):\n%s", shard, diff)
		}
	}
}

func testSameTime(h *harness) {
	var want, walked []booking.ID
	for i := 0; len(want) < 5; i++ {
		if id := ID(i); deferral.ShardOf(id) == 0 {
			h.ok(h.Defer(h.Context(), h.wish(id)))
			want = append(want, id)
		}
	}
	var after deferral.Place
	for {
		items, err := h.Due(h.Context(), 0, h.now.Add(time.Hour), after, 1)
		h.ok(err)
		if len(items) == 0 {
			break
		}
		walked, after = append(walked, items[0].Booking), items[0].Place()
	}
	slices.Sort(want)
	slices.Sort(walked)
	if diff := cmp.Diff(want, walked); diff != "" {
		h.Errorf("walked (-want +got):\n%s", diff)
	}
}

func testRaceOfAttempts(h *harness) {
	id, errs := ID(1), make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = h.Defer(h.Context(), h.wish(id)) })
	}
	wg.Wait()
	h.ok(errors.Join(errs...))
	if item := h.only(id); item.Attempts != len(errs) {
		h.Errorf("%d attempts, want %d", item.Attempts, len(errs))
	}
}

func testRaceToAdvance(h *harness) {
	id, errs := ID(1), make([]error, 8)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	read := h.only(id)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = h.Advance(h.Context(), read, payments.Capture, h.now.Add(time.Hour)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		h.changed(err)
	}
	if won != 1 {
		h.Errorf("%d advanced the item, want one", won)
	}
}

func testCanceled(h *harness) {
	id := ID(1)
	h.ok(h.Defer(h.Context(), h.wish(id)))
	item := h.only(id)
	ctx, cancel := context.WithCancel(h.Context())
	cancel()
	_, errDue := h.Due(ctx, 0, h.now, deferral.Place{}, 1)
	_, errAdvance := h.Advance(ctx, item, payments.None, h.now)
	for name, err := range map[string]error{
		"Defer": h.Defer(ctx, h.wish(id)), "Offer": h.Offer(ctx, h.wish(ID(2))), "Due": errDue, "Advance": errAdvance,
		"Reconciled": h.Reconciled(ctx, item), "Delete": h.Delete(ctx, item),
	} {
		if !errors.Is(err, deferral.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			h.Errorf("%s: %v, want ErrUnavailable and why", name, err)
		}
	}
	if diff := cmp.Diff(item, h.only(id)); diff != "" {
		h.Errorf("the item (-before +after):\n%s", diff)
	}
}
