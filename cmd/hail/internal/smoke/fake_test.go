package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a deployment as the checks want it, with a place to break it: spoil sees
// every response before it is sent.
type fake struct {
	mu       sync.Mutex
	bookings map[string]*fakeBooking // by id
	keys     map[string]string       // id by rider and key
	spoil    func(*http.Request, *answer)
	payments func(id string, found []Payment) []Payment
	target   Target
}

type fakeBooking struct {
	rider, request, state, payment string
	version                        int
	held                           bool
	first                          string // body of the first answer
}

type answer struct {
	status int
	header http.Header
	body   string
}

const (
	riderToken = "header.rider.0123456789"
	otherToken = "header.other.0123456789"
)

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{
		bookings: make(map[string]*fakeBooking), keys: make(map[string]string),
		spoil:    func(*http.Request, *answer) {},
		payments: func(_ string, found []Payment) []Payment { return found },
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.target = Target{
		API: server.URL, Rider: riderToken, OtherRider: otherToken, Patience: 50 * time.Millisecond,
		Ledger:      f.ledger,
		View:        func(context.Context, string) (int64, error) { return 4, nil },
		DeadLetters: func(context.Context) (map[string]int, error) { return map[string]int{"Queue": 0}, nil },
	}
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	a := f.answer(r)
	f.spoil(r, &a)
	f.mu.Unlock()
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // the client notices
}

func (f *fake) answer(r *http.Request) answer {
	switch r.URL.Path {
	case "/health":
		return ok(`{"status": "ok"}`)
	case "/openapi.json":
		return ok(`{"openapi": "3.1.0"}`)
	}
	rider, known := map[string]string{"Bearer " + riderToken: "rider", "Bearer " + otherToken: "other"}[r.Header.Get("Authorization")]
	if !known {
		return answer{status: http.StatusUnauthorized, body: `{"message": "Unauthorized"}`}
	}
	if r.Method == http.MethodPost {
		return f.create(r, rider)
	}
	id, events := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/bookings/"), "/events")
	b := f.bookings[id]
	switch {
	case b == nil || b.rider != rider:
		return refused(http.StatusNotFound, "not-found", "")
	case events:
		return ok(`{"items": [{"version": 1, "type": "BookingRequested"}, {"version": 2, "type": "PaymentStarted"},
			{"version": 3, "type": "PaymentAuthorized"}, {"version": 4, "type": "BookingConfirmed"}]}`)
	case r.URL.Query().Get("min_version") == "1000000":
		return refused(http.StatusPreconditionFailed, "version-mismatch", "")
	}
	return ok(b.json(id))
}

func (f *fake) create(r *http.Request, rider string) answer {
	key := r.Header.Get("Idempotency-Key")
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return refused(http.StatusInternalServerError, "internal", "")
	}
	text := body.String()
	switch {
	case key == "":
		return refused(http.StatusBadRequest, "missing-idempotency-key", "")
	case strings.Contains(text, "pick_up"):
		return refused(http.StatusBadRequest, "malformed-request", "")
	case strings.Contains(text, "hovercraft"):
		return refused(http.StatusUnprocessableEntity, "validation-failed",
			`, "errors": [{"pointer": "/product", "detail": "x"}, {"pointer": "/pickup/lat", "detail": "x"}]`)
	}
	id, replay := f.keys[rider+key]
	if !replay {
		id = fmt.Sprintf("bk_%d", len(f.bookings)+1)
		b := &fakeBooking{rider: rider, request: text, state: "requested", payment: "pending", version: 1}
		b.first = b.json(id)
		b.state, b.payment, b.version, b.held = "confirmed", "authorized", 4, true
		if strings.Contains(text, "Declined") {
			b.state, b.payment, b.held = "canceled", "declined", false
		}
		f.keys[rider+key], f.bookings[id] = id, b
	}
	b := f.bookings[id]
	if b.request != text {
		return refused(http.StatusUnprocessableEntity, "idempotency-key-reused", "")
	}
	a := ok(b.first)
	a.status = http.StatusCreated
	a.header.Set("Location", "/v1/bookings/"+id)
	a.header.Set("ETag", `"1"`)
	if replay {
		a.header.Set("Idempotency-Replayed", "true")
	}
	return a
}

func (b *fakeBooking) json(id string) string {
	authorized := 0
	if b.held {
		authorized = 1250
	}
	cancellation := "null"
	if b.state == "canceled" {
		cancellation = `{"by": "payment", "reason": "payment_declined"}`
	}
	return fmt.Sprintf(`{"id": %q, "version": %d, "state": %q, "fare": {"amount": 1000, "currency": "EUR"},
		"payment": {"state": %q, "authorized": {"amount": %d, "currency": "EUR"}}, "cancellation": %s}`,
		id, b.version, b.state, b.payment, authorized, cancellation)
}

func (f *fake) ledger(_ context.Context, id string) ([]Payment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := Payment{Ref: "pi_" + id, Currency: "EUR"}
	if f.bookings[id].held {
		p.Authorized, p.OpenHold = 1250, true
	}
	return f.payments(id, []Payment{p}), nil
}

func ok(body string) answer {
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

func refused(status int, code, more string) answer {
	return answer{
		status: status, header: http.Header{"Content-Type": {"application/problem+json"}},
		body: fmt.Sprintf(`{"title": "T", "status": %d, "detail": "D", "code": %q, "instance": "%p"%s}`, status, code, &code, more),
	}
}

// run returns the report of one run and the names of the checks that failed.
func (f *fake) run(t *testing.T) (report Report, failed []string, output string) {
	t.Helper()
	var out strings.Builder
	report = Run(t.Context(), f.target, &out)
	for _, check := range report.Checks {
		if check.Error != "" {
			failed = append(failed, check.Name)
		}
	}
	if len(failed) != report.Failed || len(report.Checks) != report.Failed+report.Passed {
		t.Errorf("the report does not add up: %+v", report)
	}
	return report, failed, out.String()
}

// onJSON changes a member of every JSON object that is sent for the path.
func onJSON(method, part, member string, value any) func(*http.Request, *answer) {
	return func(r *http.Request, a *answer) {
		var object map[string]any
		if r.Method != method || !strings.Contains(r.URL.String(), part) || json.Unmarshal([]byte(a.body), &object) != nil {
			return
		}
		object[member] = value
		text, err := json.Marshal(object)
		if err != nil {
			panic(err)
		}
		a.body = string(text)
	}
}

func contains(names []string, part string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, part) })
}
