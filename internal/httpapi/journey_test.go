package httpapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// A journey takes a booking through a ride, one stage at a time.
var journey = []struct {
	stage string
	step  func(w *world, id booking.ID)
}{
	{"requested", func(*world, booking.ID) {}},
	{"confirmed", func(w *world, id booking.ID) { w.confirms(id) }},
	{"assigned", func(w *world, id booking.ID) {
		w.does(id, "assign", booking.Assign{At: w.now, DriverID: driverOf(id)})
	}},
	{"arrived", func(w *world, id booking.ID) { w.does(id, "arrive", booking.Arrive{At: w.now}) }},
	{"started", func(w *world, id booking.ID) { w.does(id, "start", booking.Start{At: w.now}) }},
	{"completed", func(w *world, id booking.ID) {
		w.does(id, "complete", booking.Complete{At: w.now, DistanceM: 3400, DurationS: 660})
	}},
	{"captured", func(w *world, id booking.ID) {
		w.does(id, "capture", booking.RecordCapture{At: w.now, Ref: ref, Amount: booking.Money{Amount: 1192, Currency: "EUR"}})
	}},
}

// driverOf is a driver whom no other booking needs.
func driverOf(id booking.ID) string { return "driver-" + string(id)[30:] }

// reaches takes a fresh booking to a stage of the journey.
func (w *world) reaches(id booking.ID, stage string) {
	w.Helper()
	for _, next := range journey {
		next.step(w, id)
		if next.stage == stage {
			return
		}
	}
	w.Fatalf("the journey has no stage %s", stage)
}

func waited(w *world, id booking.ID) {
	w.reaches(id, "arrived")
	w.now = w.now.Add(booking.NoShowAfter + time.Millisecond) // the API decides at whole milliseconds
}

func failed(w *world, id booking.ID) {
	w.reaches(id, "completed")
	w.does(id, "lost", booking.RecordAuthorizationLost{At: w.now, Ref: ref})
}

func reaching(stage string) func(*world, booking.ID) {
	return func(w *world, id booking.ID) { w.reaches(id, stage) }
}

// write is a route that changes a booking, and what it takes to be granted.
type write struct {
	verb string // empty for the creation
	by   *httpapi.Caller
	from func(w *world, id booking.ID)
	body string
	// other is a body that asks for something else; empty where there is none.
	other  string
	status int
	state  booking.Status
	event  string // the first event that follows from it
}

// writes are all routes that change a booking.
func writes() []write {
	return []write{
		{"", alice, nil, ride, with("visa", "amex"), 201, booking.Requested, booking.TypeBookingRequested},
		{"cancel", alice, reaching("confirmed"), `{"reason":"late"}`, `{"reason":"too late"}`, 200, booking.Canceled, booking.TypeBookingCanceled},
		{"assign", sender, reaching("confirmed"), `{"driver_id":"driver-42"}`, `{"driver_id":"driver-43"}`, 200, booking.HasDriver, booking.TypeDriverAssigned},
		{"unassign", sender, reaching("assigned"), ``, ``, 200, booking.Confirmed, booking.TypeDriverUnassigned},
		{"arrive", sender, reaching("assigned"), ``, ``, 200, booking.DriverIsThere, booking.TypeDriverArrived},
		{"start", sender, reaching("arrived"), ``, ``, 200, booking.InProgress, booking.TypeRideStarted},
		{"complete", sender, reaching("started"), `{"distance_m":3400,"duration_s":660}`, `{"distance_m":3400,"duration_s":661}`, 200, booking.Completed, booking.TypeRideCompleted},
		{"no-show", sender, waited, ``, ``, 200, booking.Canceled, booking.TypeBookingCanceled},
		{"refund", manager, reaching("captured"), `{"reason":"detour","amount":{"amount":300,"currency":"EUR"}}`, `{"reason":"detour"}`, 202, booking.Completed, booking.TypeRefundRequested},
		{"abort", manager, reaching("started"), `{"reason":"flood"}`, `{"reason":"flood","fee":{"amount":1,"currency":"EUR"}}`, 202, booking.Canceled, booking.TypeBookingCanceled},
		{"retry-payment", manager, failed, ``, ``, 202, booking.Completed, booking.TypePaymentRetried},
	}
}

