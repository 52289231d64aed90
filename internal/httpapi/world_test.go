package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/httpapitest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

var (
	start   = time.Date(2026, 11, 23, 9, 30, 0, 123_456_789, time.UTC)
	nobody  *httpapi.Caller
	alice   = caller("alice")
	bob     = caller("bob")
	sender  = caller("dora", httpapi.RoleDispatch)
	manager = caller("olga", httpapi.RoleOps)
	// namesake has the subject of alice at another issuer.
	namesake = elsewhere(alice)
)

// elsewhere returns a caller with the same subject and roles at another issuer.
func elsewhere(c *httpapi.Caller) *httpapi.Caller {
	other := *c
	other.Issuer = "https://other.example"
	return &other
}

func caller(subject string, roles ...string) *httpapi.Caller {
	return &httpapi.Caller{Caller: booking.Caller{Issuer: "https://issuer.example", Subject: subject}, Roles: roles}
}

// world is an API over stores in memory, whose every exchange is checked against
// the contract.
type world struct {
	testing.TB
	api      *httpapi.API
	now      time.Time
	log      *faultyLog
	views    *faultyViews
	keyErr   error // of the key of cursors
	payments resilience.State
	hints    *sent
	logged   *bytes.Buffer
	bookings *booking.Service
	contract *httpapitest.Contract
	handler  http.Handler
	plain    http.Handler // unchecked
}

func newWorld(t testing.TB) *world {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		TB: t, now: start, logged: &bytes.Buffer{}, contract: contract(t),
		log:   &faultyLog{Store: eventstest.NewMemory(events.NewStamp)},
		views: &faultyViews{Store: &readmodeltest.Memory{}},
		hints: &sent{},
	}
	w.bookings = &booking.Service{
		Store: w.log, Backoff: booking.RaceBackoff(func() float64 { return 0 }),
		Sleep: func(context.Context, time.Duration) error { return nil },
		Log:   slog.New(slog.NewTextHandler(w.logged, nil)),
	}
	w.api = &httpapi.API{
		Bookings: w.bookings, Views: w.views, Tariff: tariff, Now: func() time.Time { return w.now },
		Payments:  func(context.Context) resilience.State { return w.payments },
		CursorKey: func(context.Context) ([]byte, error) { return []byte("a key for the cursors of the tests"), w.keyErr },
		Notices:   httpapi.Notices{Parse: parseNotice, Hints: w.hints},
		Log:       w.bookings.Log.(*slog.Logger), Release: "1.2.3", Spec: hailstone.OpenAPI,
	}
	w.plain = w.api.Handler()
	w.handler = w.contract.Checked(t, w.plain)
	return w
}

// in returns the world as another test sees it.
func (w *world) in(t testing.TB) *world {
	t.Helper()
	there := *w
	there.TB, there.handler = t, w.contract.Checked(t, w.plain)
	return &there
}

func contract(t testing.TB) *httpapitest.Contract {
	t.Helper()
	c, err := httpapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A request is sent as it stands: send adds nothing.
type request struct {
	method, target string
	header         http.Header
	body           string
	caller         *httpapi.Caller
	id             string
}

const ride = `{"pickup":{"lat":52.52,"lng":13.405,"label":"Alexanderplatz"},"dropoff":{"lat":52.5251,"lng":13.3694,"label":"Hauptbahnhof"},` +
	`"product":"standard","payment_method":"pm_card_visa"}`

// book is a POST of a booking with an idempotency key.
func book(by *httpapi.Caller, key, body string) request {
	return request{
		method: http.MethodPost, target: "/v1/bookings", body: body, caller: by, id: "req-1",
		header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}},
	}
}

func read(by *httpapi.Caller, target string) request {
	return request{method: http.MethodGet, target: target, caller: by, id: "req-1", header: http.Header{}}
}

func (r request) with(name string, values ...string) request {
	r.header = r.header.Clone()
	r.header[http.CanonicalHeaderKey(name)] = values
	if len(values) == 0 {
		r.header.Del(name)
	}
	return r
}

type answer struct {
	code   int
	header http.Header
	body   string
}

func (w *world) http(r request) *http.Request {
	ctx := httpapi.WithRequest(w.Context(), httpapi.Request{ID: r.id, Caller: r.caller, Trace: events.Trace{CorrelationID: r.id}})
	out := httptest.NewRequestWithContext(ctx, r.method, "/", strings.NewReader(r.body))
	path, query, _ := strings.Cut(r.target, "?")
	out.URL.Path, out.URL.RawQuery, out.Header = path, query, r.header
	return out
}

func (w *world) send(r request) answer {
	w.Helper()
	return w.sendTo(w.handler, r)
}

func (w *world) sendTo(h http.Handler, r request) answer {
	w.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, w.http(r))
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

// must sends a request that succeeds and returns the booking of the answer.
func (w *world) must(r request, status int) (readmodel.View, answer) {
	w.Helper()
	a := w.send(r)
	if a.code != status {
		w.Fatalf("%s %s → %d %s, want %d", r.method, r.target, a.code, a.body, status)
	}
	v, err := readmodel.Decode([]byte(a.body))
	if err != nil {
		w.Fatalf("%s %s → %s: %v", r.method, r.target, a.body, err)
	}
	return v, a
}

// problem is what of a problem is for machines.
type problem struct {
	Status   int
	Code     string
	Detail   string
	Instance string
	Errors   []booking.FieldError
}

func (w *world) problem(a answer) problem {
	w.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		w.Fatalf("%d %s is %s, want a problem", a.code, a.body, got)
	}
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		w.Fatalf("%s: %v", a.body, err)
	}
	if p.Status != a.code {
		w.Errorf("the problem says %d, the status is %d", p.Status, a.code)
	}
	return p
}

// refused checks that a request is answered with a problem of that status and
// code, and returns it.
func (w *world) refused(r request, status int, code booking.Code) problem {
	w.Helper()
	a := w.send(r)
	p := w.problem(a)
	if a.code != status || p.Code != string(code) {
		w.Errorf("%s %s → %d %s, want %d %s", r.method, r.target, a.code, a.body, status, code)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		w.Errorf("a problem has Cache-Control %q, want no-store", got)
	}
	return p
}

// does carries out a command of the payment function.
func (w *world) does(id booking.ID, name string, c booking.Command) booking.Outcome {
	w.Helper()
	out, err := w.bookings.Execute(w.Context(), id, c, booking.Envelope{
		CommandID: "pf_" + name, Actor: booking.ActorPayment, At: w.now,
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

const ref = "pi_secret_reference"

// confirms takes a booking's payment to authorized.
func (w *world) confirms(id booking.ID) booking.Outcome {
	w.Helper()
	started := w.does(id, "started", booking.RecordPaymentStarted{At: w.now, Ref: ref, Group: 1})
	return w.does(id, "authorized", booking.RecordAuthorization{
		At: w.now, Ref: ref, Amount: started.State.Hold, CaptureBefore: w.now.Add(5 * 24 * time.Hour),
	})
}

// projects brings the view of a booking up to date.
func (w *world) projects(id booking.ID) {
	w.Helper()
	p := readmodel.Projector{Log: w.log, Views: w.views}
	if _, err := p.Project(w.Context(), id); err != nil {
		w.Fatal(err)
	}
}

// stores checks how many commits the stream of a booking has.
func (w *world) stores(id booking.ID, commits int) {
	w.Helper()
	h, err := w.log.Store.Load(w.Context(), id.Stream())
	if err != nil || len(h.Commits()) != commits {
		w.Errorf("%s has %d commits (%v), want %d", id, len(h.Commits()), err, commits)
	}
}
