package httpapi_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

func TestABookingIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, a := w.must(book(alice, "k1", ride), http.StatusCreated)

	id := booking.IDFor(alice.Caller, "k1")
	at := time.Date(2026, 11, 23, 9, 30, 0, 123_000_000, time.UTC)
	zero := booking.Money{Currency: "EUR"}
	want := readmodel.View{
		ID: id, Version: 1, State: booking.Requested, RiderID: alice.RiderID(), Product: "standard",
		Pickup:  booking.Place{Lat: 52.52, Lng: 13.405, Label: "Alexanderplatz"},
		Dropoff: booking.Place{Lat: 52.5251, Lng: 13.3694, Label: "Hauptbahnhof"},
		Fare:    w.api.Tariff.Quote("standard", v.Pickup, v.Dropoff).Fare,
		Payment: readmodel.Payment{State: booking.PaymentPending, Authorized: zero, Captured: zero, Refunded: zero},
		// As precise as it is stored.
		RequestedAt: at, UpdatedAt: at,
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("the booking (-want +got):\n%s", diff)
	}
	header := http.Header{
		"Content-Type": {"application/json"}, "Cache-Control": {"no-store"},
		"Location": {"/v1/bookings/" + string(id)}, "Etag": {`"1"`},
	}
	if diff := cmp.Diff(header, a.header); diff != "" {
		t.Errorf("the header (-want +got):\n%s", diff)
	}
	w.stores(id, 1)
	if again := w.send(read(alice, a.header.Get("Location"))); again.body != a.body {
		t.Errorf("at its Location is %s, want %s", again.body, a.body)
	}
}

func TestTheCommitSaysWhoAskedAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	h, err := w.log.Load(t.Context(), v.ID.Stream())
	if err != nil {
		t.Fatal(err)
	}
	c := h.Commits()[0]
	if c.Actor != "rider" || c.Trace.CorrelationID != "req-1" || c.CommandID != booking.CreateCommandID {
		t.Errorf("the commit is by %s, of %+v, as %s", c.Actor, c.Trace, c.CommandID)
	}
	for _, e := range c.Events {
		if strings.Contains(string(e.Data), "52.52") || strings.Contains(string(e.Data), "pm_card") {
			t.Errorf("personal data is in the event: %s", e.Data)
		}
	}
}

func TestARepeatGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]request{
		"word for word":        book(alice, "k1", ride),
		"with a quoted key":    book(alice, `"k1"`, ride),
		"with blanks":          book(alice, "k1", strings.NewReplacer(":", " :\n\t", ",", " , ").Replace(ride)),
		"in another order":     book(alice, "k1", `{"payment_method":"pm_card_visa","product":"standard","dropoff":{"label":"Hauptbahnhof","lng":13.3694,"lat":52.5251},"pickup":{"label":"Alexanderplatz","lng":13.405,"lat":52.52}}`),
		"with escapes":         book(alice, "k1", strings.Replace(ride, "Alexanderplatz", `\u0041lexanderplatz`, 1)),
		"with other numerals":  book(alice, "k1", strings.Replace(ride, "52.52,", "5.2520e1,", 1)),
		"with a charset":       book(alice, "k1", ride).with("Content-Type", "application/json; charset=UTF-8"),
		"named otherwise":      book(alice, "k1", ride).with("Content-Type", "application/json; charset=utf8"),
		"in ASCII":             book(alice, "k1", ride).with("Content-Type", `Application/JSON;charset="us-ascii"`),
		"with a parameter":     book(alice, "k1", ride).with("Content-Type", `application/json; profile="a,b"`),
		"not compressed":       book(alice, "k1", ride).with("Content-Encoding", "Identity"),
		"as another request":   {method: http.MethodPost, target: "/v1/bookings", header: book(alice, "k1", "").header, body: ride, caller: alice, id: "req-2"},
		"as another role":      book(caller("alice", httpapi.RoleOps), "k1", ride),
		"in an upper-case way": book(alice, "k1", ride).with("Content-Type", "Application/JSON"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v, first := w.must(book(alice, "k1", ride), http.StatusCreated)
			if first.header.Get("Idempotency-Replayed") != "" {
				t.Error("the first answer claims to be a replay")
			}
			w.now = w.now.Add(5 * 365 * 24 * time.Hour)
			again := w.send(r)
			first.header.Set("Idempotency-Replayed", "true")
			if diff := cmp.Diff(first, again, cmp.AllowUnexported(answer{})); diff != "" {
				t.Errorf("the second answer (-first +second):\n%s", diff)
			}
			w.stores(v.ID, 1)
		})
	}
}

func TestARepeatGetsTheFirstAnswerWhateverHappenedSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, first := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.confirms(v.ID)
	w.projects(v.ID)
	_, again := w.must(book(alice, "k1", ride), http.StatusCreated)
	if again.body != first.body || again.header.Get("Etag") != `"1"` {
		t.Errorf("the repeat got %s %s, want %s", again.header.Get("Etag"), again.body, first.body)
	}
}

