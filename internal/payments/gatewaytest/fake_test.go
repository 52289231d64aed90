package gatewaytest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func TestFakeIsAGateway(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, func(*testing.T) gatewaytest.Harness {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		fake := gatewaytest.NewFake(gatewaytest.Config{Now: func() time.Time { return now }})
		return gatewaytest.Harness{Gateway: fake, Provider: fake, Advance: func(d time.Duration) { now = now.Add(d) }}
	})
}

var order = payments.Order{BookingID: "bk_1", Amount: 2000, Currency: "EUR", Method: "pm_card_visa"}

func created(t *testing.T, fake *gatewaytest.Fake) string {
	t.Helper()
	p, err := fake.Create(t.Context(), order, "create")
	if err != nil {
		t.Fatal(err)
	}
	return p.Ref
}

// Each fault once: what the caller is told, what the provider did, and what a
// repeat with the same key brings.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		fault  gatewaytest.Fault
		class  resilience.Class
		code   string
		after  payments.Status
		repeat resilience.Class
	}{
		{"unreachable", gatewaytest.Unreachable(), resilience.Transient, "not_sent", payments.StatusUnconfirmed, resilience.Success},
		{"rate limited", gatewaytest.RateLimited(3 * time.Second), resilience.Transient, "rate_limit", payments.StatusUnconfirmed, resilience.Success},
		{"lost before", gatewaytest.LostBefore(), resilience.Unknown, "connection_lost", payments.StatusUnconfirmed, resilience.Success},
		{"lost after", gatewaytest.LostAfter(), resilience.Unknown, "connection_lost", payments.StatusAuthorized, resilience.Success},
		{"hang before", gatewaytest.HangBefore(), resilience.Unknown, "timeout", payments.StatusUnconfirmed, resilience.Success},
		{"hang after", gatewaytest.HangAfter(), resilience.Unknown, "timeout", payments.StatusAuthorized, resilience.Success},
		{"stored 500", gatewaytest.Stored500(), resilience.Unknown, "api_error", payments.StatusUnconfirmed, resilience.Unknown},
		{"busy", gatewaytest.Busy("lock_timeout"), resilience.Unknown, "lock_timeout", payments.StatusUnconfirmed, resilience.Success},
		{"declined", gatewaytest.Declined("do_not_honor"), resilience.Declined, "card_declined", payments.StatusUnconfirmed, resilience.Declined},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := gatewaytest.NewFake(gatewaytest.Config{})
				ref := created(t, fake)
				fake.Script(gatewaytest.Confirm, tc.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()

				_, err := fake.Confirm(ctx, ref, "confirm")
				var e *payments.Error
				if !errors.As(err, &e) || e.Outcome != tc.class || e.Code != tc.code || e.Replayed {
					t.Errorf("%v, want %s (%s)", err, tc.code, tc.class)
				}
				if tc.code == "rate_limit" && e.RetryAfter != 3*time.Second {
					t.Errorf("retry after %s", e.RetryAfter)
				}
				if tc.code == "timeout" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v does not tell of the deadline", err)
				}
				if p, err := fake.Retrieve(t.Context(), ref); err != nil || p.Status != tc.after {
					t.Errorf("afterwards %s, %v, want %s", p.Status, err, tc.after)
				}
				_, err = fake.Confirm(t.Context(), ref, "confirm")
				if got := resilience.ClassOf(err); got != tc.repeat {
					t.Errorf("repeated: %v is %s, want %s", err, got, tc.repeat)
				}
				if errors.As(err, &e) && tc.repeat != resilience.Success && !e.Replayed {
					t.Errorf("repeated: %+v is not marked as replayed", e)
				}
			})
		})
	}
}

func TestFaultsCanBeDrawn(t *testing.T) {
	t.Parallel()
	var seen []gatewaytest.Call
	fake := gatewaytest.NewFake(gatewaytest.Config{Fault: func(c gatewaytest.Call) gatewaytest.Fault {
		seen = append(seen, c)
		if c.Op == gatewaytest.Capture {
			return gatewaytest.LostAfter()
		}
		return gatewaytest.Fault{}
	}})
	ref := created(t, fake)
	fake.Script(gatewaytest.Confirm, gatewaytest.Fault{}, gatewaytest.LostBefore())
	if _, err := fake.Confirm(t.Context(), ref, "confirm"); err != nil {
		t.Errorf("the zero Fault: %v", err)
	}
	_, err := fake.Capture(t.Context(), ref, 1500, "capture")
	if got := resilience.ClassOf(err); got != resilience.Unknown {
		t.Errorf("capture: %v", err)
	}
	want := []gatewaytest.Call{
		{Op: gatewaytest.Create, Key: "create"}, {Op: gatewaytest.Capture, Ref: ref, Key: "capture"},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestWhatNeverRanIsNotRemembered(t *testing.T) {
	t.Parallel()
	fake := gatewaytest.NewFake(gatewaytest.Config{})
	if _, err := fake.Confirm(t.Context(), "pi_nobody", "key"); resilience.ClassOf(err) != resilience.Permanent {
		t.Errorf("confirm: %v", err)
	}
	if _, err := fake.Create(t.Context(), order, "key"); err != nil {
		t.Errorf("create with the key: %v", err)
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fake := gatewaytest.NewFake(gatewaytest.Config{Now: func() time.Time { return now }})
	ref := created(t, fake)
	fake.Script(gatewaytest.Confirm, gatewaytest.LostBefore(), gatewaytest.LostAfter())
	for range 3 {
		_, _ = fake.Confirm(t.Context(), ref, "confirm")
	}
	_, _ = fake.Capture(t.Context(), ref, 9999, "capture")
	if l := fake.Ledger(); len(l) != 1 || !l[0].OpenHold || l[0].EverHeld != 2000 {
		t.Errorf("held: %+v", l)
	}
	_, _ = fake.Cancel(t.Context(), ref, "cancel")

	l := fake.Ledger()
	if len(l) != 1 || l[0].OpenHold || l[0].EverHeld != 2000 || l[0].Authorized != 0 || l[0].Status != payments.StatusCanceled {
		t.Errorf("canceled: %+v", l)
	}
	op := func(op gatewaytest.Op, onRef string, result string) gatewaytest.Operation {
		return gatewaytest.Operation{Call: gatewaytest.Call{Op: op, Ref: onRef, Key: string(op)}, At: now, Result: result}
	}
	want := []gatewaytest.Operation{
		op(gatewaytest.Create, "", "ok"), op(gatewaytest.Confirm, ref, "ok"), op(gatewaytest.Confirm, ref, "replayed"),
		op(gatewaytest.Capture, ref, "amount_too_large"), op(gatewaytest.Cancel, ref, "ok"),
	}
	if diff := cmp.Diff(want, l[0].Operations); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

func BenchmarkFakeBooking(b *testing.B) {
	fake := gatewaytest.NewFake(gatewaytest.Config{})
	for i := 0; b.Loop(); i++ {
		key := time.Duration(i).String()
		p, err := fake.Create(b.Context(), order, "a"+key)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = fake.Confirm(b.Context(), p.Ref, "b"+key); err != nil {
			b.Fatal(err)
		}
		if _, err = fake.Capture(b.Context(), p.Ref, 1500, "c"+key); err != nil {
			b.Fatal(err)
		}
	}
}
