package stripegateway_test

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// startStripeMock runs Stripe's own mock on a free port until the test ends. It
// checks requests against Stripe's description of its API, and remembers nothing. Its
// version is a newer one of the same release, whose changes are compatible.
func startStripeMock(t *testing.T) (baseURL string) {
	t.Helper()
	root, err := toolbox.FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	program, err := toolbox.New(root, toolbox.Silent).StripeMock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "http://" + address
		}
	}
	t.Fatalf("stripe-mock ended without listening: %v", lines.Err())
	return ""
}

// statuses notes how the mock answered.
type statuses struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (s *statuses) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.seen = append(s.seen, res.Status)
	}
	return res, err
}

func (s *statuses) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		return "no answer"
	}
	return s.seen[len(s.seen)-1]
}

// Every request of the gateway is one that Stripe describes, and the answers that
// Stripe describes are understood.
func TestStripeMockTakesEveryRequest(t *testing.T) {
	t.Parallel()
	baseURL := startStripeMock(t)
	seen := &statuses{next: http.DefaultTransport}
	g := newGateway(t, stripegateway.Config{BaseURL: baseURL, Transport: seen})
	for method, call := range methods {
		p, err := call(t.Context(), g)
		if err != nil || seen.last() != "200 OK" {
			t.Errorf("%s: %v, answered %s", method, err, seen.last())
		}
		if method != "create" && p.Ref != "pi_1" {
			t.Errorf("%s: the answer is about %s", method, p.Ref)
		}
	}
	// The mock's refunds and disputes are examples, of other payments than ours.
	for method, call := range others {
		err := call(t.Context(), g)
		if e := asError(t, err); seen.last() != "200 OK" || e.Outcome != resilience.Unknown || e.Code != "unreadable_response" {
			t.Errorf("%s: %v, answered %s, want an example that is not ours", method, err, seen.last())
		}
	}
}

// What Stripe does not describe is refused by its mock, so that the test above says
// something.
func TestStripeMockRefusesOtherRequests(t *testing.T) {
	t.Parallel()
	baseURL := startStripeMock(t)
	form := url.Values{"amount": {"2000"}, "currency": {"eur"}, "tip": {"200"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, baseURL+"/v1/payment_intents", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown parameter: %s", res.Status)
	}
}
