package httpapi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

func TestAHistoryComesInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("captured"))
	var want []int64
	for v := range int64(9) {
		want = append(want, v+1)
	}
	for query, pages := range map[string]int{"": 1, "?limit=100": 1, "?limit=9": 1, "?limit=8": 2, "?limit=4": 3, "?limit=3": 3, "?limit=1": 9} {
		var got []int64
		walked := w.walk(read(alice, at(id)+"/events"+query), nothing)
		for _, p := range walked {
			for _, item := range p.Items {
				got = append(got, item.Version)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(walked) != pages {
			t.Errorf("%s: %d pages, want %d; versions (-want +got):\n%s", query, len(walked), pages, diff)
		}
	}
}

// What happens meanwhile comes at the end.
func TestAHistoryGrowsAtItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	grown := false
	pages := w.walk(read(alice, at(id)+"/events?limit=3"), func() {
		if !grown {
			grown = true
			w.must(command(sender, id, "assign", "k", `{"driver_id":"d-1"}`), http.StatusOK)
		}
	})
	if last := pages[len(pages)-1]; len(pages) != 2 || last.Items[len(last.Items)-1].Version != 5 {
		t.Errorf("%d pages, the last is %+v", len(pages), last)
	}
}

// stored appends events as they are in the golden file of stored events.
func (w *world) stored(id booking.ID, drafts ...events.Event) {
	w.Helper()
	for i, e := range drafts {
		h, err := w.log.Load(w.Context(), id.Stream())
		if err != nil {
			w.Fatal(err)
		}
		if _, err := w.log.Append(w.Context(), h.Position(), events.Draft{
			CommandID: "pf_stored_" + itoa(int64(i)), Actor: "payment", RecordedAt: w.now, Events: []events.Event{e},
		}); err != nil {
			w.Fatal(err)
		}
	}
}

// golden reads the events that are stored, one of each type.
func golden(t *testing.T) []events.Event {
	t.Helper()
	raw, err := os.ReadFile("../booking/testdata/events.golden")
	if err != nil {
		t.Fatal(err)
	}
	var all []events.Event
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(parts) == 3 && parts[0] != "personal" {
			schema := 1
			if parts[1] == "2" {
				schema = 2
			}
			all = append(all, events.Event{Type: parts[0], Schema: schema, Data: []byte(parts[2])})
		}
	}
	return all
}

// Every type of event there is fits its schema in the contract, which lets no
// further field through; and none tells what is the payment provider's.
func TestEveryTypeOfEventCanBeShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := golden(t)
	id := w.booked(reaching("requested"))
	w.stored(id, all[1:]...)
	a := w.send(read(alice, at(id)+"/events?limit=100")) // checked against the contract
	var shown []string
	for _, line := range history(t, a) {
		shown = append(shown, strings.Split(line, " ")[1])
	}
	want := booking.EventTypes()
	slices.Sort(want)
	slices.Sort(shown)
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("types (-there are +shown):\n%s", diff)
	}
	for _, secret := range []string{"pi_1", "dp_1", "rf_1", `"ref"`, `"group"`, `"dispute_id"`, "Alexanderplatz", "pm_card"} {
		if strings.Contains(a.body, secret) {
			t.Errorf("the history tells %q: %s", secret, a.body)
		}
	}
}

func TestARefundIsNamedByOurNameOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("captured"))
	w.must(command(manager, id, "refund", "k", `{"reason":"x","amount":{"amount":100,"currency":"EUR"}}`), http.StatusAccepted)
	ours := booking.RefundIDFor(booking.CommandIDFor(manager.Caller, "POST "+at(id)+"/refund", "k"))
	w.does(id, "by hand", booking.RecordRefund{At: w.now, RefundID: "re_by_hand", Amount: booking.Money{Amount: 1, Currency: "EUR"}})
	a := w.send(read(alice, at(id)+"/events"))
	if !strings.Contains(a.body, `"refund_id":"`+ours+`"`) || strings.Contains(a.body, "re_by_hand") {
		t.Errorf("the history is %s", a.body)
	}
}

// An event that was stored in an older schema is shown in the present one.
func TestAnOldEventIsShownInItsPresentSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("requested"))
	w.stored(id, events.Event{Type: booking.TypeBookingCanceled, Schema: 1, Data: []byte(`{"at":"2026-11-23T09:31:00Z","by":"payment","reason":"payment_declined","fee":{"amount":0,"currency":"EUR"}}`)})
	a := w.send(read(alice, at(id)+"/events"))
	if !strings.Contains(a.body, `"cause":"payment_declined"`) || strings.Contains(a.body, `"reason"`) {
		t.Errorf("the history is %s", a.body)
	}
}

func TestABookingAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, made := w.must(book(alice, "k", ride), http.StatusCreated)
	then := map[int64]string{1: made.body}
	for _, next := range journey[1:] {
		next.step(w, v.ID)
		now, a := w.must(read(alice, at(v.ID)), http.StatusOK)
		then[now.Version] = a.body
	}
	w.projects(v.ID)
	states := map[int64]booking.Status{2: booking.Requested, 3: booking.Requested} // within the commits of the payment
	for version := int64(1); version <= 9; version++ {
		got, a := w.must(read(alice, at(v.ID)+"?at_version="+itoa(version)), http.StatusOK)
		if want, ok := then[version]; ok && want != a.body {
			t.Errorf("at version %d (-then +now):\n%s", version, cmp.Diff(want, a.body))
		}
		if want, ok := states[version]; got.Version != version || a.header.Get("Etag") != `"`+itoa(version)+`"` || ok && got.State != want {
			t.Errorf("at version %d: version %d, %s, %s", version, got.Version, a.header.Get("Etag"), got.State)
		}
		if a := w.send(read(alice, at(v.ID)+"?at_version="+itoa(version)).with("If-None-Match", `"`+itoa(version)+`"`)); a.code != http.StatusNotModified {
			t.Errorf("at version %d with its tag → %d", version, a.code)
		}
	}
	for _, beyond := range []string{"10", "1000000", "9223372036854775807"} {
		w.refused(read(alice, at(v.ID)+"?at_version="+beyond), http.StatusPreconditionFailed, httpapi.CodeVersionMismatch)
		w.refused(read(bob, at(v.ID)+"?at_version="+beyond), http.StatusNotFound, httpapi.CodeNotFound)
	}
	w.refused(read(alice, at(v.ID)+"?at_version=1&min_version=1"), http.StatusBadRequest, httpapi.CodeMalformed)
	w.refused(read(bob, at(v.ID)+"?at_version=1"), http.StatusNotFound, httpapi.CodeNotFound)
}

// The examples of the contract name every field that the events have.
func TestTheContractDescribesEveryEvent(t *testing.T) {
	t.Parallel()
	var described []string
	for _, one := range contract(t).Doc.Components.Schemas["HistoryItem"].Value.OneOf {
		name, err := json.Marshal(one.Value.Properties["type"].Value.Const)
		if err != nil {
			t.Fatal(err)
		}
		described = append(described, strings.Trim(string(name), `"`))
	}
	if diff := cmp.Diff(sorted(booking.EventTypes()), sorted(described)); diff != "" {
		t.Errorf("types (-there are +described):\n%s", diff)
	}
}
