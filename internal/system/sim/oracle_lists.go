package sim

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// listed returns the bookings of a rider that no list may leave out from now on: those
// that even an index which lags by one write has, in every projection that knows them.
func (o *oracle) listed(rider person) []booking.ID {
	return o.inEveryProjection(func(a *account) bool { return o.owners[a.id].is(rider) })
}

func (o *oracle) inEveryProjection(wanted func(*account) bool) []booking.ID {
	var ids []booking.ID
	for _, a := range o.order {
		if !wanted(a) || len(o.projected(o.active()).older[a.id]) == 0 {
			continue
		}
		sure := true
		for _, p := range o.views {
			if n := len(p.older[a.id]); n > 0 && p.older[a.id][n-1].Version == 0 {
				sure = false
			}
		}
		if sure {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// waitingNow returns the bookings that wait for a driver, in the log and in every view.
func (o *oracle) waitingNow() []booking.ID {
	return o.inEveryProjection(func(a *account) bool {
		return a.model().status == booking.Confirmed && o.shownAs(a, booking.Confirmed)
	})
}

// stillWaiting returns those that waited all the time.
func (o *oracle) stillWaiting(before []booking.ID) []booking.ID {
	now := o.waitingNow()
	return slices.DeleteFunc(before, func(id booking.ID) bool { return !slices.Contains(now, id) })
}

// shownAs tells whether a booking has had a status in every view for two writes or more.
func (o *oracle) shownAs(a *account, s booking.Status) bool {
	for _, p := range o.views {
		v, ok, err := p.Get(o.ctx, a.id)
		if n := len(p.older[a.id]); err != nil || ok && (v.State != s || n > 0 && p.older[a.id][n-1].State != s) {
			return false
		}
	}
	return true
}

// leavesNobodyOut judges a list that was read to its end.
func (o *oracle) leavesNobodyOut(listed []booking.ID, pages []page) {
	if len(pages) == 0 || pages[len(pages)-1].NextCursor != nil {
		return // somebody gave up on the way
	}
	if len(pages) > 1 {
		o.reach(listHadPages)
	}
	for _, id := range listed {
		if o.unfoldable(o.streams[id.Stream()]) {
			continue
		}
		if !slices.ContainsFunc(pages, func(p page) bool { return p.has(id) }) {
			o.fail("5: a list leaves nobody out", id, "it is on none of %d pages", len(pages))
		}
	}
}

// showsList judges a page of a list.
func (o *oracle) showsList(r request, a answer) {
	var list struct {
		Items      []json.RawMessage
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(a.body, &list); err != nil || list.Items == nil {
		o.fail("lists can be read", "", "%s: %v", a.body, err)
	}
	o.leadsOn(r, a, len(list.Items), list.NextCursor)
	var last *listedItem
	for _, item := range list.Items {
		o.showsFold(r, item)
		v := listedItem{dispatch: strings.HasPrefix(r.path, "/v1/dispatch")}
		if err := json.Unmarshal(item, &v); err != nil {
			o.fail("lists can be read", "", "%s: %v", item, err)
		}
		if last != nil && !o.inOrder(last, &v) {
			o.fail("a list is in its order, and shows a booking once", v.ID, "%s after %s: %s", v.ID, last.ID, a.body)
		}
		last = &v
		if want := booking.Status(r.queried("state")); v.dispatch && v.State != booking.Confirmed || want != "" && v.State != want {
			o.fail("only who belongs to a list is in it", v.ID, "%s in %s?%s", v.State, r.path, r.query)
		}
	}
}

// listedItem is as much of a booking as its place in a list depends on.
type listedItem struct {
	ID          booking.ID
	Version     int64
	State       booking.Status
	RequestedAt time.Time `json:"requested_at"`
	dispatch    bool
}

// inOrder tells whether b may follow a: newest first in a rider's list, and who waits
// longest first in that of dispatchers.
func (o *oracle) inOrder(a, b *listedItem) bool {
	if a.ID == b.ID {
		return false
	}
	if !a.dispatch {
		return !a.RequestedAt.Before(b.RequestedAt)
	}
	// View and index are each a moment behind at times: a booking that waits once more
	// may stand where it stood, or where it will.
	first, _ := o.waits(a)
	_, last := o.waits(b)
	return !first.After(last)
}

// waits returns the earliest and the latest place that a booking ever had in the list of
// those who wait.
func (o *oracle) waits(v *listedItem) (first, last time.Time) {
	for _, m := range o.streams[v.ID.Stream()].models {
		if m.status != booking.Confirmed {
			continue
		}
		if first.IsZero() || m.assignBy.Before(first) {
			first = m.assignBy
		}
		if m.assignBy.After(last) {
			last = m.assignBy
		}
	}
	return first, last
}

// leadsOn judges how a page leads on to the next.
func (o *oracle) leadsOn(r request, a answer, items int, cursor *string) {
	limit := 20
	if l := r.queried("limit"); l != "" {
		limit, _ = strconv.Atoi(l)
	}
	link := ""
	if cursor != nil {
		params, _ := url.ParseQuery(r.query)
		params.Set("cursor", *cursor)
		link = "<" + r.path + "?" + params.Encode() + `>; rel="next"`
	}
	if items > limit || cursor != nil && *cursor == "" || a.header.Get("Link") != link {
		o.fail("a page leads on to the next", r.booking, "%s?%s: %d items, cursor %v, Link %q", r.path, r.query, items, cursor, a.header.Get("Link"))
	}
}

func (r request) queried(name string) string {
	params, _ := url.ParseQuery(r.query)
	return params.Get(name)
}

// showsHistory judges a page of a history: every version, as it is stored, but for what
// names things at the provider.
func (o *oracle) showsHistory(r request, before seen, a answer) {
	var p struct {
		Items []struct {
			Version    int64
			Type       string
			Data       map[string]json.RawMessage
			Actor      string
			RecordedAt time.Time `json:"recorded_at"`
		}
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		o.fail("histories can be read", r.booking, "%s: %v", a.body, err)
	}
	o.leadsOn(r, a, len(p.Items), p.NextCursor)
	acc := o.streams[r.booking.Stream()]
	if acc == nil {
		return
	}
	next := r.page + 1
	for _, c := range acc.history.Commits() {
		for i, e := range c.Events {
			at := next - r.page - 1
			if c.Version+int64(i) != next || at >= int64(len(p.Items)) {
				continue
			}
			item := p.Items[at]
			if item.Version != next || item.Type != e.Type || item.Actor != c.Actor || !item.RecordedAt.Equal(c.RecordedAt) || !shownData(e.Type, e.Schema, e.Data, item.Data) {
				o.fail("1: a history has every version as it is stored", r.booking, "%d: %s, and %s is stored", next, a.body, e.Data)
			}
			next++
		}
	}
	reached := r.page + int64(len(p.Items))
	if next-1 != reached || p.NextCursor == nil && reached < before.version || p.NextCursor != nil && reached >= acc.model().version {
		o.fail("1: a history has every version as it is stored", r.booking, "%d items after %d, of %d: %s", len(p.Items), r.page, acc.model().version, a.body)
	}
	if r.page > 0 {
		o.reach(historyHadPages)
	}
}

// shownData tells whether the data that is shown is what is stored, without what names
// things at the provider.
func shownData(kind string, schema int, stored []byte, shown map[string]json.RawMessage) bool {
	var want map[string]json.RawMessage
	if json.Unmarshal(stored, &want) != nil {
		return false
	}
	switch {
	case kind == booking.TypeBookingCanceled && schema == 1:
		want["cause"] = want["reason"]
		delete(want, "reason")
	case kind == booking.TypeBookingRequested && schema == 1:
		want["rider_id"] = []byte(`"` + riderOf("hailstone/rider/0", strings.Trim(string(want["rider_id"]), `"`)) + `"`)
	default:
	}
	for _, name := range []string{"ref", "group", "dispute_id"} {
		delete(want, name)
	}
	if !strings.HasPrefix(string(want["refund_id"]), `"rf_`) {
		delete(want, "refund_id")
	}
	if len(want) != len(shown) {
		return false
	}
	for name, value := range want {
		if !bytes.Equal(value, shown[name]) {
			return false
		}
	}
	return true
}