// What would be refused today was granted once, and stays granted.
func TestARepeatOutlivesTheTariff(t *testing.T) {
	t.Parallel()
	expected := strings.Replace(ride, "{", `{"expected_fare":{"amount":941,"currency":"EUR"},`, 1)
	for name, change := range map[string]func(*booking.Tariff){
		"the fare is another one now": func(tariff *booking.Tariff) {
			tariff.Products = map[string]booking.Product{"standard": {Base: 9000, Minimum: 9000}}
		},
		"the product is gone": func(tariff *booking.Tariff) {
			tariff.Products = map[string]booking.Product{"bicycle": {Minimum: 100}}
		},
		"the way is too far now": func(tariff *booking.Tariff) { tariff.MaxDistance = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			body := strings.Replace(expected, "941", itoa(w.fare()), 1)
			v, first := w.must(book(alice, "k1", body), http.StatusCreated)

			change(&w.api.Tariff)
			if fresh := w.send(book(alice, "k2", body)); fresh.code < 400 {
				t.Fatalf("today the request is answered with %d: the change changes nothing", fresh.code)
			}
			_, again := w.must(book(alice, "k1", body), http.StatusCreated)
			if again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("the repeat got %v %s, want %s", again.header, again.body, first.body)
			}
			w.refused(book(alice, "k1", strings.Replace(body, "visa", "amex", 1)), http.StatusUnprocessableEntity, booking.CodeKeyReused)
			w.stores(v.ID, 1)
		})
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// fare is what the ride costs now.
func (w *world) fare() int64 {
	return w.api.Tariff.Quote("standard", booking.Place{Lat: 52.52, Lng: 13.405}, booking.Place{Lat: 52.5251, Lng: 13.3694}).Fare.Amount
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another place":      strings.Replace(ride, "52.52,", "52.53,", 1),
		"another label":      strings.Replace(ride, "Alexanderplatz", "alexanderplatz", 1),
		"another product":    strings.Replace(ride, "standard", "xl", 1),
		"another card":       strings.Replace(ride, "visa", "amex", 1),
		"with expected fare": strings.Replace(ride, "{", `{"expected_fare":{"amount":1,"currency":"EUR"},`, 1),
		"an unknown product": strings.Replace(ride, "standard", "tank", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
			w.confirms(v.ID)
			w.refused(book(alice, "k1", body), http.StatusUnprocessableEntity, booking.CodeKeyReused)
			w.stores(v.ID, 3)
		})
	}
}

func TestCallersNeverMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := map[booking.ID]bool{}
	for _, c := range []*httpapi.Caller{alice, bob, namesake} {
		v, a := w.must(book(c, "k1", ride), http.StatusCreated)
		if seen[v.ID] || a.header.Get("Idempotency-Replayed") != "" || v.RiderID != c.RiderID() {
			t.Errorf("%s got %s of %s", c.Subject, v.ID, v.RiderID)
		}
		seen[v.ID] = true
	}
}

func TestTheExpectedFareGuardsAgainstAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expecting := func(amount int64, currency string) string {
		return strings.Replace(ride, "{", `{"expected_fare":{"amount":`+itoa(amount)+`,"currency":"`+currency+`"},`, 1)
	}
	w.must(book(alice, "right", expecting(w.fare(), "EUR")), http.StatusCreated)

	p := w.refused(book(alice, "wrong", expecting(w.fare()+1, "EUR")), http.StatusConflict, booking.CodeFareChanged)
	if want := "The fare is " + itoa(w.fare()) + " EUR now."; p.Detail != want {
		t.Errorf("the detail is %q, want %q", p.Detail, want)
	}
	w.refused(book(alice, "wrong", expecting(w.fare(), "USD")), http.StatusConflict, booking.CodeFareChanged)
	w.stores(booking.IDFor(alice.Caller, "wrong"), 0)

	// The key of a refused request is still free.
	w.must(book(alice, "wrong", expecting(w.fare(), "EUR")), http.StatusCreated)
}

// The response to the first attempt was lost. The client repeats, and learns
// what became of it.
func TestAnUnknownOutcomeIsLearnedByRepeating(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.lost = true
	w.refused(book(alice, "k1", ride), http.StatusServiceUnavailable, httpapi.CodeUnavailable)
	w.log.lost = false
	v, a := w.must(book(alice, "k1", ride), http.StatusCreated)
	if a.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the answer does not say that it is a replay")
	}
	w.stores(v.ID, 1)
}

func TestALostRaceOnACreateIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.appendErr = errors.Join(events.ErrConflict)
	w.refused(book(alice, "k1", ride), http.StatusServiceUnavailable, httpapi.CodeUnavailable)
}
