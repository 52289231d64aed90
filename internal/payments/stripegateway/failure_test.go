package stripegateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func asError(t *testing.T, err error) *payments.Error {
	t.Helper()
	var e *payments.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is not a *payments.Error", err)
	}
	return e
}

// Every answer that is not a success, for every method, and its class.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const secret = "Ada Lovelace 4242424242424242"
	stripeError := func(typ, code string) string {
		return fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":%q,"decline_code":"lost_card",
			"payment_intent":{"id":"pi_1","client_secret":%q}}}`, typ, code, secret, secret)
	}
	for _, tc := range []struct {
		name   string
		status int
		body   string
		class  resilience.Class
		code   string
	}{
		{"declined", 402, stripeError("card_error", "card_declined"), resilience.Declined, "card_declined"},
		{"expired", 402, stripeError("card_error", "expired_card"), resilience.Declined, "expired_card"},
		{"wants action", 402, stripeError("card_error", "authentication_required"), resilience.Declined, "authentication_required"},
		{"wants action, as an error of the request", 400, stripeError("invalid_request_error", "payment_intent_action_required"), resilience.Declined, "payment_intent_action_required"},
		{"402 of another kind", 402, stripeError("invalid_request_error", ""), resilience.Unknown, "invalid_request_error"},
		{"rate limit", 429, stripeError("invalid_request_error", "rate_limit"), resilience.Transient, "rate_limit"},
		{"rate limit of a proxy", 429, secret, resilience.Transient, "http_429"},
		{"object locked", 429, stripeError("invalid_request_error", "lock_timeout"), resilience.Unknown, "lock_timeout"},
		{"key in use", 409, stripeError("idempotency_error", "idempotency_key_in_use"), resilience.Unknown, "idempotency_key_in_use"},
		{"conflict", 409, stripeError("invalid_request_error", ""), resilience.Unknown, "invalid_request_error"},
		{"unexpected state", 400, stripeError("invalid_request_error", "payment_intent_unexpected_state"), resilience.Unknown, "payment_intent_unexpected_state"},
		{"intent's state", 400, stripeError("invalid_request_error", "intent_invalid_state"), resilience.Unknown, "intent_invalid_state"},
		{"captured already", 400, stripeError("invalid_request_error", "charge_already_captured"), resilience.Unknown, "charge_already_captured"},
		{"hold expired", 400, stripeError("invalid_request_error", "charge_expired_for_capture"), resilience.Unknown, "charge_expired_for_capture"},
		{"authorization expired", 400, stripeError("invalid_request_error", "capture_charge_authorization_expired"), resilience.Unknown, "capture_charge_authorization_expired"},
		{"outage", 500, stripeError("api_error", ""), resilience.Unknown, "api_error"},
		{"bad gateway", 502, "<html>" + secret, resilience.Unknown, "http_502"},
		{"unavailable", 503, `{"message":"` + secret + `"}`, resilience.Unknown, "http_503"},
		{"unavailable, empty", 503, "", resilience.Unknown, "http_503"},
		{"dependency failed", 424, stripeError("api_error", ""), resilience.Unknown, "api_error"},
		{"request timeout", 408, "", resilience.Unknown, "http_408"},
		{"too early", 425, "", resilience.Unknown, "http_425"},
		{"unknown method", 400, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"payment_method"}}`, resilience.Declined, "resource_missing"},
		{"used method", 400, `{"error":{"type":"invalid_request_error","param":"payment_method"}}`, resilience.Declined, "invalid_request_error"},
		{"bad parameter", 400, stripeError("invalid_request_error", "parameter_unknown"), resilience.Permanent, "parameter_unknown"},
		{"no code", 400, stripeError("invalid_request_error", ""), resilience.Permanent, "invalid_request_error"},
		{"key of another request", 400, stripeError("idempotency_error", ""), resilience.Permanent, "idempotency_error"},
		{"key revoked", 401, stripeError("invalid_request_error", "api_key_expired"), resilience.Permanent, "api_key_expired"},
		{"forbidden", 403, stripeError("invalid_request_error", ""), resilience.Permanent, "invalid_request_error"},
		{"no such object", 404, stripeError("invalid_request_error", "resource_missing"), resilience.Permanent, "resource_missing"},
		{"not found by a proxy", 404, "<html>" + secret, resilience.Permanent, "http_404"},
		{"redirected", 307, "", resilience.Unknown, "unreadable_response"},
		{"code with a text", 400, stripeError("invalid_request_error", secret), resilience.Permanent, "unrecognized"},
		{"type with a text", 400, stripeError(secret, ""), resilience.Permanent, "unrecognized"},
		{"not JSON", 200, "<html>" + secret, resilience.Unknown, "unreadable_response"},
		{"empty", 200, "", resilience.Unknown, "unreadable_response"},
		{"null", 200, "null", resilience.Unknown, "unreadable_response"},
		{"another object", 200, `{"id":"` + secret + `","object":"payment_intent","status":"canceled","currency":"eur","amount":1}`, resilience.Unknown, "unreadable_response"},
		{"another type", 200, `{"id":"pi_1","object":"setup_intent","status":"canceled","currency":"eur","amount":1}`, resilience.Unknown, "unreadable_response"},
		{"no type", 200, `{"id":"pi_1","status":"canceled","currency":"eur","amount":1}`, resilience.Unknown, "unreadable_response"},
		{"a hold of nothing", 200, `{"id":"pi_1","object":"payment_intent","status":"requires_capture","currency":"eur","amount":2}`, resilience.Unknown, "unreadable_response"},
		{"a hold of less than nothing", 200, `{"id":"pi_1","object":"payment_intent","status":"requires_capture","currency":"eur","amount":2,"amount_capturable":-2}`, resilience.Unknown, "unreadable_response"},
		{"a hold of more", 200, `{"id":"pi_1","object":"payment_intent","status":"requires_capture","currency":"eur","amount":2,"amount_capturable":3}`, resilience.Unknown, "unreadable_response"},
		{"a capture of nothing", 200, `{"id":"pi_1","object":"payment_intent","status":"succeeded","currency":"eur","amount":2}`, resilience.Unknown, "unreadable_response"},
		{"a capture of more", 200, `{"id":"pi_1","object":"payment_intent","status":"succeeded","currency":"eur","amount":2,"amount_received":3}`, resilience.Unknown, "unreadable_response"},
		{"unknown state", 200, `{"id":"pi_1","object":"payment_intent","status":"` + secret + `","currency":"eur","amount":1}`, resilience.Unknown, "unreadable_response"},
		{"no amount", 200, `{"id":"pi_1","object":"payment_intent","status":"canceled","currency":"eur"}`, resilience.Unknown, "unreadable_response"},
		{"no currency", 200, `{"id":"pi_1","object":"payment_intent","status":"canceled","amount":1}`, resilience.Unknown, "unreadable_response"},
		{"endless", 200, `{"id":"pi_1","object":"payment_intent","status":"canceled","amount":1,"currency":"eur","x":"` + strings.Repeat("x", 2<<20) + `"}`, resilience.Unknown, "unreadable_response"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var received atomic.Int64
			g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				received.Add(1)
				w.Header().Set("Request-Id", "req_1")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			for method, call := range calls() {
				err := call(t.Context(), g)
				e := asError(t, err)
				if e.Outcome != tc.class || e.Code != tc.code || e.Replayed || e.RetryAfter != 0 {
					t.Errorf("%s: %+v, want %s (%s)", method, e, tc.code, tc.class)
				}
				text := err.Error()
				for _, part := range strings.Fields(secret) {
					if strings.Contains(text, part) {
						t.Errorf("%s: the error holds text of the answer: %s", method, text)
					}
				}
				if !strings.Contains(text, method) || !strings.Contains(text, "req_1") || !strings.Contains(text, fmt.Sprint(tc.status)) {
					t.Errorf("%s: the error does not tell method, request and status: %s", method, text)
				}
			}
			if n := received.Load(); n != int64(len(calls())) {
				t.Errorf("%d calls for %d methods", n, len(calls()))
			}
		})
	}
}

