package smoke

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

func TestSoundDeploymentPasses(t *testing.T) {
	t.Parallel()
	report, failed, output := newFake(t).run(t)
	if len(failed) != 0 || report.Passed < 15 || report.Confirmed == 0 {
		t.Errorf("got %+v\n%s", report, output)
	}
	if strings.Count(output, "✓ ") != report.Passed || !strings.Contains(output, "POST to confirmed: ") {
		t.Errorf("got\n%s", output)
	}
}

func TestWhatCannotBeLookedIntoIsSaid(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.target.Ledger, f.target.View, f.target.DeadLetters = nil, nil, nil
	report, failed, output := f.run(t)
	if len(failed) != 0 || strings.Count(output, "not checked: ") != 4 {
		t.Errorf("got %+v\n%s", report, output)
	}
}

// A check that no fault can make fail is worth nothing: each of these faults must be
// found, by the check that is about it.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	status := func(method, part string, status int) func(*http.Request, *answer) {
		return func(r *http.Request, a *answer) {
			if r.Method == method && strings.Contains(r.URL.String(), part) {
				a.status = status
			}
		}
	}
	header := func(name, value string) func(*http.Request, *answer) {
		return func(r *http.Request, a *answer) {
			if r.Method == http.MethodPost && a.header != nil {
				a.header.Set(name, value)
			}
		}
	}
	code := func(code, other string) func(*http.Request, *answer) {
		return func(_ *http.Request, a *answer) { a.body = strings.Replace(a.body, `"`+code+`"`, `"`+other+`"`, 1) }
	}
	const get, post = http.MethodGet, http.MethodPost
	tests := []struct {
		name  string
		spoil func(*http.Request, *answer)
		found string
	}{
		{"unhealthy", onJSON(get, "/health", "status", "degraded"), "GET /health"},
		{"health behind a token", status(get, "/health", 401), "GET /health"},
		{"old contract", onJSON(get, "/openapi.json", "openapi", "3.0.1"), "GET /openapi.json"},
		{"200 instead of 201", status(post, "/v1/bookings", 200), "answers 201"},
		{"no Location", header("Location", ""), "answers 201"},
		{"other ETag", header("ETag", `"2"`), "answers 201"},
		{"confirmed at once", onJSON(post, "/v1/bookings", "state", "confirmed"), "answers 201"},
		{"no fare", onJSON(post, "/v1/bookings", "fare", map[string]any{}), "answers 201"},
		{"stale read", onJSON(get, "min_version", "version", 0), "min_version"},
		{"a future version is answered", func(r *http.Request, a *answer) {
			if strings.Contains(r.URL.RawQuery, "1000000") {
				*a = ok(`{"version": 1}`)
			}
		}, "min_version"},
		{"never confirmed", onJSON(get, "/v1/bookings/bk_", "state", "requested"), "becomes confirmed"},
		{"no payment", onJSON(get, "/v1/bookings/bk_", "payment", map[string]any{"state": "pending"}), "becomes confirmed"},
		{"replay not marked", header("Idempotency-Replayed", ""), "same POST again"},
		{"everything marked as replay", header("Idempotency-Replayed", "true"), "same POST again"},
		{"replay shows today's state", func(_ *http.Request, a *answer) {
			if a.header.Get("Idempotency-Replayed") != "" {
				a.body = strings.Replace(a.body, "requested", "confirmed", 1)
			}
		}, "same POST again"},
		{"reused key accepted", code("idempotency-key-reused", "validation-failed"), "same key with another body"},
		{"open to all", func(_ *http.Request, a *answer) {
			if a.status == http.StatusUnauthorized {
				*a = ok(`{}`)
			}
		}, "no token"},
		{"signature not checked", func(r *http.Request, a *answer) {
			if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer header.rider.") && a.status == http.StatusUnauthorized {
				*a = ok(`{}`)
			}
		}, "another signature"},
		{"foreign is 403", func(r *http.Request, a *answer) {
			if strings.Contains(r.Header.Get("Authorization"), "other") && !strings.Contains(r.URL.Path, "bk_a") {
				a.status = http.StatusForbidden
			}
		}, "another rider's booking"},
		{"foreign tells more", func(r *http.Request, a *answer) {
			if strings.Contains(r.Header.Get("Authorization"), "other") && !strings.Contains(r.URL.Path, "bk_a") {
				a.body = strings.Replace(a.body, `"D"`, `"It is not yours."`, 1)
			}
		}, "another rider's booking"},
		{"key not needed", code("missing-idempotency-key", "malformed-request"), "without Idempotency-Key"},
		{"not a problem document", func(_ *http.Request, a *answer) {
			if a.status == http.StatusBadRequest {
				a.header.Set("Content-Type", "application/json")
			}
		}, "without Idempotency-Key"},
		{"one error of two", func(_ *http.Request, a *answer) {
			a.body = strings.Replace(a.body, `{"pointer": "/product", "detail": "x"}, `, "", 1)
		}, "out of range"},
		{"unknown field ignored", code("malformed-request", "validation-failed"), "unknown field"},
		{"gap in the history", func(_ *http.Request, a *answer) {
			a.body = strings.Replace(a.body, `{"version": 2, "type": "PaymentStarted"},`, "", 1)
		}, "the history"},
		{"token in the history", func(_ *http.Request, a *answer) {
			a.body = strings.Replace(a.body, `"PaymentStarted"`, `"PaymentStarted", "data": {"method": "pm_card_visa"}`, 1)
		}, "the history"},
		{"declined booking goes on", func(_ *http.Request, a *answer) {
			a.body = strings.Replace(a.body, `"canceled"`, `"requested"`, 1)
		}, "declined card"},
		{"canceled for another reason", code("payment_declined", "rider"), "declined card"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.spoil = test.spoil
			if _, failed, output := f.run(t); !contains(failed, test.found) {
				t.Errorf("failed are %q, want one with %q\n%s", failed, test.found, output)
			}
		})
	}
}