func (wr write) name() string {
	if wr.verb == "" {
		return "create"
	}
	return wr.verb
}

// path is the route's pattern.
func (wr write) path() string {
	if wr.verb == "" {
		return "/v1/bookings"
	}
	return "/v1/bookings/{id}/" + wr.verb
}

// ready makes a booking of alice's for which the write will be granted. For the
// creation it is the one that will be made.
func (wr write) ready(w *world) booking.ID {
	w.Helper()
	if wr.verb == "" {
		return booking.IDFor(wr.by.Caller, "write")
	}
	return w.booked(wr.from)
}

// booked makes a booking of alice's and takes it somewhere. That bookings are made
// as the contract says is for other tests to check.
func (w *world) booked(to func(*world, booking.ID)) booking.ID {
	w.Helper()
	key := "booked-" + strconv.FormatInt(w.log.appends.Load(), 10)
	if a := w.sendTo(w.plain, book(alice, key, ride)); a.code != http.StatusCreated {
		w.Fatalf("%d %s", a.code, a.body)
	}
	id := booking.IDFor(alice.Caller, key)
	to(w, id)
	return id
}

// request is the write on a booking with a key.
func (wr write) request(id booking.ID, key string) request {
	if wr.verb == "" {
		return book(wr.by, key, wr.body)
	}
	return command(wr.by, id, wr.verb, key, wr.body)
}

// command is a POST of a command with an idempotency key.
func command(by *httpapi.Caller, id booking.ID, verb, key, body string) request {
	r := book(by, key, body)
	r.target = at(id) + "/" + verb
	if body == "" {
		r = r.with("Content-Type")
	}
	return r
}

// moves lets something happen to a booking that keeps every write that was granted
// from being granted again.
func (w *world) moves(id booking.ID) {
	w.Helper()
	out, err := w.bookings.Load(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	s := out.State
	switch {
	case !s.Status.Terminal():
		w.does(id, "moved", booking.Abort{At: w.now, Reason: "moved on"})
	case s.Payment.Status == booking.PaymentPending:
		w.does(id, "moved", booking.RecordPaymentStarted{At: w.now, Ref: "pi_secret_second", Group: s.Payment.Group})
	case s.Payment.Status == booking.PaymentIsAuthorized:
		w.does(id, "moved", booking.RecordCapture{At: w.now, Ref: ref, Amount: booking.Money{Amount: 500, Currency: "EUR"}})
	case s.Payment.Status == booking.PaymentIsCaptured:
		w.does(id, "moved", booking.RecordRefund{At: w.now, RefundID: "re_by_hand", Amount: booking.Money{Amount: s.Refundable(), Currency: "EUR"}})
	default:
		w.Fatalf("%s is %s and cannot move", id, s.Payment.Status)
	}
}

// forEachWrite runs a test for every route that changes a booking.
func forEachWrite(t *testing.T, test func(w *world, wr write)) {
	t.Helper()
	for _, wr := range writes() {
		t.Run(wr.name(), func(t *testing.T) {
			t.Parallel()
			test(newWorld(t), wr)
		})
	}
}

// A route that changes a booking and is not among the writes would escape the
// tests that are about all of them.
func TestTheWritesAreAllThatChangeABooking(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"POST /v1/quotes": true, "POST /v1/webhooks/stripe": true} // store nothing
	for _, wr := range writes() {
		known["POST "+wr.path()] = true
	}
	for route := range newWorld(t).api.Routes() {
		if strings.HasPrefix(route, http.MethodPost) != known[route] {
			t.Errorf("%s: among the writes %v", route, known[route])
		}
	}
}

const year = 365 * 24 * time.Hour
