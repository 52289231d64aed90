package payments_test

import (
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// scene is a booking that owes something, and where its payment is when it does not
// any more.
type scene struct {
	method string
	arrive func(*testing.T, *desk) // nil: just requested
	want   outcome
}

type outcome struct {
	status             booking.PaymentStatus
	captured, refunded int64
}

var scenes = map[string]scene{
	"authorize":         {"pm_card_visa", nil, outcome{status: booking.PaymentIsAuthorized}},
	"decline":           {"pm_card_chargeDeclined", nil, outcome{status: booking.PaymentIsDeclined}},
	"capture":           {"pm_card_visa", completed, outcome{status: booking.PaymentIsCaptured, captured: 1084}},
	"capture a fee":     {"pm_card_visa", canceledLate, outcome{status: booking.PaymentIsCaptured, captured: 500}},
	"void":              {"pm_card_visa", canceledEarly, outcome{status: booking.PaymentIsVoided}},
	"abandon a hold":    {"pm_card_visa", canceledUnclear, outcome{status: booking.PaymentIsAbandoned}},
	"abandon":           {"pm_card_visa", canceledUnpaid, outcome{status: booking.PaymentIsAbandoned}},
	"refund":            {"pm_card_visa", refundAsked(84), outcome{booking.PaymentIsCaptured, 1084, 84}},
	"refund twice":      {"pm_card_visa", refundAsked(84, 84), outcome{booking.PaymentIsCaptured, 1084, 168}},
	"refund all":        {"pm_card_visa", refundAsked(84, 1000), outcome{booking.PaymentIsRefunded, 1084, 1084}},
	"hold again":        {"pm_card_visa", lostAndRetried, outcome{status: booking.PaymentIsCaptured, captured: 1084}},
	"hold a fee again":  {"pm_card_visa", lostAndRetriedFee, outcome{status: booking.PaymentIsCaptured, captured: 500}},
	"waive a lost hold": {"pm_card_visa", lostAndRetriedLittle, outcome{status: booking.PaymentIsAbandoned}},
	"authorize again":   {"pm_card_visa", failedAndRetried, outcome{status: booking.PaymentIsAbandoned}},
}

func refundAsked(amounts ...int64) func(*testing.T, *desk) {
	return func(t *testing.T, d *desk) {
		t.Helper()
		completed(t, d)
		d.hinted(t)
		for i, amount := range amounts {
			d.does(t, booking.RequestRefund{
				At: d.clock, RefundID: []string{"rf_1", "rf_2"}[i], Amount: &booking.Money{Amount: amount, Currency: "EUR"}, Reason: "late",
			})
		}
	}
}

func lostAndRetried(t *testing.T, d *desk) {
	t.Helper()
	completed(t, d)
	d.clock = d.clock.AddDate(0, 0, 8)
	d.hinted(t)
	d.does(t, booking.RetryPayment{At: d.clock})
}

// lostAndRetriedFee is lostAndRetried for the fee of a late cancellation.
func lostAndRetriedFee(t *testing.T, d *desk) {
	t.Helper()
	canceledLate(t, d)
	d.clock = d.clock.AddDate(0, 0, 8)
	d.hinted(t)
	d.does(t, booking.RetryPayment{At: d.clock})
}

// lostAndRetriedLittle is lostAndRetried for a fee that is too small to be charged.
func lostAndRetriedLittle(t *testing.T, d *desk) {
	t.Helper()
	d.hinted(t)
	d.does(t, booking.Assign{At: d.clock, DriverID: "d-1"}, booking.Arrive{At: d.clock}, booking.Start{At: d.clock})
	d.clock = d.clock.AddDate(0, 0, 8)
	d.hinted(t)
	d.does(t, booking.Abort{At: d.clock, Reason: "x", Fee: &booking.Money{Amount: 49, Currency: "EUR"}}, booking.RetryPayment{At: d.clock})
}

func failedAndRetried(t *testing.T, d *desk) {
	t.Helper()
	d.provider.Script(gatewaytest.Confirm, gatewaytest.Broken("parameter_unknown"))
	if s := d.hinted(t); s.Payment.Status != booking.PaymentHasFailed {
		t.Fatalf("the payment is %s, want failed", s.Payment.Status)
	}
	d.does(t, booking.RetryPayment{At: d.clock})
}

func (s scene) begin(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, s.method)
	if s.arrive != nil {
		s.arrive(t, d)
	}
	return d
}

// ends checks where the payment is, and that provider and log say the same of it.
func (s scene) ends(t *testing.T, d *desk) {
	t.Helper()
	b, err := d.Bookings.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	pay := b.State.Payment
	if got := (outcome{pay.Status, pay.Captured, pay.Refunded}); got != s.want {
		t.Errorf("the payment is %+v, want %+v", got, s.want)
	}
	if due := payments.Due(b.State, d.clock); due != payments.None {
		t.Errorf("%s is still due", due)
	}
	d.agrees(t)
}