func TestFaultsBehindTheAPIAreFound(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(*fake)
		found string
	}{
		{"charged twice", func(f *fake) {
			f.payments = func(_ string, found []Payment) []Payment { return append(found, found...) }
		}, "exactly one authorization, of"},
		{"not charged", func(f *fake) {
			f.payments = func(string, []Payment) []Payment { return nil }
		}, "exactly one authorization, of"},
		{"other amount", func(f *fake) {
			f.payments = func(_ string, found []Payment) []Payment { found[0].Authorized++; return found }
		}, "exactly one authorization, of"},
		{"charged again by the repetition", func(f *fake) {
			asked := 0
			f.payments = func(_ string, found []Payment) []Payment {
				if asked++; asked > 1 {
					return append(found, found...)
				}
				return found
			}
		}, "still holds exactly one"},
		{"hold left after a decline", func(f *fake) {
			f.payments = func(_ string, found []Payment) []Payment { found[0].OpenHold = true; return found }
		}, "declined card"},
		{"no view", func(f *fake) {
			f.target.View = func(context.Context, string) (int64, error) { return 0, nil }
		}, "the projector"},
		{"old view", func(f *fake) {
			f.target.View = func(context.Context, string) (int64, error) { return 3, nil }
		}, "the projector"},
		{"dead letter", func(f *fake) {
			f.target.DeadLetters = func(context.Context) (map[string]int, error) { return map[string]int{"a": 0, "b": 1}, nil }
		}, "dead-letter"},
		{"queues not found", func(f *fake) {
			f.target.DeadLetters = func(context.Context) (map[string]int, error) { return nil, nil }
		}, "dead-letter"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			test.spoil(f)
			if _, failed, output := f.run(t); !contains(failed, test.found) {
				t.Errorf("failed are %q, want one with %q\n%s", failed, test.found, output)
			}
		})
	}
}

func TestInterruptFailsTheRest(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if report := Run(ctx, f.target, &out); report.Passed != 0 || report.Failed == 0 {
		t.Errorf("got %+v", report)
	}
}

func TestUnreachableDeploymentFailsEverything(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.target.API = "http://127.0.0.1:1"
	report, _, output := f.run(t)
	// Only the queues can be read.
	if report.Passed != 1 {
		t.Errorf("passed %d, want 1\n%s", report.Passed, output)
	}
}