func TestAnotherObjectIsNotTaken(t *testing.T) {
	t.Parallel()
	g := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, created) })
	_, err := g.Retrieve(t.Context(), "pi_2")
	if e := asError(t, err); e.Outcome != resilience.Unknown || e.Code != "unreadable_response" {
		t.Errorf("%v", err)
	}
}

func TestConfirmThatWaitsForItsOwnerIsDeclined(t *testing.T) {
	t.Parallel()
	g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Idempotent-Replayed", "true")
		_, _ = io.WriteString(w, strings.Replace(created, "requires_confirmation", "requires_action", 1))
	})
	_, err := g.Confirm(t.Context(), "pi_1", "key-1")
	if e := asError(t, err); e.Outcome != resilience.Declined || e.Code != "authentication_required" || !e.Replayed {
		t.Errorf("%v", err)
	}
	if p, err := g.Retrieve(t.Context(), "pi_1"); err != nil || p.Status != payments.StatusUnconfirmed {
		t.Errorf("retrieved: %+v, %v", p, err)
	}
}

func TestReplaysAreMarked(t *testing.T) {
	t.Parallel()
	g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Idempotent-Replayed", "true")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"error":{"type":"api_error"}}`)
	})
	_, err := g.Cancel(t.Context(), "pi_1", "key-1")
	if e := asError(t, err); !e.Replayed || e.Outcome != resilience.Unknown {
		t.Errorf("%+v", e)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "007": 7 * time.Second,
		"-7": 0, "1.5": 0, "soon": 0, "7s": 0, "+7": 0, "NaN": 0,
		"86400": time.Hour, "99999999999999999999999": time.Hour, "9223372036854775807": time.Hour,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Mon, 01 Mar 2027 12:00:00 GMT": time.Hour,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		g := newGateway(t, stripegateway.Config{BaseURL: server.URL, Now: func() time.Time { return now }})
		_, err := g.Retrieve(t.Context(), "pi_1")
		server.Close()
		if e := asError(t, err); e.RetryAfter != want || e.Outcome != resilience.Transient {
			t.Errorf("%q: %s (%s), want %s", value, e.RetryAfter, e.Outcome, want)
		}
	}
}

