package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// page is a page of any list.
type page struct {
	Items []struct {
		ID      booking.ID
		State   booking.Status
		Version int64
	}
	NextCursor *string `json:"next_cursor"`
	link       string
}

func (p page) ids() []booking.ID {
	var ids []booking.ID
	for _, item := range p.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

func (w *world) page(r request) page {
	w.Helper()
	a := w.send(r)
	var p page
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.code != http.StatusOK || a.header.Get("Cache-Control") != "private, no-cache" {
		w.Fatalf("%s → %d %v %s", r.target, a.code, a.header, a.body)
	}
	p.link = a.header.Get("Link")
	if (p.NextCursor == nil) != (p.link == "") {
		w.Errorf("%s: next_cursor %v, Link %q", r.target, p.NextCursor, p.link)
	}
	return p
}

// walk follows the links of a list to its end, and lets something happen between
// any two pages.
func (w *world) walk(r request, between func()) []page {
	w.Helper()
	var pages []page
	for {
		p := w.page(r)
		pages = append(pages, p)
		if p.link == "" {
			return pages
		}
		target, ok := strings.CutPrefix(p.link, "<")
		target, rel := strings.CutSuffix(target, `>; rel="next"`)
		if r.target = target; !ok || !rel {
			w.Fatalf("Link: %s", p.link)
		}
		if got, err := url.Parse(target); err != nil || got.Query().Get("cursor") != *p.NextCursor {
			w.Fatalf("Link %s, next_cursor %s", p.link, *p.NextCursor)
		}
		between()
	}
}

func ids(pages []page) []booking.ID {
	var all []booking.ID
	for _, p := range pages {
		all = append(all, p.ids()...)
	}
	return all
}

// books makes a booking of a rider's and its view, a second later than the last.
func (w *world) books(by *httpapi.Caller, key, stage string) booking.ID {
	w.Helper()
	w.now = w.now.Add(time.Second)
	if a := w.sendTo(w.plain, book(by, key, ride)); a.code != http.StatusCreated {
		w.Fatalf("%d %s", a.code, a.body)
	}
	id := booking.IDFor(by.Caller, key)
	w.reaches(id, stage)
	w.projects(id)
	return id
}

func (w *world) booksMany(n int, by *httpapi.Caller, prefix, stage string) []booking.ID {
	w.Helper()
	made := make([]booking.ID, n)
	for i := range made {
		made[i] = w.books(by, prefix+itoa(int64(i)), stage)
	}
	return made
}

func nothing() {}

func TestAListHasOnesOwnBookingsNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.booksMany(5, alice, "k", "requested")
	w.booksMany(2, bob, "k", "requested")
	slices.Reverse(made)
	for query, sizes := range map[string][]int{"": {5}, "?limit=100": {5}, "?limit=5": {5}, "?limit=4": {4, 1}, "?limit=2": {2, 2, 1}, "?limit=1": {1, 1, 1, 1, 1}} {
		pages := w.walk(read(alice, "/v1/bookings"+query), nothing)
		if diff := cmp.Diff(made, ids(pages)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
		var got []int
		for _, p := range pages {
			got = append(got, len(p.Items))
		}
		if diff := cmp.Diff(sizes, got); diff != "" {
			t.Errorf("%s: pages (-want +got):\n%s", query, diff)
		}
	}
	if p := w.page(read(sender, "/v1/bookings")); len(p.Items) != 0 {
		t.Errorf("a dispatcher's own list has %v", p.ids())
	}
	if a := w.send(read(caller("new"), "/v1/bookings")); a.body != `{"items":[],"next_cursor":null}` {
		t.Errorf("an empty list is %s", a.body)
	}
}

func TestAPageHasTwentyItemsUnlessAskedOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.booksMany(21, alice, "k", "requested")
	if p := w.page(read(alice, "/v1/bookings")); len(p.Items) != 20 || p.NextCursor == nil {
		t.Errorf("%d items, next %v", len(p.Items), p.NextCursor)
	}
}

// An item of a list is what reading it gives.
func TestAListShowsWholeBookings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.books(alice, "k", "captured")
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal([]byte(w.send(read(alice, "/v1/bookings")).body), &list); err != nil || len(list.Items) != 1 {
		t.Fatal(err, list.Items)
	}
	if diff := cmp.Diff(w.send(read(alice, at(id))).body, string(list.Items[0])); diff != "" {
		t.Errorf("(-read +listed):\n%s", diff)
	}
}

// A page of a filtered list may be short, and still not the last.
func TestAListIsFilteredByState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := map[booking.Status][]booking.ID{}
	for i, stage := range []string{"requested", "confirmed", "captured", "requested", "requested", "requested", "requested", "requested", "confirmed"} {
		id := w.books(alice, "k"+itoa(int64(i)), stage)
		state := map[string]booking.Status{"requested": booking.Requested, "confirmed": booking.Confirmed, "captured": booking.Completed}[stage]
		want[state] = append([]booking.ID{id}, want[state]...)
	}
	for _, state := range booking.Statuses() {
		for _, limit := range []string{"1", "2", "20"} {
			pages := w.walk(read(alice, "/v1/bookings?limit="+limit+"&state="+string(state)), nothing)
			if diff := cmp.Diff(want[state], ids(pages)); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", state, limit, diff)
			}
		}
	}
}

