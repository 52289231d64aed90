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
	if len(failed) != 0 || report.Passed < 40 || report.Confirmed == 0 {
		t.Errorf("got %+v\n%s", report, output)
	}
	if strings.Count(output, "✓ ") != report.Passed || !strings.Contains(output, "POST to confirmed: ") {
		t.Errorf("got\n%s", output)
	}
}

func TestWhatCannotBeLookedIntoIsSaid(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.target.Ledger, f.target.RefundByHand, f.target.View, f.target.DeadLetters = nil, nil, nil, nil
	report, failed, output := f.run(t)
	if len(failed) != 0 || strings.Count(output, "not checked: ") != 7 {
		t.Errorf("got %+v\n%s", report, output)
	}
}

// Where only the HTTP API runs, a booking stays as it was requested.
func TestTheAPIAlone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.apiOnly = true
	report, failed, output := f.run(t)
	if len(failed) != 0 || report.Passed < 14 {
		t.Errorf("got %+v\n%s", report, output)
	}
	for name, test := range map[string]struct {
		spoil fault
		found string
	}{
		"another body":        {at(http.MethodGet, "/v1/bookings/bk_", member("state", "confirmed")), "from the log"},
		"another version":     {at(http.MethodGet, "/v1/bookings/bk_", header("ETag", `"9"`)), "from the log"},
		"not for dispatchers": {by(dispatchToken, at(http.MethodGet, "/v1/bookings/bk_", status(http.StatusNotFound))), "from the log"},
		"no history":          {at(http.MethodGet, "/events", member("items", []any{})), "its history"},
		"no replay":           {at(http.MethodPost, "/v1/bookings", header("Idempotency-Replayed", "")), "same POST again"},
		"any token is taken":  {at("", "", accepted(http.StatusUnauthorized)), "that was made up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.apiOnly, f.spoil = true, test.spoil
			if _, failed, output := f.run(t); !contains(failed, test.found) {
				t.Errorf("failed are %v, want one with %q\n%s", failed, test.found, output)
			}
		})
	}
}

