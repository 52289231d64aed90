package payments_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// wrong are answers that do not fit what was asked: whatever the object's status is,
// while it is held, and once it is captured.
var (
	wrongObject = map[string]func(*payments.Payment){
		"another object":  func(p *payments.Payment) { p.Ref = "pi_other" },
		"another booking": func(p *payments.Payment) { p.BookingID = "bk_other" },
		"no booking":      func(p *payments.Payment) { p.BookingID = "" },
	}
	wrong = map[string]func(*payments.Payment){
		"another currency": func(p *payments.Payment) { p.Currency = "JPY" },
		"a larger amount":  func(p *payments.Payment) { p.Amount++ },
		"a smaller amount": func(p *payments.Payment) { p.Amount-- },
		"no amount":        func(p *payments.Payment) { p.Amount = 0 },
	}
	wrongHold = map[string]func(*payments.Payment){
		"nothing held":    func(p *payments.Payment) { p.Authorized = 0 },
		"less held":       func(p *payments.Payment) { p.Authorized-- },
		"more held":       func(p *payments.Payment) { p.Authorized++ },
		"a negative hold": func(p *payments.Payment) { p.Authorized = -p.Authorized },
	}
	wrongCapture = map[string]func(*payments.Payment){
		"nothing captured":         func(p *payments.Payment) { p.Captured = 0 },
		"a negative capture":       func(p *payments.Payment) { p.Captured = -p.Captured },
		"more captured than asked": func(p *payments.Payment) { p.Captured = p.Amount + 1 },
		"more refunded than taken": func(p *payments.Payment) { p.Refunded = p.Captured + 1 },
		"a negative refund":        func(p *payments.Payment) { p.Refunded = -1 },
	}
)

// A wrong answer is recorded by no fact, raises an alarm, and is asked for again: then
// the payment ends as ever.
func TestNoWrongAnswerIsBelieved(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		scene string
		op    gatewaytest.Op
		wrong []map[string]func(*payments.Payment)
	}{
		{"authorize", gatewaytest.Confirm, []map[string]func(*payments.Payment){wrongObject, wrong, wrongHold}},
		{"hold again", gatewaytest.Confirm, []map[string]func(*payments.Payment){wrongObject, wrong, wrongHold}},
		{"capture", gatewaytest.Retrieve, []map[string]func(*payments.Payment){wrongObject, wrong, wrongHold}},
		{"capture", gatewaytest.Capture, []map[string]func(*payments.Payment){wrongObject, wrong, wrongCapture}},
		{"capture a fee", gatewaytest.Capture, []map[string]func(*payments.Payment){wrongObject, wrong, wrongCapture}},
		{"decline", gatewaytest.Cancel, []map[string]func(*payments.Payment){wrongObject}},
		{"void", gatewaytest.Retrieve, []map[string]func(*payments.Payment){wrongObject}},
		{"void", gatewaytest.Cancel, []map[string]func(*payments.Payment){wrongObject}},
		{"abandon a hold", gatewaytest.Retrieve, []map[string]func(*payments.Payment){wrongObject}},
	} {
		for _, answers := range at.wrong {
			for name, change := range answers {
				t.Run(at.scene+"/"+string(at.op)+"/"+name, func(t *testing.T) {
					t.Parallel()
					d := scenes[at.scene].begin(t)
					d.provider.Script(at.op, gatewaytest.Misreported(change))
					d.disbelieves(t)
					scenes[at.scene].ends(t, d)
				})
			}
		}
	}
}

// disbelieves handles a hint that meets a wrong answer, and one that meets none.
func (d *desk) disbelieves(t *testing.T) {
	t.Helper()
	d.alarms.raised = nil
	_, err := d.Process(t.Context(), id, events.Trace{})
	if !errors.Is(err, payments.ErrMismatch) {
		t.Fatalf("the wrong answer brings %v, want %v", err, payments.ErrMismatch)
	}
	if diff := cmp.Diff([]string{payments.AlarmMismatch}, d.alarms.raised); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	d.hinted(t)
}

