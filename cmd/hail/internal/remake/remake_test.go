package remake_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/remake"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// service is a stack that answers as told.
type service struct {
	mu       sync.Mutex
	bookings int
	started  bool // a rebuild
	looks    int  // at the state, since it was
	audit    bool
	refuse   int // audits, because another is under way

	bookStatus, readStatus int    // during the rebuild; 0: as it should be
	list                   string // of the rider
	end                    rebuild.State
	dead                   int
	rebuildErr             error
}

func newService() *service {
	return &service{list: `{"items":[{"id":"bk_1"}]}`, end: rebuild.State{
		Projections: readmodel.Projections{Active: 2},
		Rebuild:     &rebuild.Rebuild{Phase: rebuild.Done, Built: rebuild.Counts{Streams: 8}},
		Audit:       &rebuild.Audit{Phase: rebuild.Done, Counts: rebuild.Counts{Streams: 8}},
	}}
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(troubled, healthy int, body string) {
		if s.started && troubled != 0 {
			healthy = troubled
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(healthy)
		fmt.Fprint(w, body)
	}
	switch {
	case r.Method == http.MethodPost:
		s.bookings++
		answer(s.bookStatus, http.StatusCreated, fmt.Sprintf(`{"id":"bk_%d"}`, s.bookings))
	case r.URL.Path == "/v1/bookings":
		answer(s.readStatus, http.StatusOK, s.list)
	default:
		answer(s.readStatus, http.StatusOK, fmt.Sprintf(`{"id":%q}`, strings.TrimPrefix(r.URL.Path, "/v1/bookings/")))
	}
}

func (s *service) state(context.Context) (rebuild.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if !s.started || s.looks < 20 && !s.audit {
		return rebuild.State{Projections: readmodel.Projections{Active: 1}, Rebuild: &rebuild.Rebuild{Phase: rebuild.Scanning}}, nil
	}
	return s.end, nil
}

func (s *service) run(t *testing.T) (remake.Report, string) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	var out strings.Builder
	report, err := remake.Run(t.Context(), remake.Options{
		API: server.URL, Rider: "token", Bookings: 8, Clients: 2, Rest: time.Millisecond, Look: 5 * time.Millisecond, Patience: 2 * time.Second,
		Rebuild: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.started, s.looks = true, 0
			return s.rebuildErr
		},
		Audit: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.refuse > 0 {
				s.refuse--
				return fmt.Errorf("%w: an audit is checking", rebuild.ErrRefused)
			}
			s.audit = true
			return nil
		},
		State:       s.state,
		DeadLetters: func(context.Context) (map[string]int, error) { return map[string]int{"rebuild": s.dead}, nil },
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return report, out.String()
}

func TestAHealthyStackPasses(t *testing.T) {
	t.Parallel()
	s := newService()
	report, out := s.run(t)
	if report.Failed != 0 || report.Passed != 5 || report.Booked == 0 || report.Looked == 0 {
		t.Errorf("%+v\n%s", report, out)
	}
	for _, phase := range []string{"scanning", "done"} {
		if !strings.Contains(out, phase) {
			t.Errorf("phase %s is not told:\n%s", phase, out)
		}
	}
}

// The sweeper makes an audit of its own on a new stack: it is waited for.
func TestTheAuditWaitsForAnother(t *testing.T) {
	t.Parallel()
	s := newService()
	s.refuse = 1
	if report, out := s.run(t); report.Failed != 0 || !s.audit {
		t.Errorf("%d failed\n%s", report.Failed, out)
	}
	s = newService()
	s.refuse = 2
	if report, out := s.run(t); report.Failed != 1 || !strings.Contains(out, "an audit is checking") {
		t.Errorf("%d failed\n%s", report.Failed, out)
	}
}

func TestWhatGoesWrongIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*service)
		want  string
	}{
		"a booking fails":            {func(s *service) { s.bookStatus = http.StatusServiceUnavailable }, "book: "},
		"a read fails":               {func(s *service) { s.readStatus = http.StatusServiceUnavailable }, "look: "},
		"the list is empty":          {func(s *service) { s.list = `{"items":[]}` }, "the rider's list is empty"},
		"it is refused":              {func(s *service) { s.rebuildErr = errors.New("an audit is checking") }, "an audit is checking"},
		"it kept differing":          {func(s *service) { s.end.Active, s.end.Rebuild.Phase = 1, rebuild.Refused }, "as before"},
		"it was given up":            {func(s *service) { s.end.Active, s.end.Rebuild.Aborted = 1, true }, "as before"},
		"bookings are missing in it": {func(s *service) { s.end.Rebuild.Built.Streams = 7 }, "7 bookings are in it"},
		"a view differs": {func(s *service) {
			s.end.Audit.Counts.Differences, s.end.Audit.Findings = 1, []rebuild.Finding{{Kind: rebuild.Missing, Booking: "bk_3"}}
		}, "bk_3"},
		"a dead letter":   {func(s *service) { s.dead = 1 }, "1 of rebuild"},
		"it never ends":   {func(s *service) { s.end.Rebuild.Phase = rebuild.Checking }, "did not end in time"},
		"the audit hangs": {func(s *service) { s.end.Audit.Phase = rebuild.Checking }, "did not end in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService()
			test.spoil(s)
			report, out := s.run(t)
			if report.Failed == 0 || !strings.Contains(out, test.want) {
				t.Errorf("%d failed; want %q in\n%s", report.Failed, test.want, out)
			}
		})
	}
}