// A check that no fault can make fail is worth nothing: each of these faults must be
// found, by the check that is about it.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	const get, post, bookings = http.MethodGet, http.MethodPost, "/v1/bookings"
	tests := []struct {
		name  string
		spoil fault
		found string
	}{
		{"unhealthy", at(get, "/health", member("status", "degraded")), "GET /health"},
		{"health behind a token", at(get, "/health", status(401)), "GET /health"},
		{"old contract", at(get, "/openapi.json", member("openapi", "3.0.1")), "GET /openapi.json"},

		{"200 instead of 201", at(post, bookings, status(200)), "answers 201"},
		{"no Location", at(post, bookings, header("Location", "")), "answers 201"},
		{"other ETag", at(post, bookings, header("ETag", `"2"`)), "answers 201"},
		{"confirmed at once", at(post, bookings, member("state", "confirmed")), "answers 201"},
		{"another's id", at(post, bookings, member("rider_id", "rd_"+strings.Repeat("a", 32))), "answers 201"},
		{"no fare", at(post, bookings, member("fare", map[string]any{})), "answers 201"},
		{"stale read", at(get, "min_version", member("version", 0)), "min_version"},
		{"a future version is answered", at(get, "min_version=1000000", accepted(412)), "min_version"},
		{"never confirmed", at(get, "/v1/bookings/bk_", member("state", "requested")), "becomes confirmed"},
		{"no payment", at(get, "/v1/bookings/bk_", member("payment.state", "pending")), "becomes confirmed"},

		{"another quote", at(post, "/v1/quotes", member("fare.amount", 1)), "a quote tells"},
		{"another hold", at(post, "/v1/quotes", member("breakdown.hold.amount", 1)), "a quote tells"},
		{"another price", at(post, "/v1/quotes", member("breakdown.per_km.amount", 1)), "a quote tells"},
		{"any fare is booked", at(post, bookings, text("fare-changed", "internal")), "a fare other than the expected"},

		{"replay not marked", at(post, bookings, header("Idempotency-Replayed", "")), "same POST again"},
		{"everything marked as replay", at(post, bookings, header("Idempotency-Replayed", "true")), "same POST again"},
		{"replay shows today's state", replays(text("requested", "confirmed")), "same POST again"},
		{"reused key accepted", at(post, bookings, text("idempotency-key-reused", "validation-failed")), "same key with another body"},

		{"open to all", at(get, bookings, accepted(401)), "no token"},
		{"writes open to all", at(post, bookings, accepted(401)), "no token"},
		{"signature not checked", func(r *http.Request, a *answer) {
			if strings.HasPrefix(r.Header.Get("Authorization"), strings.TrimSuffix("Bearer "+riderToken, "0123456789")) {
				accepted(401)(a)
			}
		}, "another signature"},
		{"foreign is 403", by(otherToken, foreign(status(403))), "another rider's booking"},
		{"foreign tells more", by(otherToken, foreign(member("detail", "It is not yours."))), "another rider's booking"},
		{"key not needed", at(post, bookings, text("missing-idempotency-key", "malformed-request")), "without Idempotency-Key"},
		{"not a problem document", at(post, bookings, header("Content-Type", "application/json")), "without Idempotency-Key"},
		{"a joined key is taken", func(r *http.Request, a *answer) {
			if strings.Contains(r.Header.Get("Idempotency-Key"), ",") {
				a.status = http.StatusCreated
			}
		}, "could be two"},
		{"one error of two", at(post, bookings, text("/product", "/pickup/lat")), "out of range"},
		{"unknown field ignored", at(post, bookings, text("malformed-request", "validation-failed")), "unknown field"},

		{"the past shows today", at(get, "at_version", member("state", "confirmed")), "at_version"},
		{"always sent in full", at(get, "/v1/bookings/bk_", func(a *answer) {
			if a.status == http.StatusNotModified {
				a.status, a.body = http.StatusOK, "{}"
			}
		}), "If-None-Match"},
		{"no HEAD", func(r *http.Request, a *answer) {
			if r.Method == http.MethodHead {
				a.status = http.StatusNotFound
			}
		}, "HEAD answers as GET"},
		{"a HEAD of nothing", func(r *http.Request, a *answer) {
			if r.Method == http.MethodHead {
				a.header.Del("ETag")
			}
		}, "HEAD answers as GET"},
		{"gap in the history", at(get, "/events", text("PaymentStarted", "BookingRequested")), "the history tells requested"},
		{"wrong version in the history", at(get, "/events", text(`"version":2`, `"version":3`)), "the history tells requested"},
		{"token in the history", at(get, "/events", text(`"PaymentStarted"`, `"PaymentStarted","method":"pm_card_visa"`)), "the history tells requested"},
		{"no second page", at(get, "/events", func(a *answer) {
			member("next_cursor", nil)(a)
			a.header.Del("Link")
		}), "the history tells requested"},
		{"no Link", at(get, "/events", header("Link", "")), "page by page"},
		{"a Link elsewhere", at(get, "/events", header("Link", `</v1/bookings?cursor=x>; rel="next"`)), "page by page"},
		{"pages too long", at(get, "limit=3", text(`{"items":[`, `{"items":[{},{},{},{},`)), "page by page"},

		{"nothing waits", at(get, "/v1/dispatch/bookings", member("items", []any{})), "for a driver has the booking"},
		{"a rider assigns", by(riderToken, at(post, "/assign", accepted(403))), "a rider may not assign"},
		{"If-Match ignored", at(post, "/assign", accepted(412)), "If-Match"},
		{"not assigned", at(post, "/assign", member("state", "confirmed")), "dispatch assigns"},
		{"another driver", at(post, "/assign", member("driver_id", "d")), "dispatch assigns"},
		{"no driver", at(post, "/assign", member("driver_id", nil)), "dispatch assigns"},
		{"two drivers at once", at(post, "/assign", text("driver-busy", "invalid-state")), "a driver on a ride is refused"},
		{"not arrived", at(post, "/arrive", member("state", "driver_assigned")), "the driver arrives"},
		{"not started", at(post, "/start", status(500)), "the driver arrives"},
		{"another fare", at(post, "/complete", member("fare.amount", 1001)), "a ride longer than quoted"},
		{"never completed", at(post, "/complete", member("state", "in_progress")), "a ride longer than quoted"},

		{"not captured", at(get, "/v1/bookings/bk_", text(`"state":"captured"`, `"state":"authorized"`)), "the payment is captured"},
		{"captured too much", at(get, "/v1/bookings/bk_", member("payment.captured.amount", 9999)), "the payment is captured"},
		{"command replay not marked", at(post, "/assign", header("Idempotency-Replayed", "")), "the assignment sent again"},
		{"command replay shows today's state", at(post, "/assign", func(a *answer) {
			if a.header.Get("Idempotency-Replayed") != "" {
				member("state", "completed")(a)
			}
		}), "the assignment sent again"},
		{"ride without an end", at(get, "/events", text("PaymentCaptured", "RideCompleted")), "the whole ride"},

		{"canceled by nobody", at(get, "/v1/bookings/bk_", member("cancellation.by", "ops")), "canceled by its rider"},
		{"not voided", at(get, "/v1/bookings/bk_", text(`"voided"`, `"authorized"`)), "canceled by its rider"},
		{"canceled for a fee", at(get, "/v1/bookings/bk_", member("cancellation.fee.amount", 500)), "canceled by its rider"},
		{"arrives after the end", at(post, "/arrive", accepted(409)), "takes no more commands"},
		{"a rider aborts", by(riderToken, at(post, "/abort", accepted(403))), "a rider may not abort"},
		{"a rider refunds", by(riderToken, at(post, "/refund", accepted(403))), "a rider may not refund"},
		{"refunds too much", at(post, "/refund", func(a *answer) {
			if a.status == 422 {
				a.status = 202
			}
		}), "more than was captured"},
		{"refunds nothing", at(get, "/v1/bookings/bk_", member("payment.refunded.amount", 0)), "refunded by ops"},
		{"aborted at once", at(post, "/abort", status(200)), "aborted by ops"},
		{"aborted without a word", at(get, "/v1/bookings/bk_", text("The road is closed.", "")), "aborted by ops"},
		{"declined booking goes on", at(get, "/v1/bookings/bk_", text("canceled", "requested")), "declined card"},
		{"canceled for another reason", at(get, "/v1/bookings/bk_", text("payment_declined", "rider")), "declined card"},

		{"an empty list", by(riderToken, at(get, "/v1/bookings?", member("items", []any{}))), "newest first"},
		{"the list of all", listOfAll(), "another rider's list"},
		{"another's cursor", by(otherToken, at(get, "cursor=", accepted(400))), "another rider's list"},
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
	// ledger changes the one payment of each booking.
	ledger := func(change func(*Payment)) func(*fake) {
		return func(f *fake) {
			f.payments = func(_ string, found []Payment) []Payment {
				for i := range found {
					change(&found[i])
				}
				return found
			}
		}
	}
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
		{"other amount", ledger(func(p *Payment) { p.Authorized++ }), "exactly one authorization, of"},
		{"charged again by the repetition", func(f *fake) {
			asked := 0
			f.payments = func(_ string, found []Payment) []Payment {
				if asked++; asked > 1 {
					return append(found, found...)
				}
				return found
			}
		}, "still holds exactly one"},
		{"captured less", ledger(func(p *Payment) { p.Captured-- }), "captured the fare once"},
		{"captured twice", func(f *fake) {
			f.payments = func(_ string, found []Payment) []Payment { return append(found, found...) }
		}, "captured the fare once"},
		{"hold left after the ride", ledger(func(p *Payment) { p.OpenHold = true }), "captured the fare once"},
		{"hold left after the cancellation", ledger(func(p *Payment) { p.OpenHold = true }), "canceled by its rider"},
		{"fee not captured", ledger(func(p *Payment) { p.Captured = 0 }), "aborted by ops"},
		{"hold left after a decline", ledger(func(p *Payment) { p.OpenHold = true }), "declined card"},
		{"no view", func(f *fake) {
			f.target.View = func(context.Context, string) (int64, error) { return 0, nil }
		}, "view of the confirmed"},
		{"old view", func(f *fake) {
			f.target.View = func(context.Context, string) (int64, error) { return 3, nil }
		}, "view of the confirmed"},
		{"view of before the ride", func(f *fake) {
			f.target.View = func(context.Context, string) (int64, error) { return 8, nil }
		}, "view of the ride"},
		{"driver never free", func(f *fake) {
			rides := 0
			f.spoil = func(r *http.Request, a *answer) {
				if strings.HasSuffix(r.URL.Path, "/assign") && a.status == http.StatusOK {
					if rides++; rides > 2 { // the first, and its repetition
						a.status = http.StatusConflict
					}
				}
			}
		}, "canceled by its rider"},
		{"deaf to the provider", func(f *fake) { f.unnoticed = true }, "by its webhook"},
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
