package payments_test

import (
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// agrees checks that provider and log have the same story, fact for fact.
func (d *desk) agrees(t tester) {
	t.Helper()
	b, err := d.Bookings.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	pay := b.State.Payment
	facts := factsOf(t, b)
	for _, e := range d.provider.Ledger() {
		if open := e.Ref == pay.Ref && pay.Status == booking.PaymentIsAuthorized; e.OpenHold != open {
			t.Errorf("%s holds money: %t; the payment is %s at %s", e.Ref, e.OpenHold, pay.Status, pay.Ref)
		}
		if e.EverHeld > 0 && !facts.started[e.Ref] {
			t.Errorf("%s held %d, and the log does not name it", e.Ref, e.EverHeld)
		}
		if e.Captured != facts.captured[e.Ref] {
			t.Errorf("%d captured of %s, %d in the log", e.Captured, e.Ref, facts.captured[e.Ref])
		}
		if held, ok := facts.authorized[e.Ref]; ok && held != e.EverHeld {
			t.Errorf("%d held by %s, %d in the log", e.EverHeld, e.Ref, held)
		}
		if e.Captured > e.EverHeld || e.Refunded > e.Captured {
			t.Errorf("%s: %d held, %d captured, %d refunded", e.Ref, e.EverHeld, e.Captured, e.Refunded)
		}
		fenced := pay.Status.Settled() || pay.Status == booking.PaymentHasFailed
		if e.Ref == pay.Ref && fenced && e.Status != payments.StatusCanceled && e.Status != payments.StatusCaptured {
			t.Errorf("%s is %s, the payment is %s: a late attempt could still hold money", e.Ref, e.Status, pay.Status)
		}
		if e.Ref == pay.Ref {
			sameRefunds(t, pay, e)
			sameDisputes(t, pay, e)
		}
	}
}

type facts struct {
	started              map[string]bool
	authorized, captured map[string]int64
}

// factsOf gathers what the log says of each object, and fails for what it says twice.
func factsOf(t tester, b booking.Outcome) facts {
	t.Helper()
	f := facts{map[string]bool{}, map[string]int64{}, map[string]int64{}}
	ended := map[string]string{}
	for _, c := range b.History.Commits() {
		decided, err := booking.DecodeCommit(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range decided {
			var ref string
			switch e := e.(type) {
			case booking.PaymentStarted:
				f.started[e.Ref] = true
			case booking.PaymentAuthorized:
				if _, twice := f.authorized[e.Ref]; twice {
					t.Errorf("%s was authorized twice", e.Ref)
				}
				f.authorized[e.Ref] = e.Amount.Amount
			case booking.PaymentCaptured:
				ref, f.captured[e.Ref] = e.Ref, e.Amount.Amount
			case booking.PaymentVoided:
				ref = e.Ref
			case booking.PaymentAuthorizationLost:
				ref = e.Ref
			}
			if ref != "" && ended[ref] != "" {
				t.Errorf("%s ended as %s and as %s", ref, ended[ref], e.Type())
			}
			if ref != "" {
				ended[ref] = e.Type()
			}
		}
	}
	return f
}

// sameRefunds compares refunds one to one, by their ids.
func sameRefunds(t tester, pay booking.Payment, e gatewaytest.Entry) {
	t.Helper()
	at := map[string]payments.RefundObject{}
	for _, r := range e.Refunds {
		id := r.RefundID
		if id == "" {
			id = r.ID
		}
		if old, twice := at[id]; twice && old.Status != payments.RefundFailed {
			t.Errorf("refund %s was made twice", id)
		}
		at[id] = r
	}
	want := map[payments.RefundStatus]booking.RefundStatus{
		payments.RefundSucceeded: booking.RefundDone, payments.RefundPending: booking.RefundOpen, payments.RefundFailed: booking.RefundFailed,
	}
	for _, r := range pay.Refunds {
		made, ok := at[r.ID]
		delete(at, r.ID)
		if ok && (want[made.Status] != r.Status || made.Amount != r.Amount) || !ok && r.Status == booking.RefundDone {
			t.Errorf("refund %s of %d is %s; at the provider %+v", r.ID, r.Amount, r.Status, made)
		}
	}
	for id, r := range at {
		if r.Status == payments.RefundSucceeded {
			t.Errorf("refund %s of %d is not in the log", id, r.Amount)
		}
	}
}

// sameDisputes compares disputes one to one.
func sameDisputes(t tester, pay booking.Payment, e gatewaytest.Entry) {
	t.Helper()
	for _, d := range e.Disputes {
		if known, ok := pay.Dispute(d.ID); !ok || known.Status != d.Status {
			t.Errorf("dispute %s is %s; in the log %+v", d.ID, d.Status, known)
		}
	}
}
