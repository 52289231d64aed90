package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// counted is a store of views that remembers how much each of its pages was asked
// for.
type counted struct {
	readmodel.Store
	limits []int
}

func (c *counted) ByRider(ctx context.Context, rider booking.RiderID, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	c.limits = append(c.limits, limit)
	return c.Store.ByRider(ctx, rider, after, limit)
}

func (c *counted) Waiting(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	c.limits = append(c.limits, limit)
	return c.Store.Waiting(ctx, after, limit)
}

// maxPages is how many pages of the store one page of a filtered list may cost.
const maxPages = 5

func nth(n int) booking.ID {
	return booking.IDFor(booking.Caller{Subject: "alice"}, fmt.Sprint("booking ", n))
}

// rides puts a booking of alice's in each state, the first the newest.
func rides(ctx context.Context, t interface{ Fatal(...any) }, states ...booking.Status) *counted {
	c := &counted{Store: &readmodeltest.Memory{}}
	for i, state := range states {
		v := readmodeltest.View(nth(i), 1)
		v.State, v.RequestedAt = state, start.Add(-time.Duration(i)*time.Minute)
		if err := c.Put(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// lists reads the lists of a store all of whose views can be read.
func lists(s readmodel.Store) readmodel.Lists { return readmodel.Lists{Views: s} }

func ids(views []readmodel.View) []booking.ID {
	var found []booking.ID
	for _, v := range views {
		found = append(found, v.ID)
	}
	return found
}

func TestAFilteredListLooksOnlySoFar(t *testing.T) {
	t.Parallel()
	const done, off = booking.Completed, booking.Canceled
	for name, test := range map[string]struct {
		states []booking.Status
		limit  int
		found  []int
		next   int // the booking whose place the list goes on from, -1 at its end
		limits []int
	}{
		"all match":                        {[]booking.Status{done, done, done}, 2, []int{0, 1}, 1, []int{2}},
		"none match":                       {[]booking.Status{off, off, off}, 2, nil, -1, []int{2, 2}},
		"the rest of a page is looked for": {[]booking.Status{off, done, done, done}, 2, []int{1, 2}, 2, []int{2, 1}},
		"full at the very end":             {[]booking.Status{off, done, done}, 2, []int{1, 2}, -1, []int{2, 1}},
		"short at the end":                 {[]booking.Status{done, off, off}, 2, []int{0}, -1, []int{2, 1}},
		"a page too far":                   {slices.Repeat([]booking.Status{off}, 7), 1, nil, 4, []int{1, 1, 1, 1, 1}},
		"found on the last page":           {[]booking.Status{off, off, off, off, done, done}, 1, []int{4}, 4, []int{1, 1, 1, 1, 1}},
		"found a page too late":            {[]booking.Status{off, off, off, off, off, done}, 1, nil, 4, []int{1, 1, 1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := rides(t.Context(), t, test.states...)
			views, next, err := lists(store).ByRider(t.Context(), readmodeltest.Rider(), done, readmodel.Place{}, test.limit)
			if err != nil {
				t.Fatal(err)
			}
			var want []booking.ID
			for _, n := range test.found {
				want = append(want, nth(n))
			}
			wantNext := booking.ID("")
			if test.next >= 0 {
				wantNext = nth(test.next)
			}
			if diff := cmp.Diff(want, ids(views)); diff != "" || next.ID != wantNext {
				t.Errorf("goes on from %v, want %s (-want +got):\n%s", next, wantNext, diff)
			}
			if diff := cmp.Diff(test.limits, store.limits); diff != "" {
				t.Errorf("pages asked for (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the bookings, the filter and the page size: the pages of a filtered
// list are the whole list's matches in its order, each once, and none costs more
// than it may.
func TestAFilteredListSkipsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		states := rapid.SliceOfN(rapid.SampledFrom(booking.Statuses()), 0, 40).Draw(rt, "states")
		filter := rapid.SampledFrom(append(booking.Statuses(), "")).Draw(rt, "filter")
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		store := rides(t.Context(), rt, states...)
		var want, got []booking.ID
		for i, state := range states {
			if filter == "" || state == filter {
				want = append(want, nth(i))
			}
		}
		for after := (readmodel.Place{}); ; {
			store.limits = nil
			views, next, err := lists(store).ByRider(t.Context(), readmodeltest.Rider(), filter, after, limit)
			if err != nil || len(views) > limit {
				rt.Fatalf("%d views for a limit of %d: %v", len(views), limit, err)
			}
			if n := len(store.limits); n > maxPages || slices.Max(store.limits) > limit {
				rt.Fatalf("one page cost %v of the store", store.limits)
			}
			got = append(got, ids(views)...)
			if next == (readmodel.Place{}) {
				break
			}
			if after == next {
				rt.Fatalf("the list stands still at %s", next)
			}
			after = next
		}
		if !slices.Equal(want, got) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

// lagging is a store whose index still lists what waits no longer.
type lagging struct {
	readmodel.Store
	views []readmodel.View
}

func (l lagging) Waiting(_ context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	from := slices.IndexFunc(l.views, func(v readmodel.View) bool { return v.ID == after.ID }) + 1
	to := min(from+limit, len(l.views))
	if to == len(l.views) {
		return l.views[from:], readmodel.Place{}, nil
	}
	return l.views[from:to], readmodel.Place{Time: start, ID: l.views[to-1].ID}, nil
}

func TestWhoWaitsNoLongerIsLeftOut(t *testing.T) {
	t.Parallel()
	var store lagging
	var want []booking.ID
	for i, state := range []booking.Status{booking.Confirmed, booking.HasDriver, booking.Canceled, booking.Confirmed, booking.Expired, booking.Confirmed} {
		v := readmodeltest.View(nth(i), 5)
		v.State = state
		store.views = append(store.views, v)
		if state == booking.Confirmed {
			want = append(want, v.ID)
		}
	}
	for _, limit := range []int{1, 2, 3, 100} {
		var got []booking.ID
		for after := (readmodel.Place{}); ; {
			views, next, err := lists(store).Waiting(t.Context(), after, limit)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ids(views)...)
			if after = next; next == (readmodel.Place{}) {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

// breaking is a store whose second page cannot be read.
type breaking struct{ counted }

func (b *breaking) ByRider(ctx context.Context, rider booking.RiderID, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	if len(b.limits) == 1 {
		return nil, readmodel.Place{}, readmodel.ErrUnavailable
	}
	return b.counted.ByRider(ctx, rider, after, limit)
}

// Half a page would look like a whole one.
func TestAListThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	store := &breaking{*rides(t.Context(), t, booking.Completed, booking.Canceled, booking.Completed)}
	views, next, err := lists(store).ByRider(t.Context(), readmodeltest.Rider(), booking.Completed, readmodel.Place{}, 2)
	if !errors.Is(err, readmodel.ErrUnavailable) || views != nil || next != (readmodel.Place{}) {
		t.Errorf("%v, next %v, error %v; want ErrUnavailable alone", views, next, err)
	}
}

// A view that another release stored in a form of its own, or a hand has spoiled, is folded
// from the log, and withholds no other. So it is for a rider and for those who wait.
func TestAListWithUnreadableViewsIsServed(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(*readmodel.Record){
		"damaged": func(r *readmodel.Record) { r.Body = []byte(`{`) },
		"another type": func(r *readmodel.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `"version":4`, `"version":"4"`, 1))
		},
		"not all of it": func(r *readmodel.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `"driver_id":null,`, ``, 1))
		},
	}
	for name, change := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var store readmodeltest.Memory
			folds := map[booking.ID]readmodel.View{}
			for i := range 6 {
				v := readmodeltest.Waiting(nth(i), 4, start.Add(time.Duration(i)*time.Minute))
				v.RequestedAt = start.Add(-time.Duration(i) * time.Minute)
				if err := store.Put(t.Context(), v); err != nil {
					t.Fatal(err)
				}
				if i%2 == 1 {
					store.Spoil(nth(i), change)
					folds[nth(i)] = v
				}
			}
			gone := folds[nth(3)]
			gone.State, gone.RiderID = booking.HasDriver, "bob" // by its log it belongs to neither list
			folds[nth(3)] = gone
			delete(folds, nth(5)) // its stream cannot be folded, either
			asked := 0
			l := readmodel.Lists{Views: &store, Fold: func(_ context.Context, id booking.ID) (readmodel.View, bool, error) {
				asked++
				v, ok := folds[id]
				return v, ok, nil
			}}
			want := []booking.ID{nth(0), nth(1), nth(2), nth(4)}
			waiting, next, err := l.Waiting(t.Context(), readmodel.Place{}, 10)
			if diff := cmp.Diff(want, ids(waiting)); diff != "" || err != nil || next != (readmodel.Place{}) || asked != 3 {
				t.Errorf("next %v, error %v, %d folds (-want +got):\n%s", next, err, asked, diff)
			}
			ridden, next, err := l.ByRider(t.Context(), readmodeltest.Rider(), "", readmodel.Place{}, 10)
			if diff := cmp.Diff(want, ids(ridden)); diff != "" || err != nil || next != (readmodel.Place{}) {
				t.Errorf("next %v, error %v (-want +got):\n%s", next, err, diff)
			}
			l.Fold = func(context.Context, booking.ID) (readmodel.View, bool, error) {
				return readmodel.View{}, false, errAway
			}
			if views, _, err := l.Waiting(t.Context(), readmodel.Place{}, 10); !errors.Is(err, errAway) || views != nil {
				t.Errorf("without the log: %v, %v; want its error alone", views, err)
			}
		})
	}
}

var errAway = errors.New("away")

func TestAPlaceIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	first := readmodel.Place{Time: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC), ID: id}
	if got, want := first.String(), "2026-11-23T09:30:00.000Z#"+string(id); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	zone := readmodel.Place{Time: first.Time.In(time.FixedZone("", 3600)), ID: id}
	if zone.String() != first.String() {
		t.Errorf("%s in another zone is %s", first, zone)
	}
	for _, bad := range []string{
		"", "#", string(id), "#" + string(id), "2026-11-23T09:30:00.000Z", "2026-11-23T09:30:00.000Z#", "2026-11-23T09:30:00.000Z#bk_1",
		"2026-11-23T09:30:00Z#" + string(id), "2026-11-23T09:30:00.000+01:00#" + string(id), first.String() + "#", " " + first.String(),
		"2026-11-23T9:30:00.000Z#" + string(id), "2026-11-23T09:30:00,000Z#" + string(id), "2026-02-30T09:30:00.000Z#" + string(id),
	} {
		if p, err := readmodel.ParsePlace(bad); err == nil || p != (readmodel.Place{}) {
			t.Errorf("%q is read as %v", bad, p)
		}
	}
}

// The order of the text is that of the places.
func TestThePlacesOrder(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		place := func(label string) readmodel.Place {
			after := rapid.Int64Range(0, int64(40*365*day/time.Millisecond)).Draw(t, label)
			return readmodel.Place{Time: start.Add(time.Duration(after) * time.Millisecond), ID: nth(rapid.IntRange(0, 5).Draw(t, label+"'s booking"))}
		}
		a, b := place("a"), place("b")
		if rapid.Bool().Draw(t, "at once") {
			b.Time = a.Time
		}
		want := a.Time.Compare(b.Time)
		if want == 0 {
			want = strings.Compare(string(a.ID), string(b.ID))
		}
		if got := strings.Compare(a.String(), b.String()); got != want {
			t.Fatalf("%s and %s compare as %d, want %d", a, b, got, want)
		}
		back, err := readmodel.ParsePlace(a.String())
		if err != nil || !back.Time.Equal(a.Time) || back.ID != a.ID {
			t.Fatalf("%s is read back as %s: %v", a, back, err)
		}
	})
}

// Nothing is a place but what String writes.
func FuzzParsePlace(f *testing.F) {
	for _, seed := range []string{
		"", "#", "2026-11-23T09:30:00.000Z#" + string(id), "2026-11-23T9:30:00.000Z#" + string(id), "2026-11-23T09:30:00,000Z#" + string(id),
		"0000-01-01T00:00:00.000Z#" + string(id), "9999-12-31T23:59:59.999Z#" + string(id), "2026-11-23T09:30:00.000Z#bk_\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readmodel.ParsePlace(text)
		if err == nil && p.String() != text {
			t.Errorf("%q is read as %s", text, p)
		}
		if err != nil && p != (readmodel.Place{}) {
			t.Errorf("%q: %v, and still the place %s", text, err, p)
		}
	})
}