// Pages neither repeat nor miss what was there when the walk began.
func TestAListIsStableWhileBookingsArrive(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]struct {
		path string
		by   *httpapi.Caller
	}{"a rider's": {"/v1/bookings", alice}, "waiting": {"/v1/dispatch/bookings", sender}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made := w.booksMany(7, alice, "k", "confirmed")
			arrived := 0
			pages := w.walk(read(list.by, list.path+"?limit=2"), func() {
				if arrived < 3 {
					arrived++
					w.books(alice, "new"+itoa(int64(arrived)), "confirmed")
				}
			})
			got := ids(pages)
			if len(sortedIDs(got)) != len(got) {
				t.Errorf("something is listed twice: %v", got)
			}
			for _, id := range made {
				if !slices.Contains(got, id) {
					t.Errorf("%s is missing", id)
				}
			}
		})
	}
}

func sortedIDs(list []booking.ID) []booking.ID {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

func TestTheWaitingListHasTheLongestWaitFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.books(alice, "first", "confirmed")
	w.books(alice, "requested", "requested")
	second := w.books(bob, "second", "confirmed")
	taken := w.books(alice, "taken", "assigned")
	third := w.books(alice, "third", "confirmed")
	waiting := func() []booking.ID { return ids(w.walk(read(sender, "/v1/dispatch/bookings?limit=1"), nothing)) }
	if diff := cmp.Diff([]booking.ID{first, second, third}, waiting()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Whoever loses the driver waits anew.
	w.now = w.now.Add(time.Second)
	w.must(command(sender, taken, "unassign", "k", ""), http.StatusOK)
	w.must(command(alice, first, "cancel", "k", `{"reason":"x"}`), http.StatusOK)
	w.projects(taken)
	w.projects(first)
	if diff := cmp.Diff([]booking.ID{second, third, taken}, waiting()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(waiting(), ids(w.walk(read(sender, "/v1/dispatch/bookings?state=confirmed"), nothing))); diff != "" {
		t.Errorf("with the state that it is about (-without +with):\n%s", diff)
	}
}

func TestQueriesOfListsAreReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, list := range []request{read(alice, "/v1/bookings"), read(sender, "/v1/dispatch/bookings")} {
		for _, query := range []string{
			"limit=0", "limit=101", "limit=-1", "limit=", "limit", "limit=x", "limit=1.0", "limit=1e1", "limit=010", "limit=%2B5", "limit=+5", "limit=5%00",
			"limit=99999999999999999999", "limit=1&limit=2", "Limit=1", "cursor=", "cursor", "cursor=x", "cursor=%00", "cursor=a&cursor=b", "state=", "state",
			"state=Confirmed", "state=lost", "state=confirmed,requested", "state=confirmed&state=confirmed", "page=1", "offset=0", "rider_id=bob", "=", "%zz", "a;b",
		} {
			w.refused(list.asking(query), http.StatusBadRequest, httpapi.CodeMalformed)
		}
	}
	w.refused(read(sender, "/v1/dispatch/bookings?state=requested"), http.StatusBadRequest, httpapi.CodeMalformed)
}

// A view of another release, whose form this one does not know, is folded from the log; both
// lists are served with it. One whose stream cannot be folded, either, is left out.
func TestListsWithViewsOfAnotherRelease(t *testing.T) {
	t.Parallel()
	for _, list := range []request{read(alice, "/v1/bookings"), read(sender, "/v1/dispatch/bookings")} {
		t.Run(list.target, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made := w.booksMany(4, alice, "k", "confirmed")
			before := w.send(list).body
			spoiled := func(id booking.ID, to string) {
				w.views.Store.(*readmodeltest.Memory).Spoil(id, func(r *readmodel.Record) {
					r.Body = []byte(strings.Replace(string(r.Body), `"product":"standard"`, to, 1))
				})
			}
			spoiled(made[0], `"product":"standard","rating":5`)
			spoiled(made[2], `"product":{"name":"standard"}`)
			spoiled(made[3], `"kind":"standard"`)
			if diff := cmp.Diff(before, w.send(list).body); diff != "" {
				t.Errorf("listed (-before +with views of another release):\n%s", diff)
			}
			if n := strings.Count(w.logged.String(), `msg="view from the log"`); n != 2 {
				t.Errorf("the log says so %d times: %s", n, w.logged)
			}
			for _, unfoldable := range []error{booking.ErrUnfoldable, events.ErrCorrupt} {
				w.log.loadErr = unfoldable
				if got := sortedIDs(w.page(list).ids()); !slices.Equal(got, sortedIDs(made[:2])) {
					t.Errorf("%v: %v are listed, want those whose views can be read", unfoldable, got)
				}
			}
			w.log.loadErr = events.ErrUnavailable
			w.fails(list, http.StatusServiceUnavailable, httpapi.CodeUnavailable)
			w.log.loadErr = errors.New("access denied") // says nothing about the stream
			w.fails(list, http.StatusInternalServerError, httpapi.CodeInternal)
		})
	}
}

func TestListsOnViewsThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, list := range []request{read(alice, "/v1/bookings"), read(sender, "/v1/dispatch/bookings")} {
		w.views.err = errors.Join(readmodel.ErrUnavailable, errors.New("secret"))
		w.fails(list, http.StatusServiceUnavailable, httpapi.CodeUnavailable)
		w.views.err = errors.New("secret")
		w.fails(list, http.StatusInternalServerError, httpapi.CodeInternal)
	}
}