// Without a connection nothing was sent, whatever ended the attempt.
func TestNotSentIsTransient(t *testing.T) {
	t.Parallel()
	dialing := make(chan struct{}, 1)
	blocked := func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialing <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	fails := func(err error) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
	refused := func(ctx context.Context, network, _ string) (net.Conn, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_ = l.Close()
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
	for name, tc := range map[string]struct {
		dial   func(context.Context, string, string) (net.Conn, error)
		cancel bool
	}{
		"refused":               {refused, false},
		"no such host":          {fails(&net.DNSError{Err: "no such host", Name: "api", IsNotFound: true}), false},
		"name lookup timeout":   {fails(&net.DNSError{Err: "timeout", Name: "api", IsTimeout: true}), false},
		"canceled while dialed": {blocked, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, stripegateway.Config{
				BaseURL: "http://api.invalid", Transport: &http.Transport{DialContext: tc.dial},
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.cancel {
				go func() { <-dialing; cancel() }()
			}
			_, err := g.Confirm(ctx, "pi_1", "key-1")
			if e := asError(t, err); e.Outcome != resilience.Transient || e.Code != "not_sent" {
				t.Errorf("%v", err)
			}
			if tc.cancel && !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not tell that the context was canceled", err)
			}
		})
	}
}

func TestNoHandshakeIsTransient(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS() // its certificate is nobody's
	t.Cleanup(server.Close)
	g := newGateway(t, stripegateway.Config{BaseURL: server.URL})
	_, err := g.Confirm(t.Context(), "pi_1", "key-1")
	if e := asError(t, err); e.Outcome != resilience.Transient || e.Code != "not_sent" {
		t.Errorf("%v", err)
	}
}

// Once there is a connection, no failure proves that nothing happened.
func TestSentIsUnknown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handle func(w http.ResponseWriter, r *http.Request)
		end    string // of the context, once the server has the request
		code   string
	}{
		"cut":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", "connection_lost"},
		"canceled":      {hang, "cancel", "canceled"},
		"out of time":   {hang, "deadline", "timeout"},
		"cut in answer": {cutInAnswer(200), "", "unreadable_response"},
		"cut in error":  {cutInAnswer(429), "", "unreadable_response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan struct{}, 100)
			var calls atomic.Int64
			g := serve(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				arrived <- struct{}{}
				tc.handle(w, r)
			})
			ctx, end := context.WithCancel(t.Context())
			defer end()
			if tc.end == "deadline" {
				ctx = &deadlineContext{Context: ctx}
			}
			if tc.end != "" {
				go func() { <-arrived; end() }()
			}
			_, err := g.Confirm(ctx, "pi_1", "key-1")
			if e := asError(t, err); e.Outcome != resilience.Unknown || e.Code != tc.code {
				t.Errorf("%v, want %s", err, tc.code)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func cutInAnswer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"id":"pi_1",`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// deadlineContext is a context whose end is a deadline, at a moment of the
// test's choice.
type deadlineContext struct{ context.Context }

func (c *deadlineContext) Err() error {
	if c.Context.Err() == nil {
		return nil
	}
	return context.DeadlineExceeded
}

// net/http repeats a request with an Idempotency-Key by itself when a kept
// connection breaks under it. One call must be one request all the same.
func TestAKeptConnectionThatBreaksIsNotRepeated(t *testing.T) {
	t.Parallel()
	for method, call := range methods {
		var calls atomic.Int64
		g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) > 1 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, created)
		})
		if _, err := g.Retrieve(t.Context(), "pi_1"); err != nil {
			t.Fatal(err)
		}
		_, err := call(t.Context(), g)
		if e := asError(t, err); e.Outcome != resilience.Unknown || e.Code != "connection_lost" {
			t.Errorf("%s: %v", method, err)
		}
		if n := calls.Load(); n != 2 {
			t.Errorf("%s: %d requests, want the first and one more", method, n)
		}
	}
}

// A transport that does not report its connections proves nothing.
func TestAForeignTransportIsNotTrusted(t *testing.T) {
	t.Parallel()
	g := newGateway(t, stripegateway.Config{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("somewhere on the way")
	})})
	_, err := g.Confirm(t.Context(), "pi_1", "key-1")
	if e := asError(t, err); e.Outcome != resilience.Unknown || e.Code != "connection_lost" {
		t.Errorf("%v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
