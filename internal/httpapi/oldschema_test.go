package httpapi_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// requestOfSchema1 is a request as it was stored with a subject, alice, for its rider.
func requestOfSchema1(t *testing.T) events.Event {
	t.Helper()
	golden, err := os.ReadFile("../booking/testdata/events-old-schemas.golden")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(golden), "\n")
	data, ok := strings.CutPrefix(line, booking.TypeBookingRequested+" 1 ")
	if !ok {
		t.Fatalf("%s is no request of schema 1", line)
	}
	return events.Event{Type: booking.TypeBookingRequested, Schema: 1, Data: []byte(data)}
}

// A booking of schema 1 names a subject and no issuer: it goes on, and no rider's token
// opens it.
func TestABookingOfSchema1IsForStaffAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := booking.IDFor(alice.Caller, "k1")
	none, err := events.NewHistory(id.Stream(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.log.Append(t.Context(), none.Position(), events.Draft{
		CommandID: booking.CreateCommandID, Request: []byte(ride), Events: []events.Event{requestOfSchema1(t)}, Actor: booking.ActorRider, RecordedAt: w.now,
	}); err != nil {
		t.Fatal(err)
	}
	w.confirms(id)
	for _, projected := range []bool{false, true} {
		if projected {
			w.projects(id)
		}
		for _, by := range []*httpapi.Caller{alice, namesake, bob} {
			w.refused(read(by, at(id)), http.StatusNotFound, httpapi.CodeNotFound)
			w.refused(read(by, at(id)+"/events"), http.StatusNotFound, httpapi.CodeNotFound)
			w.refused(command(by, id, "cancel", "k2", `{"reason":"x"}`), http.StatusNotFound, httpapi.CodeNotFound)
			if p := w.page(read(by, "/v1/bookings")); len(p.Items) != 0 {
				t.Errorf("%s lists %v", by.Subject, p.Items)
			}
		}
		v, _ := w.must(read(manager, at(id)), http.StatusOK)
		if v.State != booking.Confirmed || !v.RiderID.Valid() || v.RiderID == alice.RiderID() || v.RiderID == namesake.RiderID() {
			t.Errorf("ops see %+v", v)
		}
	}
	if p := w.page(read(sender, "/v1/dispatch/bookings")); len(p.Items) != 1 {
		t.Errorf("%d bookings wait for a driver, want 1", len(p.Items))
	}
	w.must(command(sender, id, "assign", "k3", `{"driver_id":"d-1"}`), http.StatusOK)
}
