package outage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/paysim"
)

// service is a service and its provider in one, and each of them can go wrong.
type service struct {
	mu       sync.Mutex
	provider Behaviour
	bookings []string
	waiting  map[string]bool
	calls    int

	// What goes wrong.
	refuses  int // the n-th booking
	stalls   bool
	blind    bool // its health is always ok
	forgets  bool // no item is written
	twice    bool // two items are written
	stuck    bool // nothing is brought back
	hammers  bool // every booking calls the provider again and again
	holds    int  // for each booking
	inFlight int
	dead     int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	switch id, isBooking := strings.CutPrefix(r.URL.Path, "/v1/bookings/"); {
	case r.Method == http.MethodPost:
		s.book(answer)
	case isBooking && s.waiting[id]:
		answer(http.StatusOK, map[string]any{"id": id, "state": "requested", "payment": map[string]string{"state": "pending"}})
	case isBooking:
		answer(http.StatusOK, map[string]any{"id": id, "state": api.Confirmed, "payment": map[string]string{"state": "authorized"}})
	case r.URL.Path == "/health" && s.provider != Well && !s.blind:
		answer(http.StatusOK, map[string]string{"status": "degraded", "payments": "open"})
	case r.URL.Path == "/health":
		answer(http.StatusOK, map[string]string{"status": "ok", "payments": "closed"})
	case r.URL.Path == "/_control/faults":
		s.behaves(r)
		answer(http.StatusOK, map[string]any{})
	case r.URL.Path == "/_control/stats":
		answer(http.StatusOK, paysim.Stats{Calls: map[paysim.Op]int{paysim.OpCreate: s.calls}, MaxInFlight: s.inFlight})
	case r.URL.Path == "/_control/ledger":
		answer(http.StatusOK, s.ledger())
	}
}

func (s *service) book(answer func(int, any)) {
	id := fmt.Sprintf("bk_%d", len(s.bookings)+1)
	if s.provider != Well && s.stalls {
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // what is measured is real time
	}
	if len(s.bookings)+1 == s.refuses {
		s.refuses = 0
		answer(http.StatusServiceUnavailable, map[string]string{"code": "unavailable"})
		return
	}
	s.bookings = append(s.bookings, id)
	s.calls++
	if s.provider != Well {
		s.waiting[id] = true
		if s.hammers {
			s.calls += 100
		}
	}
	answer(http.StatusCreated, map[string]string{"id": id})
}

func (s *service) behaves(r *http.Request) {
	var plan paysim.Plan
	_ = json.NewDecoder(r.Body).Decode(&plan)
	s.provider = Well
	if len(plan.Rules) > 0 {
		s.provider = Down
		s.calls = 0
	} else if !s.stuck {
		clear(s.waiting)
	}
}

func (s *service) ledger() paysim.Ledger {
	var l paysim.Ledger
	for _, id := range s.bookings {
		for range s.holds {
			l.Payments = append(l.Payments, paysim.LedgerPayment{BookingID: id, Authorized: 100})
		}
	}
	return l
}

func (s *service) items(context.Context) (bookings []string, messages int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.waiting {
		if !s.forgets {
			bookings = append(bookings, id)
		}
		if s.twice {
			bookings = append(bookings, id)
		}
	}
	return bookings, 0, nil
}

// Everything that goes wrong fails a check that says so, and nothing else does.
func TestWhatGoesWrongIsFound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(*service)
		found string // in the name of the one check that fails; empty for none
	}{
		"nothing":                    {func(*service) {}, ""},
		"a booking is refused":       {func(s *service) { s.refuses = 30 }, "every booking is accepted"},
		"bookings get slow":          {func(s *service) { s.stalls = true }, "of the healthy phases"},
		"nobody is told":             {func(s *service) { s.blind = true }, "/health"},
		"a payment is forgotten":     {func(s *service) { s.forgets = true }, "in one item"},
		"a payment waits twice":      {func(s *service) { s.twice = true }, "in one item"},
		"nothing is brought back":    {func(s *service) { s.stuck = true }, "are confirmed"},
		"the provider is hammered":   {func(s *service) { s.hammers = true }, "bounded by the breaker"},
		"a rider pays twice":         {func(s *service) { s.holds = 2 }, "money once"},
		"nobody pays":                {func(s *service) { s.holds = 0 }, "money once"},
		"there is no bulkhead":       {func(s *service) { s.inFlight = 6 }, "calls at once"},
		"a message is a dead letter": {func(s *service) { s.dead = 1 }, "dead-letter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &service{waiting: map[string]bool{}, provider: Well, holds: 1, inFlight: 5}
			tc.spoil(s)
			server := httptest.NewServer(s)
			defer server.Close()
			var out strings.Builder
			report, err := Run(t.Context(), Options{
				API: server.URL, Provider: Provider{URL: server.URL}, Waiting: s.items,
				DeadLetters: func(context.Context) (map[string]int, error) { return map[string]int{"q": s.dead}, nil },
				Bookings:    20, Clients: 2, Patience: time.Millisecond, Bulkhead: 5,
			}, &out)
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, check := range report.Checks {
				// Answers within a millisecond have no ratio that means anything.
				if check.Error != "" && (tc.found == "of the healthy phases" || !strings.Contains(check.Name, "of the healthy phases")) {
					failed = append(failed, check.Name)
				}
			}
			if tc.found == "" && len(failed) > 0 || tc.found != "" && !slices.ContainsFunc(failed, func(f string) bool { return strings.Contains(f, tc.found) }) {
				t.Errorf("failed are %q, want one with %q\n%s", failed, tc.found, &out)
			}
		})
	}
}

func TestARunThatIsCutOffLeavesTheProviderWell(t *testing.T) {
	t.Parallel()
	s := &service{waiting: map[string]bool{}, provider: Well, holds: 1}
	server := httptest.NewServer(s)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	_, err := Run(ctx, Options{
		API: server.URL, Provider: Provider{URL: server.URL}, Bookings: 5, Clients: 1,
		Waiting: func(context.Context) ([]string, int, error) { cancel(); return nil, 0, errors.New("away") },
	}, &out)
	if s.provider != Well || err == nil {
		t.Errorf("the provider is %s, the error %v", s.provider, err)
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var values []time.Duration
	for i := 100; i >= 1; i-- {
		values = append(values, time.Duration(i))
	}
	for p, want := range map[int]time.Duration{50: 50, 99: 99, 100: 100} {
		if got := percentile(values, p); got != want {
			t.Errorf("p%d of 1 to 100 is %d, want %d", p, got, want)
		}
	}
	if percentile(nil, 50) != 0 || percentile(values[:1], 99) != 100 {
		t.Error("of none it is 0, of one it is that one")
	}
}
