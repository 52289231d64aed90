package httpapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// lists are the routes that come in pages, each with more than one of alice's, by
// somebody who may read it.
func (w *world) lists() map[string]request {
	w.Helper()
	made := w.booksMany(3, alice, "k", "confirmed")
	return map[string]request{
		"bookings":  read(alice, "/v1/bookings?limit=1"),
		"confirmed": read(alice, "/v1/bookings?limit=1&state=confirmed"),
		"waiting":   read(sender, "/v1/dispatch/bookings?limit=1"),
		"history":   read(alice, at(made[0])+"/events?limit=1"),
	}
}

func TestATamperedCursorIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, list := range w.lists() {
		good := *w.page(list).NextCursor
		w.page(list.asking("limit=1&" + ownFilter(list) + "cursor=" + good))
		for i := range good {
			for _, c := range []string{"A", "B", "_", "="} {
				bad := good[:i] + c + good[i+1:]
				if bad == good {
					continue
				}
				w.refused(list.asking("limit=1&"+ownFilter(list)+"cursor="+bad), http.StatusBadRequest, httpapi.CodeMalformed)
			}
		}
		raw, err := base64.RawURLEncoding.DecodeString(good)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{
			good[:len(good)-1],
			good[:22], // nothing but a proof
			good[:len(good)/2],
			good + "A",
			good + "==",
			base64.RawURLEncoding.EncodeToString(raw[16:]), // without proof
			base64.RawURLEncoding.EncodeToString(append(make([]byte, 16), raw[16:]...)),
			base64.RawStdEncoding.EncodeToString(append([]byte{0xff, 0xff, 0xfe}, raw...)), // of another alphabet
			good[:5] + "%0A" + good[5:],
			strings.Repeat("A", 8000),
		} {
			w.refused(list.asking("limit=1&"+ownFilter(list)+"cursor="+bad), http.StatusBadRequest, httpapi.CodeMalformed)
		}
	}
}

// ownFilter is the filter of a list's query.
func ownFilter(list request) string {
	if strings.Contains(list.target, "state=") {
		return "state=confirmed&"
	}
	return ""
}

// A cursor is good for one list, one filter and one caller.
func TestACursorIsGoodForOneListOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lists := w.lists()
	other := w.books(alice, "other", "confirmed")
	lists["another history"] = read(alice, at(other)+"/events?limit=1")
	lists["waiting, filtered"] = read(sender, "/v1/dispatch/bookings?limit=1&state=confirmed")
	for from, list := range lists {
		cursor := *w.page(list).NextCursor
		for to, list := range lists {
			r := list.asking("limit=1&" + ownFilter(list) + "cursor=" + cursor)
			if from == to {
				w.page(r)
				continue
			}
			w.refused(r, http.StatusBadRequest, httpapi.CodeMalformed)
		}
		twin := elsewhere(list.caller) // a namesake who may read every booking, but not go on in this list
		twin.Roles = []string{httpapi.RoleDispatch, httpapi.RoleOps}
		stranger := caller("max", httpapi.RoleDispatch, httpapi.RoleOps)
		for _, by := range []*httpapi.Caller{twin, stranger} {
			w.refused(list.asking("limit=1&"+ownFilter(list)+"cursor="+cursor).from(by), http.StatusBadRequest, httpapi.CodeMalformed)
		}
	}
}

// The size of a page may change on the way, and the same page can be had again.
func TestACursorIsGoodForEveryLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, list := range w.lists() {
		cursor := *w.page(list).NextCursor
		for _, limit := range []string{"1", "100", "1"} {
			if p := w.page(list.asking(ownFilter(list) + "limit=" + limit + "&cursor=" + cursor)); len(p.Items) == 0 {
				t.Errorf("%s: no items after the cursor", name)
			}
		}
	}
}

// The parts of what a cursor is bound to cannot be shifted against each other.
func TestCallersOfCursorsNeverMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := caller("a\x00b"), caller("b")
	first.Issuer, second.Issuer = "https://i.example", "https://i.example\x00a"
	w.booksMany(2, first, "k", "requested")
	w.booksMany(2, second, "k", "requested")
	cursor := *w.page(read(first, "/v1/bookings?limit=1")).NextCursor
	w.refused(read(second, "/v1/bookings?limit=1&cursor="+cursor), http.StatusBadRequest, httpapi.CodeMalformed)
}

// Without the key, lists are there as far as they need none.
func TestTheKeyOfCursorsFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, list := range w.lists() {
		cursor := *w.page(list).NextCursor
		further := list.asking(ownFilter(list) + "limit=1&cursor=" + cursor)
		w.keyErr = errors.New("read secret arn:aws:secretsmanager:secret: throttled")
		w.fails(list, http.StatusServiceUnavailable, httpapi.CodeUnavailable)
		w.fails(further, http.StatusServiceUnavailable, httpapi.CodeUnavailable)
		w.page(list.asking(ownFilter(list) + "limit=100"))
		w.keyErr = nil
		w.page(further)
	}
}

// A key that could be guessed is a fault of the deployment, which repeating the
// request does not mend.
func TestAKeyOfCursorsThatIsTooShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.booksMany(2, alice, "k", "requested")
	w.api.CursorKey = func(context.Context) ([]byte, error) { return []byte("31 bytes of a secret, too short"), nil }
	w.fails(read(alice, "/v1/bookings?limit=1"), http.StatusInternalServerError, httpapi.CodeInternal)
}

// A place says nothing that the list itself does not.
func TestACursorHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, list := range w.lists() {
		raw, err := base64.RawURLEncoding.DecodeString(*w.page(list).NextCursor)
		if err != nil {
			t.Fatal(err)
		}
		place := string(raw[16:])
		_, id, timed := strings.Cut(place, "#")
		if name == "history" && place != "1" || name != "history" && (!timed || !booking.ID(id).Valid()) {
			t.Errorf("%s: a cursor at %q", name, place)
		}
	}
}
