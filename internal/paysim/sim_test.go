package paysim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

const apiKey = "sk_test_hailstone"

// sim is a running simulator with the official client, a clock that only the
// test moves, and waits that only the test ends.
type sim struct {
	t      *testing.T
	server *paysim.Server
	http   *httptest.Server
	client *stripe.Client
	clock  *clock
	log    *lockedBuffer
	// waits receives one release function per wait that began.
	waits chan func()
}

func newSim(t *testing.T) *sim {
	t.Helper()
	s := &sim{
		t: t, log: &lockedBuffer{}, waits: make(chan func(), 100),
		clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	}
	server, err := paysim.New(paysim.Config{
		Keys: []string{apiKey, "sk_test_other"}, Now: s.clock.Now, IDs: rand.NewPCG(1, 2),
		Log: slog.New(slog.NewJSONHandler(s.log, nil)),
		After: func(time.Duration) <-chan time.Time {
			over := make(chan time.Time)
			s.waits <- sync.OnceFunc(func() { close(over) })
			return over
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	s.http = httptest.NewServer(server)
	// On a kept connection net/http repeats a lost call by itself.
	s.http.Client().Transport.(*http.Transport).DisableKeepAlives = true
	s.client = s.newClient(apiKey)
	t.Cleanup(func() {
		server.Close()
		s.http.Close()
	})
	return s
}

func (s *sim) newClient(key string) *stripe.Client {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(s.http.URL),
		HTTPClient:        s.http.Client(),
		MaxNetworkRetries: stripe.Int64(0),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   stripe.Bool(false),
	})
	return stripe.NewClient(key, stripe.WithBackends(&stripe.Backends{API: backend}))
}

// answer is a response as it went over the wire.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (a answer) errorField(name string) any {
	e, _ := a.body["error"].(map[string]any)
	return e[name]
}

// post sends a form, given as key=value pairs. It returns the transport's error
// where there is no answer.
func (s *sim) post(path, key string, pairs ...string) (answer, error) {
	s.t.Helper()
	form := url.Values{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		form.Add(name, value)
	}
	return s.do(http.MethodPost, path, key, "application/x-www-form-urlencoded", form.Encode())
}

func (s *sim) do(method, path, key, contentType, body string) (answer, error) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", contentType)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			s.t.Fatalf("%s %s: not JSON: %v\n%s", method, path, err, raw)
		}
	}
	return a, nil
}

func (s *sim) mustPost(path, key string, pairs ...string) answer {
	s.t.Helper()
	a, err := s.post(path, key, pairs...)
	if err != nil {
		s.t.Fatalf("POST %s: %v", path, err)
	}
	return a
}

// order creates an intent with manual capture and returns its id.
func (s *sim) order(method string) string {
	s.t.Helper()
	a := s.mustPost("/v1/payment_intents", "", "amount=1500", "currency=eur", "capture_method=manual",
		"payment_method="+method, "payment_method_types[0]=card", "metadata[booking_id]=bk_1")
	if a.status != http.StatusOK {
		s.t.Fatalf("create: %d %s", a.status, a.raw)
	}
	id, _ := a.body["id"].(string)
	return id
}

// held creates an intent and confirms it.
func (s *sim) held() string {
	s.t.Helper()
	id := s.order("pm_card_visa")
	if a := s.mustPost("/v1/payment_intents/"+id+"/confirm", ""); a.status != http.StatusOK {
		s.t.Fatalf("confirm: %d %s", a.status, a.raw)
	}
	return id
}

func (s *sim) status(id string) string {
	s.t.Helper()
	a, err := s.do(http.MethodGet, "/v1/payment_intents/"+id, "", "", "")
	if err != nil || a.status != http.StatusOK {
		s.t.Fatalf("retrieve %s: %v %s", id, err, a.raw)
	}
	return a.body["status"].(string)
}

func (s *sim) faults(rules ...paysim.Rule) {
	s.t.Helper()
	if err := s.server.SetFaults(paysim.Plan{Seed: 7, Rules: rules}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) ledger(id string) paysim.LedgerPayment {
	s.t.Helper()
	for _, p := range s.server.Ledger().Payments {
		if p.Ref == id {
			return p
		}
	}
	s.t.Fatalf("%s is not in the ledger", id)
	return paysim.LedgerPayment{}
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func ptr[T any](v T) *T { return &v }