// A hold that shall be released is released, whatever it is of: nobody is charged for it.
func TestAHoldOfAnotherAmountIsReleased(t *testing.T) {
	t.Parallel()
	d := scenes["void"].begin(t)
	for range 10 {
		d.provider.Script(gatewaytest.Retrieve, gatewaytest.Misreported(wrong["a larger amount"]))
		d.provider.Script(gatewaytest.Cancel, gatewaytest.Misreported(wrong["another currency"]))
	}
	d.hinted(t)
	scenes["void"].ends(t, d)
}

// What Create answers is compared before the log names the object: another one is made.
func TestAnObjectThatWasNotAskedForIsNotNamed(t *testing.T) {
	t.Parallel()
	changes := maps.Clone(wrong)
	changes["another booking"] = wrongObject["another booking"]
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			d.provider.Script(gatewaytest.Create, gatewaytest.Misreported(change))
			before := d.history(t)
			_, err := d.Process(t.Context(), id, events.Trace{})
			if diff := cmp.Diff(before, d.history(t)); !errors.Is(err, payments.ErrMismatch) || diff != "" {
				t.Fatalf("%v; recorded (-before +after):\n%s", err, diff)
			}
			if s := d.hinted(t); s.Payment.Status != booking.PaymentIsAuthorized || s.Payment.Ref != "pi_fake2" {
				t.Errorf("the payment is %s of %s, want the second object's", s.Payment.Status, s.Payment.Ref)
			}
		})
	}
}

// Refunds are compared with what was asked for and what was captured, in the answer to
// the call and in the list.
func TestNoWrongRefundIsBelieved(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*payments.RefundObject){
		"another currency":   func(r *payments.RefundObject) { r.Currency = "USD" },
		"a larger amount":    func(r *payments.RefundObject) { r.Amount++ },
		"a smaller amount":   func(r *payments.RefundObject) { r.Amount-- },
		"no amount":          func(r *payments.RefundObject) { r.Amount = 0 },
		"a negative amount":  func(r *payments.RefundObject) { r.Amount = -r.Amount },
		"more than captured": func(r *payments.RefundObject) { r.RefundID, r.Amount = "", 2000 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := scenes["refund"].begin(t)
			d.provider.Script(gatewaytest.Refund, gatewaytest.MisreportedRefund(change))
			d.disbelieves(t)
			scenes["refund"].ends(t, d)

			d = scenes["refund"].begin(t)
			d.provider.Script(gatewaytest.Refund, gatewaytest.LostAfter())
			d.provider.Script(gatewaytest.Refunds, gatewaytest.Fault{}, gatewaytest.MisreportedRefund(change))
			d.disbelieves(t)
			scenes["refund"].ends(t, d)
		})
	}
}

// What was captured by hand at the provider and is not what the booking owes is a fact,
// and people are called.
func TestACaptureThatDiffersRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrive   func(*testing.T, *desk)
		captured int64
		alarms   []string
	}{
		"more than the fare":       {completed, 1300, []string{payments.AlarmMismatch}},
		"less than the fare":       {completed, 1000, []string{payments.AlarmMismatch}},
		"the fare":                 {completed, 1084, nil},
		"of a ride that ended":     {canceledEarly, 1308, []string{payments.AlarmMismatch}},
		"a fee that was not asked": {canceledEarly, 50, []string{payments.AlarmMismatch}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			test.arrive(t, d)
			if _, err := d.provider.Capture(t.Context(), "pi_fake1", test.captured, "by hand"); err != nil {
				t.Fatal(err)
			}
			if s := d.hinted(t); s.Payment.Captured != test.captured {
				t.Errorf("%d are recorded as captured, want %d", s.Payment.Captured, test.captured)
			}
			if diff := cmp.Diff(test.alarms, d.alarms.raised); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
		})
	}
}
