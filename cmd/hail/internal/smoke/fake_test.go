package smoke

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/system"
)

// fake is the product itself, in memory and behind a gateway, with a place to break
// it: spoil sees every response before it is sent.
type fake struct {
	mu       sync.Mutex
	world    *system.World
	clock    time.Time
	spoil    func(*http.Request, *answer)
	payments func(id string, found []Payment) []Payment
	target   Target
	apiOnly  bool // nothing follows from a request
	// unnoticed tells that the provider tells nothing.
	unnoticed bool
}

type answer struct {
	status int
	header http.Header
	body   string
}

// Their claims are {"iss":"https://issuer.example","sub":…}.
const (
	riderToken    = "header.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoicmlkZXIifQ.0123456789"
	otherToken    = "header.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoib3RoZXIifQ.0123456789"
	dispatchToken = "header.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiZG9yYSJ9.0123456789"
	opsToken      = "header.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoib3R0byJ9.0123456789"
)

// callers are whom the gateway knows by their tokens.
var callers = map[string]httpapi.Caller{
	"Bearer " + riderToken:    {Caller: booking.Caller{Issuer: "https://issuer.example", Subject: "rider"}},
	"Bearer " + otherToken:    {Caller: booking.Caller{Issuer: "https://issuer.example", Subject: "other"}},
	"Bearer " + dispatchToken: {Caller: booking.Caller{Issuer: "https://issuer.example", Subject: "dora"}, Roles: []string{httpapi.RoleDispatch}},
	"Bearer " + opsToken:      {Caller: booking.Caller{Issuer: "https://issuer.example", Subject: "otto"}, Roles: []string{httpapi.RoleOps}},
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{
		clock:    time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		spoil:    func(*http.Request, *answer) {},
		payments: func(_ string, found []Payment) []Payment { return found },
	}
	var err error
	f.world, err = system.New(func() time.Time { return f.clock }, func() float64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.target = Target{
		API: server.URL, Rider: riderToken, OtherRider: otherToken, Dispatch: dispatchToken, Ops: opsToken,
		Patience: 30 * time.Millisecond, Ledger: f.ledger, View: f.view, RefundByHand: f.refundByHand,
		DeadLetters: func(context.Context) (map[string]int, error) { return map[string]int{"Queue": 0}, nil },
		Forged:      map[string]string{"that was made up": "header.eve.0123456789"},
	}
	return f
}

// ServeHTTP answers, and lets everything that follows from the request happen at once.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(10 * time.Millisecond)
	a := f.answer(r)
	f.spoil(r, &a)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if !f.apiOnly {
		if err := f.world.Settle(r.Context()); err != nil {
			a = answer{status: http.StatusTeapot, body: err.Error()}
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // the client notices
}

func (f *fake) answer(r *http.Request) answer {
	request := httpapi.Request{ID: "req-" + f.clock.Format(time.RFC3339Nano)}
	caller, known := callers[r.Header.Get("Authorization")]
	switch {
	case known:
		request.Caller = &caller
	case strings.HasPrefix(r.URL.Path, "/v1/") && !strings.HasPrefix(r.URL.Path, "/v1/webhooks/"):
		return answer{status: http.StatusUnauthorized, header: http.Header{}, body: `{"message":"Unauthorized"}`}
	}
	recorder := httptest.NewRecorder()
	f.world.API.ServeHTTP(recorder, r.WithContext(httpapi.WithRequest(r.Context(), request)))
	return answer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
}

func (f *fake) ledger(_ context.Context, id string) ([]Payment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []Payment
	for _, e := range f.world.Provider.Ledger() {
		if e.BookingID == id {
			found = append(found, Payment{Ref: e.Ref, Authorized: e.EverHeld, Captured: e.Captured, Currency: e.Currency, OpenHold: e.OpenHold})
		}
	}
	return f.payments(id, found), nil
}

// refundByHand gives money back, of which the provider tells.
func (f *fake) refundByHand(ctx context.Context, ref string, amount int64) error {
	f.mu.Lock()
	_, err := f.world.Provider.RefundByHand(ref, amount)
	f.mu.Unlock()
	if err != nil || f.unnoticed {
		return err
	}
	body := strings.NewReader(`{"Ref":"` + ref + `"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.target.API+"/v1/webhooks/stripe", body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (f *fake) view(ctx context.Context, id string) (int64, error) {
	v, _, err := f.world.Views.Get(ctx, booking.ID(id))
	return v.Version, err
}

// run returns the report of one run and the names of the checks that failed.
func (f *fake) run(t *testing.T) (report Report, failed []string, output string) {
	t.Helper()
	var out strings.Builder
	check := Run
	if f.apiOnly {
		check = RunAPI
	}
	report = check(t.Context(), f.target, &out)
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

// A fault changes some answers of the product.
type fault = func(*http.Request, *answer)

// at limits a fault to the answers to one method, or any, whose URL has the part.
func at(method, part string, spoil func(*answer)) fault {
	return func(r *http.Request, a *answer) {
		if (method == "" || r.Method == method) && strings.Contains(r.URL.String(), part) {
			spoil(a)
		}
	}
}

// by limits a fault to the answers to one caller.
func by(token string, spoil fault) fault {
	return func(r *http.Request, a *answer) {
		if r.Header.Get("Authorization") == "Bearer "+token {
			spoil(r, a)
		}
	}
}

func status(status int) func(*answer) { return func(a *answer) { a.status = status } }

func header(name, value string) func(*answer) { return func(a *answer) { a.header.Set(name, value) } }

// text replaces text wherever it stands.
func text(old, replacement string) func(*answer) {
	return func(a *answer) { a.body = strings.ReplaceAll(a.body, old, replacement) }
}

// member changes a member, by its path in dots, of every JSON object that has it.
func member(path string, value any) func(*answer) {
	return func(a *answer) {
		var object map[string]any
		if json.Unmarshal([]byte(a.body), &object) != nil {
			return
		}
		inner, names := object, strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			inner, _ = inner[name].(map[string]any)
		}
		last := names[len(names)-1]
		if _, ok := inner[last]; !ok {
			return
		}
		inner[last] = value
		text, err := json.Marshal(object)
		if err != nil {
			panic(err)
		}
		a.body = string(text)
	}
}

// accepted answers in place of a refusal.
func accepted(refusal int) func(*answer) {
	return func(a *answer) {
		if a.status == refusal {
			a.status, a.body = http.StatusOK, `{}`
		}
	}
}

// replays limits a fault to replays.
func replays(spoil func(*answer)) fault {
	return func(_ *http.Request, a *answer) {
		if a.header.Get("Idempotency-Replayed") != "" {
			spoil(a)
		}
	}
}

// foreign limits a fault to bookings that exist, apart from the id that the checks make up.
func foreign(spoil func(*answer)) fault {
	return func(r *http.Request, a *answer) {
		if strings.Contains(r.URL.Path, "/bk_") && !strings.Contains(r.URL.Path, "/bk_aaaa") {
			spoil(a)
		}
	}
}

// listOfAll shows every booking to everybody.
func listOfAll() fault {
	var all []string
	return func(r *http.Request, a *answer) {
		switch {
		case a.status == http.StatusCreated:
			all = append(all, a.body)
		case r.Method == http.MethodGet && r.URL.Path == "/v1/bookings":
			a.body = `{"items":[` + strings.Join(all, ",") + `],"next_cursor":null}`
			a.header.Del("Link")
		}
	}
}

func contains(names []string, part string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, part) })
}
