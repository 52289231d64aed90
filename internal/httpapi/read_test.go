package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
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

// at returns the path of a booking.
func at(id booking.ID) string { return "/v1/bookings/" + string(id) }

func TestABookingIsReadFromItsView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.confirms(made.ID)
	w.projects(made.ID)

	w.log.loadErr = events.ErrUnavailable // so it cannot come from the log
	v, a := w.must(read(alice, at(made.ID)), http.StatusOK)
	if v.Version != 4 || v.State != booking.Confirmed || v.Payment.Authorized.Amount != 1304 {
		t.Errorf("the booking is %+v, want it confirmed at version 4", v)
	}
	if a.header.Get("Etag") != `"4"` || a.header.Get("Cache-Control") != "private, no-cache" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("the header is %v", a.header)
	}
}

// A booking can be read as soon as it is made, whatever becomes of the views.
func TestABookingIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world, booking.ID) string{
		"while there is no view":   func(*world, booking.ID) string { return "" },
		"while the views are down": func(w *world, _ booking.ID) string { w.views.err = readmodel.ErrUnavailable; return "" },
		"if the view is broken":    func(w *world, _ booking.ID) string { w.views.err = errors.New("no JSON"); return "" },
		"if the view is too old": func(w *world, id booking.ID) string {
			w.projects(id)
			return "?min_version=4"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
			query := spoil(w, made.ID)
			w.confirms(made.ID)
			if v, a := w.must(read(alice, at(made.ID)+query), http.StatusOK); v.Version != 4 || a.header.Get("Etag") != `"4"` {
				t.Errorf("the booking is at version %d, %s; want 4", v.Version, a.header.Get("Etag"))
			}
		})
	}
}

func TestAViewMayBeOlderThanTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.projects(made.ID)
	w.confirms(made.ID)
	for query, want := range map[string]int64{"": 1, "?min_version=1": 1, "?min_version=2": 4, "?min_version=4": 4} {
		if v, _ := w.must(read(alice, at(made.ID)+query), http.StatusOK); v.Version != want {
			t.Errorf("%q: version %d, want %d", query, v.Version, want)
		}
	}
}

func TestAVersionThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	for _, projected := range []bool{true, false} {
		w := newWorld(t)
		made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
		if projected {
			w.projects(made.ID)
		}
		for _, version := range []string{"2", "1000000", "9223372036854775807"} {
			w.refused(read(alice, at(made.ID)+"?min_version="+version), http.StatusPreconditionFailed, httpapi.CodeVersionMismatch)
		}
		// To someone else, even that would say that there is one.
		w.refused(read(bob, at(made.ID)+"?min_version=2"), http.StatusNotFound, httpapi.CodeNotFound)
	}
}

func TestQueriesAreReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	for _, query := range []string{
		"min_version=0", "min_version=-1", "min_version=", "min_version", "min_version=x", "min_version=1.0", "min_version=1e3", "min_version=0x1",
		"min_version=9223372036854775808", "min_version=%201", "min_version=+1", "min_version=1_0", "min_version=%D9%A1",
		"min_version=1&min_version=1", "min_version=1&min_version=2", "min_version=1&at_version=1", "at_version=1&at_version=1", "at_version=0", "at_version=", "at_version=%2B1", "min_version=01", "MIN_VERSION=1", "x", "=", "=1",
		"min_version=1;x=1", "min_version=%", "min_version=%zz", "%6", "limit=10", "cursor=",
	} {
		w.refused(read(alice, at(made.ID)+"?"+query), http.StatusBadRequest, httpapi.CodeMalformed)
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=", "limit=010", "limit=1e1", "limit=%2B5", "limit=-1", "limit=1&limit=1", "cursor=x", "cursor=", "min_version=1", "at_version=1", "state=confirmed", "x=1&x=2", "%zz"} {
		w.refused(read(alice, at(made.ID)+"/events?"+query), http.StatusBadRequest, httpapi.CodeMalformed)
	}
	// An encoded name or number is the same name or number.
	if v, _ := w.must(read(alice, at(made.ID)+"?min%5Fversion=%31"), http.StatusOK); v.Version != 1 {
		t.Errorf("version %d, want 1", v.Version)
	}
}

// From the outside, someone else's booking does not exist.
func TestForeignAndUnknownLookTheSame(t *testing.T) {
	t.Parallel()
	for _, projected := range []bool{true, false} {
		w := newWorld(t)
		made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
		if projected {
			w.projects(made.ID)
		}
		unknown := booking.IDFor(bob.Caller, "never used")
		for _, form := range []string{"%s", "%s?min_version=1", "%s/events"} {
			foreign, none := w.send(read(bob, fmt.Sprintf(form, at(made.ID)))), w.send(read(bob, fmt.Sprintf(form, at(unknown))))
			malformed := w.send(read(bob, fmt.Sprintf(form, at("bk_1"))))
			if foreign.code != http.StatusNotFound {
				t.Errorf(form+" → %d %s", at(made.ID), foreign.code, foreign.body)
			}
			if diff := cmp.Diff(none, foreign, cmp.AllowUnexported(answer{})); diff != "" {
				t.Errorf("%s (-unknown +foreign):\n%s", form, diff)
			}
			if diff := cmp.Diff(none, malformed, cmp.AllowUnexported(answer{})); diff != "" {
				t.Errorf("%s (-unknown +malformed):\n%s", form, diff)
			}
		}
	}
}

func TestIDsOfAnotherFormAreUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := string(booking.IDFor(alice.Caller, "k1"))
	for _, id := range []string{
		"1", "bk_", good[:len(good)-1], good + "a", strings.ToUpper(good), "xx" + good[2:], good[:34] + "1", good[:34] + "ä", good[:34] + "%",
		"booking", "..", "bk_" + strings.Repeat("a", 4000), " " + good, good + "\x00", "*",
	} {
		for _, path := range []string{at(booking.ID(id)), at(booking.ID(id)) + "/events"} {
			w.refused(read(alice, path), http.StatusNotFound, httpapi.CodeNotFound)
		}
	}
}

func TestWhoMayReadABooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	again := caller("alice") // another value, the same rider
	for name, test := range map[string]struct {
		by   *httpapi.Caller
		want int
	}{
		"its rider":                {again, 200},
		"dispatch":                 {sender, 200},
		"ops":                      {manager, 200},
		"both":                     {caller("max", "x", httpapi.RoleOps, httpapi.RoleDispatch), 200},
		"another rider":            {bob, 404},
		"a namesake":               {namesake, 404},
		"a role of another name":   {caller("eve", "admin", "Dispatch", "ops2", "dispatch ops"), 404},
		"a rider of a longer name": {caller("alice2"), 404},
		"nobody":                   {nobody, 401},
	} {
		for _, path := range []string{at(made.ID), at(made.ID) + "/events"} {
			if a := w.send(read(test.by, path)); a.code != test.want {
				t.Errorf("%s reads %s → %d, want %d", name, path, a.code, test.want)
			}
		}
	}
}

// A view of a build that stored a subject for its rider does not say at which issuer:
// the log decides, and the subject is not logged.
func TestAViewWithASubjectForItsRiderIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, a := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.projects(made.ID)
	const subject = "alice@example.com"
	w.views.Store.(*readmodeltest.Memory).Spoil(made.ID, func(r *readmodel.Record) {
		r.Body, r.Rider = bytes.ReplaceAll(r.Body, []byte(made.RiderID), []byte(subject)), subject
	})
	if got := w.send(read(alice, at(made.ID))); got.code != http.StatusOK || got.body != a.body {
		t.Errorf("its rider → %d %s, want %s", got.code, got.body, a.body)
	}
	for _, by := range []*httpapi.Caller{namesake, caller(subject)} {
		w.refused(read(by, at(made.ID)), http.StatusNotFound, httpapi.CodeNotFound)
	}
	if strings.Contains(w.logged.String(), subject) || !strings.Contains(w.logged.String(), "view from the log") {
		t.Errorf("it logs %s", w.logged)
	}
}

func TestAnUnchangedBookingIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.confirms(made.ID) // now at version 4
	for header, want := range map[string]int{
		`"4"`: 304, `W/"4"`: 304, `*`: 304, `"1", "4"`: 304, `"1","4" `: 304, `"3", W/"4"`: 304,
		`"1"`: 200, `"44"`: 200, `4`: 200, ``: 200, `W/4`: 200, `"`: 200, `,`: 200, `w/"4"`: 200, `"*"`: 200, `"1", "2"`: 200,
	} {
		a := w.send(read(alice, at(made.ID)).with("If-None-Match", header))
		if a.code != want || a.header.Get("Etag") != `"4"` {
			t.Errorf("If-None-Match %s → %d %v, want %d", header, a.code, a.header, want)
		}
	}
	if a := w.send(read(alice, at(made.ID)).with("If-None-Match", `"1"`, `"4"`)); a.code != http.StatusNotModified {
		t.Errorf("two headers → %d, want 304", a.code)
	}
	w.refused(read(bob, at(made.ID)).with("If-None-Match", `*`), http.StatusNotFound, httpapi.CodeNotFound)
	w.refused(read(alice, at(made.ID)+"?min_version=5").with("If-None-Match", `"4"`), http.StatusPreconditionFailed, httpapi.CodeVersionMismatch)
}

func TestTheHistoryTellsEverythingButSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.now = w.now.Add(2 * time.Second)
	w.confirms(made.ID)
	declined, _ := w.must(book(alice, "k2", ride), http.StatusCreated)
	w.does(declined.ID, "started", booking.RecordPaymentStarted{At: w.now, Ref: ref, Group: 1})
	w.does(declined.ID, "declined", booking.RecordDecline{At: w.now, Ref: ref, Code: "insufficient_funds"})

	for id, want := range map[booking.ID][]string{
		made.ID:     {"1 BookingRequested rider", "2 PaymentStarted payment", "3 PaymentAuthorized payment", "4 BookingConfirmed payment"},
		declined.ID: {"1 BookingRequested rider", "2 PaymentStarted payment", "3 PaymentDeclined payment", "4 BookingCanceled payment"},
	} {
		a := w.send(read(alice, at(id)+"/events"))
		if a.code != http.StatusOK || a.header.Get("Cache-Control") != "private, no-cache" {
			t.Fatalf("%d %v %s", a.code, a.header, a.body)
		}
		if diff := cmp.Diff(want, history(t, a)); diff != "" {
			t.Errorf("the history (-want +got):\n%s", diff)
		}
		for _, secret := range []string{ref, "pm_card", "pi_", "52.5", "13.", "Alexanderplatz", "Hauptbahnhof", "k1", "rq_", "pf_", "cm_", `"group"`, `"ref"`} {
			if strings.Contains(a.body, secret) {
				t.Errorf("the history tells %q: %s", secret, a.body)
			}
		}
	}
}
