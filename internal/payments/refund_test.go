package payments_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// refund returns the only refund of the provider's only object.
func (d *desk) refund(t *testing.T) payments.RefundObject {
	t.Helper()
	refunds := d.provider.Ledger()[0].Refunds
	if len(refunds) != 1 {
		t.Fatalf("%d refunds at the provider, want 1", len(refunds))
	}
	return refunds[0]
}

func TestARefundWhoseAnswerIsLostIsLookedFor(t *testing.T) {
	t.Parallel()
	s := scenes["refund"]
	d := s.begin(t)
	d.provider.Script(gatewaytest.Refund, gatewaytest.LostAfter())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err != nil {
		t.Errorf("the first hint: %v", err)
	}
	s.ends(t, d)
	if got := d.keys(gatewaytest.Refund); len(got) != 1 {
		t.Errorf("asked for under %v, want once", got)
	}
}

// The keys are forgotten, and the list of refunds is all that tells.
func TestARefundIsNotMadeAgainADayLater(t *testing.T) {
	t.Parallel()
	s := scenes["refund"]
	d := s.begin(t)
	d.provider.Script(gatewaytest.Refund, gatewaytest.LostAfter())
	d.provider.Script(gatewaytest.Refunds, gatewaytest.Fault{}, gatewaytest.LostBefore())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
		t.Fatal("the faults did not happen")
	}
	d.clock = d.clock.AddDate(0, 1, 0)
	d.pursued(t)
	s.ends(t, d)
	d.refund(t)
}

func TestAPendingRefundStaysDueUntilItIsDecided(t *testing.T) {
	t.Parallel()
	for failure, want := range map[string]outcome{
		"": {booking.PaymentIsCaptured, 1084, 84}, "lost_or_stolen_card": {booking.PaymentIsCaptured, 1084, 0},
	} {
		d := scenes["refund"].begin(t)
		d.provider.Script(gatewaytest.Refund, gatewaytest.Pending())
		for range 3 {
			if _, err := d.hint(t); !errors.Is(err, payments.ErrUndecided) {
				t.Fatalf("got %v, want ErrUndecided", err)
			}
		}
		if got := d.keys(gatewaytest.Refund); len(got) != 1 {
			t.Errorf("asked for under %v, want once", got)
		}
		d.provider.FinishRefund(d.refund(t).ID, failure)
		d.pursued(t)
		scene{want: want}.ends(t, d)
		if failed := failure != ""; failed != (count(d.alarms.raised, payments.AlarmRefundFailed) == 1) {
			t.Errorf("failure %q, alarms %v", failure, d.alarms.raised)
		}
	}
}

// A refund that waits for a bank does not hold up the next one.
func TestAPendingRefundHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	d := scenes["refund twice"].begin(t)
	d.provider.Script(gatewaytest.Refund, gatewaytest.Pending())
	s, err := d.hint(t)
	want := []booking.Refund{
		{ID: "rf_1", Amount: 84, Status: booking.RefundOpen, Group: 1}, {ID: "rf_2", Amount: 84, Status: booking.RefundDone, Group: 1},
	}
	if diff := cmp.Diff(want, s.Payment.Refunds); diff != "" || !errors.Is(err, payments.ErrUndecided) {
		t.Errorf("%v, refunds (-want +got):\n%s", err, diff)
	}
}

// What the provider says is wrong about a refund is final, and another may be asked
// for.
func TestARefundThatTheProviderRefuses(t *testing.T) {
	t.Parallel()
	d := scenes["refund"].begin(t)
	d.provider.Script(gatewaytest.Refund, gatewaytest.Broken("charge_disputed"))
	s, err := d.hint(t)
	if err != nil || s.Payment.Refunds[0].Status != booking.RefundFailed || s.Payment.Status != booking.PaymentIsCaptured {
		t.Fatalf("%v, %+v", err, s.Payment)
	}
	if diff := cmp.Diff([]string{payments.AlarmRefundFailed}, d.alarms.raised); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	d.does(t, booking.RequestRefund{At: d.clock, RefundID: "rf_2", Reason: "again"})
	if s, err := d.hint(t); err != nil || s.Payment.Status != booking.PaymentIsRefunded {
		t.Errorf("%v, the payment is %s, want refunded", err, s.Payment.Status)
	}
	d.agrees(t)
}

func TestARefundIsGivenUpAfterFiveGroups(t *testing.T) {
	t.Parallel()
	d := scenes["refund"].begin(t)
	d.fault = always(gatewaytest.Refund, gatewaytest.Stored500())
	for range 5 {
		_, _ = d.hint(t)
	}
	s, err := d.hint(t)
	if err != nil || s.Payment.Refunds[0].Status != booking.RefundFailed {
		t.Errorf("%v, %+v", err, s.Payment.Refunds)
	}
	if len(d.provider.Ledger()[0].Refunds) != 0 {
		t.Error("there is a refund at the provider")
	}
	d.agrees(t)
}

func TestAFeeIsRefundedLikeAFare(t *testing.T) {
	t.Parallel()
	d := scenes["capture a fee"].begin(t)
	d.pursued(t)
	d.does(t, booking.RequestRefund{At: d.clock, RefundID: "rf_1", Reason: "our fault"})
	d.pursued(t)
	scene{want: outcome{booking.PaymentIsRefunded, 500, 500}}.ends(t, d)
}

// What is owed for is refunded in the order in which it was asked for, however often
// a hint comes meanwhile.
func TestRefundsOfFunctionsAtOnce(t *testing.T) {
	t.Parallel()
	s := scenes["refund all"]
	d := s.begin(t)
	other := *d.Processor
	d.Gateway = &meddler{Gateway: d.provider, op: gatewaytest.Refund, do: func() {
		if _, err := other.Process(t.Context(), id, events.Trace{}); err != nil {
			t.Errorf("the other function: %v", err)
		}
	}}
	d.pursued(t)
	s.ends(t, d)
	if got := len(d.provider.Ledger()[0].Refunds); got != 2 {
		t.Errorf("%d refunds at the provider, want 2", got)
	}
}
