package readmodeltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// list is one of the two lists of a store, seen as what they have in common.
type list struct {
	newestFirst bool
	// view makes a view that stands at a time in the list.
	view func(id booking.ID, version int64, at time.Time) readmodel.View
	page func(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error)
}

// lists returns both, for a rider of the test's own.
func (h *harness) lists() map[string]list {
	rider := booking.Caller{Subject: h.Name()}.RiderID()
	return map[string]list{
		"a rider's": {
			newestFirst: true,
			view: func(id booking.ID, version int64, at time.Time) readmodel.View {
				v := View(id, version)
				v.RiderID, v.RequestedAt = rider, at
				return v
			},
			page: func(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
				return h.ByRider(ctx, rider, after, limit)
			},
		},
		"waiting": {view: Waiting, page: h.Waiting},
	}
}

// Waiting returns a view of a booking that waits for a driver, to be assigned by
// the given time.
func Waiting(id booking.ID, version int64, by time.Time) readmodel.View {
	v := View(id, version)
	v.State, v.AssignBy, v.DriverID, v.Cancellation = booking.Confirmed, by, nil, nil
	return v
}

// listTests are the part of the contract that is about lists. Each runs for both.
var listTests = map[string]func(*testing.T, *harness, list){
	"an empty list":                         testEmptyList,
	"a list of one":                         testListOfOne,
	"pages put together are the whole list": testPages,
	"equal times do not hide a booking":     testEqualTimes,
	"a list is stable while bookings come":  testArrivals,
	"a place need not hold a booking":       testPlaceOfNone,
	"a list shows the newest version":       testListShowsNewest,
	"a list shares no memory":               testListMemory,
	"a list under a canceled context":       testListCanceled,
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (h *harness) booking(n int) booking.ID {
	return booking.IDFor(booking.Caller{Subject: h.Name()}, "booking "+strconv.Itoa(n))
}

// fill puts a booking at each time, and returns their ids in the list's order.
func (h *harness) fill(l list, times ...time.Time) []booking.ID {
	h.Helper()
	var places []readmodel.Place
	for i, at := range times {
		h.put(l.view(h.booking(i), 4, at))
		places = append(places, readmodel.Place{Time: at, ID: h.booking(i)})
	}
	return l.ordered(places)
}

func (l list) ordered(places []readmodel.Place) []booking.ID {
	slices.SortFunc(places, func(a, b readmodel.Place) int {
		order := a.Time.Compare(b.Time)
		if order == 0 {
			order = slices.Compare([]byte(a.ID), []byte(b.ID))
		}
		if l.newestFirst {
			return -order
		}
		return order
	})
	var ids []booking.ID
	for _, p := range places {
		ids = append(ids, p.ID)
	}
	return ids
}

// walk reads the list page by page, and calls between after each page that is not
// the last.
func (h *harness) walk(l list, after readmodel.Place, limit int, between func(page int)) []booking.ID {
	h.Helper()
	const endless = 1000
	var ids []booking.ID
	for page := range endless {
		views, next, err := l.page(h.Context(), after, limit)
		if err != nil {
			h.Fatalf("page %d of %d: %v", page, limit, err)
		}
		if len(views) > limit {
			h.Errorf("page %d holds %d views, more than %d", page, len(views), limit)
		}
		for _, v := range views {
			ids = append(ids, v.ID)
		}
		if next == (readmodel.Place{}) {
			return ids
		}
		after = next
		if between != nil {
			between(page)
		}
	}
	h.Fatalf("the list has no end with pages of %d", limit)
	return nil
}

func (h *harness) reads(l list, limit int, want []booking.ID) {
	h.Helper()
	if diff := cmp.Diff(want, h.walk(l, readmodel.Place{}, limit, nil)); diff != "" {
		h.Errorf("the list in pages of %d (-want +got):\n%s", limit, diff)
	}
}

func testEmptyList(_ *testing.T, h *harness, l list) {
	for _, limit := range []int{1, 100} {
		h.reads(l, limit, nil)
	}
}

func testListOfOne(t *testing.T, h *harness, l list) {
	h.fill(l, noon)
	for _, limit := range []int{1, 2, 100} {
		views, next, err := l.page(t.Context(), readmodel.Place{}, limit)
		want := l.view(h.booking(0), 4, noon)
		want.AssignBy = time.Time{} // orders the list, and is no part of the view's JSON
		if diff := cmp.Diff([]readmodel.View{want}, views); diff != "" || err != nil || next != (readmodel.Place{}) {
			t.Errorf("with limit %d: next %v, error %v (-want +got):\n%s", limit, next, err, diff)
		}
	}
}

func testPages(t *testing.T, h *harness, l list) {
	const bookings = 13
	var times []time.Time
	for i := range bookings {
		times = append(times, noon.Add(time.Duration(i*7%bookings)*time.Minute)) // in no order
	}
	want := h.fill(l, times...)
	for _, limit := range []int{1, 2, 3, 4, 6, 12, 13, 14, 100} {
		h.reads(l, limit, want)
	}
	// The end is known without another page, however well the limit fits.
	views, next, err := l.page(t.Context(), readmodel.Place{}, bookings)
	if err != nil || len(views) != bookings || next != (readmodel.Place{}) {
		t.Errorf("a page that just holds all: %d views, next %v, error %v", len(views), next, err)
	}
}

func testEqualTimes(_ *testing.T, h *harness, l list) {
	var times []time.Time
	for i := range 12 {
		times = append(times, noon.Add(time.Duration(i/5)*time.Millisecond))
	}
	want := h.fill(l, times...)
	for _, limit := range []int{1, 2, 5, 7} {
		h.reads(l, limit, want)
	}
}

// Bookings that come behind what was read are read, those that come before are
// not, and all that were there are read exactly once.
func testArrivals(_ *testing.T, h *harness, l list) {
	want := h.fill(l, noon, noon.Add(time.Minute), noon.Add(2*time.Minute), noon.Add(3*time.Minute), noon.Add(4*time.Minute))
	ahead, behind := time.Hour, -time.Hour
	if l.newestFirst {
		ahead, behind = behind, ahead
	}
	came := len(want)
	arrives := func(at time.Time) booking.ID {
		id := h.booking(came)
		came++
		h.put(l.view(id, 4, at))
		return id
	}
	var late []booking.ID
	got := h.walk(l, readmodel.Place{}, 2, func(page int) {
		arrives(noon.Add(behind))
		if page < 2 {
			late = append(late, arrives(noon.Add(ahead*time.Duration(page+1))))
		}
	})
	if diff := cmp.Diff(slices.Concat(want, late), got); diff != "" {
		h.Errorf("the list (-want +got):\n%s", diff)
	}
}

// A booking may leave the list, or have stood in one of another time, when its
// place is gone on from.
func testPlaceOfNone(_ *testing.T, h *harness, l list) {
	want := h.fill(l, noon, noon.Add(time.Minute), noon.Add(2*time.Minute), noon.Add(3*time.Minute))
	nobody := h.booking(99)
	for minutes, rest := range map[float64]int{-1: 4, 0.5: 3, 1.5: 2, 2.5: 1, 9: 0} {
		if l.newestFirst {
			rest = len(want) - rest
		}
		after := readmodel.Place{Time: noon.Add(time.Duration(minutes * float64(time.Minute))), ID: nobody}
		if got := h.walk(l, after, 2, nil); !slices.Equal(want[len(want)-rest:], got) {
			h.Errorf("after %s come %v, want %v", after, got, want[len(want)-rest:])
		}
	}
	for i, id := range want { // and one that is there is not read again
		at := noon.Add(time.Duration(i) * time.Minute)
		if l.newestFirst {
			at = noon.Add(time.Duration(len(want)-1-i) * time.Minute)
		}
		got := h.walk(l, readmodel.Place{Time: at, ID: id}, 100, nil)
		if !slices.Equal(want[i+1:], got) {
			h.Errorf("after %s come %v, want %v", id, got, want[i+1:])
		}
	}
}

func testListShowsNewest(t *testing.T, h *harness, l list) {
	h.put(l.view(h.id, 5, noon))
	h.put(l.view(h.id, 4, noon.Add(-time.Minute))) // late, and older
	views, _, err := l.page(t.Context(), readmodel.Place{}, 10)
	if err != nil || len(views) != 1 || views[0].Version != 5 {
		t.Errorf("the list holds %+v (%v), want version 5 once", views, err)
	}
}

func testListMemory(t *testing.T, h *harness, l list) {
	h.fill(l, noon)
	read := func() readmodel.View {
		views, _, err := l.page(t.Context(), readmodel.Place{}, 1)
		if err != nil || len(views) != 1 {
			t.Fatalf("%d views, %v", len(views), err)
		}
		return views[0]
	}
	*read().Payment.Failure = "spoiled"
	if got := *read().Payment.Failure; got != "insufficient_funds" {
		t.Errorf("a caller changed what is stored: %s", got)
	}
}

func testListCanceled(t *testing.T, h *harness, l list) {
	h.fill(l, noon)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	views, next, err := l.page(ctx, readmodel.Place{}, 1)
	if !errors.Is(err, readmodel.ErrUnavailable) || !errors.Is(err, context.Canceled) || views != nil || next != (readmodel.Place{}) {
		t.Errorf("%v, next %v, error %v; want ErrUnavailable because of the context", views, next, err)
	}
}

func runLists(t *testing.T, newStore func(t *testing.T) readmodel.Ledger) {
	t.Helper()
	for name, test := range listTests {
		for _, which := range []string{"a rider's", "waiting"} {
			t.Run(fmt.Sprintf("%s, %s", name, which), func(t *testing.T) {
				t.Parallel()
				h := newHarness(t, newStore)
				test(t, h, h.lists()[which])
			})
		}
	}
}

func testRidersApart(t *testing.T, h *harness) {
	riders := []booking.RiderID{booking.Caller{Issuer: "https://other.example", Subject: "alice"}.RiderID()}
	for _, subject := range []string{"al", "alice", "al#ice", "alice#", "1#alice", "Alice", "ALICE", "алиса", " "} {
		riders = append(riders, booking.Caller{Issuer: "https://issuer.example", Subject: subject}.RiderID())
	}
	for i, rider := range riders {
		v := View(h.booking(i), 1)
		v.RiderID, v.RequestedAt = rider, noon
		h.put(v)
	}
	for i, rider := range riders {
		views, next, err := h.ByRider(t.Context(), rider, readmodel.Place{}, 10)
		if err != nil || next != (readmodel.Place{}) || len(views) != 1 || views[0].ID != h.booking(i) {
			t.Errorf("%q sees %d bookings (%v), want their own", rider, len(views), err)
		}
	}
	if views, _, err := h.ByRider(t.Context(), "nobody", readmodel.Place{}, 10); err != nil || len(views) != 0 {
		t.Errorf("nobody sees %d bookings (%v)", len(views), err)
	}
}

// A booking waits from its confirmation to its assignment, and again, at a later
// place, when its driver was taken off.
func testWaits(t *testing.T, h *harness) {
	other := h.booking(1)
	h.put(Waiting(other, 4, noon.Add(10*time.Minute)))
	waits := func(want ...booking.ID) {
		t.Helper()
		h.reads(list{page: h.Waiting}, 1, want)
	}
	version := int64(0)
	is := func(status booking.Status, by time.Time) {
		version++
		v := Waiting(h.id, version, by)
		v.State = status
		h.put(v)
	}
	is(booking.Requested, time.Time{})
	waits(other)
	is(booking.Confirmed, noon)
	waits(h.id, other)
	is(booking.HasDriver, time.Time{})
	waits(other)
	late := Waiting(h.id, version-1, noon) // shown late, and older
	h.put(late)
	waits(other)
	is(booking.Confirmed, noon.Add(20*time.Minute))
	waits(other, h.id)
	is(booking.Canceled, time.Time{})
	waits(other)
}

// The place that a page ended with stays good when its booking is assigned.
func testAssignedBetweenPages(t *testing.T, h *harness) {
	l := list{view: Waiting, page: h.Waiting}
	want := h.fill(l, noon, noon.Add(time.Minute), noon.Add(2*time.Minute), noon.Add(3*time.Minute), noon.Add(4*time.Minute))
	got := h.walk(l, readmodel.Place{}, 2, func(page int) {
		gone := View(want[2*page+1], 5) // the last of the page
		h.put(gone)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read while they are assigned (-want +got):\n%s", diff)
	}
	h.reads(l, 2, []booking.ID{want[0], want[2], want[4]})
}
