package payments_test

import (
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// What a booking owes, for every status of its own and of its payment. Many of the
// states never happen; a hint about one must still not move any money.
func TestDue(t *testing.T) {
	t.Parallel()
	columns := []booking.PaymentStatus{
		booking.PaymentPending, booking.PaymentIsStarted, booking.PaymentIsAuthorized, booking.PaymentIsCaptured, booking.PaymentIsRefunded,
		booking.PaymentIsDeclined, booking.PaymentIsVoided, booking.PaymentIsAbandoned, booking.PaymentHasFailed,
	}
	const (
		none      = payments.None
		authorize = payments.Authorize
		capture   = payments.Capture
		void      = payments.Void
		abandon   = payments.Abandon
	)
	for _, row := range []struct {
		status booking.Status
		owed   int64 // the fare of a completed ride, the fee of a canceled one
		due    [9]payments.Operation
	}{
		{booking.Requested, 1043, [...]payments.Operation{authorize, authorize, none, none, none, none, none, none, none}},
		{booking.Confirmed, 1043, [...]payments.Operation{none, none, none, none, none, none, none, none, none}},
		{booking.HasDriver, 1043, [...]payments.Operation{none, none, none, none, none, none, none, none, none}},
		{booking.DriverIsThere, 1043, [...]payments.Operation{none, none, none, none, none, none, none, none, none}},
		{booking.InProgress, 1043, [...]payments.Operation{none, none, none, none, none, none, none, none, none}},
		{booking.Completed, 1043, [...]payments.Operation{authorize, authorize, capture, none, none, none, none, none, none}},
		{booking.Completed, 50, [...]payments.Operation{authorize, authorize, capture, none, none, none, none, none, none}},
		{booking.Completed, 49, [...]payments.Operation{abandon, abandon, void, none, none, none, none, none, none}},
		{booking.Canceled, 500, [...]payments.Operation{authorize, authorize, capture, none, none, none, none, none, none}},
		{booking.Canceled, 50, [...]payments.Operation{authorize, authorize, capture, none, none, none, none, none, none}},
		{booking.Canceled, 49, [...]payments.Operation{abandon, abandon, void, none, none, none, none, none, none}},
		{booking.Canceled, 0, [...]payments.Operation{abandon, abandon, void, none, none, none, none, none, none}},
		{booking.Expired, 1043, [...]payments.Operation{abandon, abandon, void, none, none, none, none, none, none}},
	} {
		for i, payment := range columns {
			s := booking.State{Version: 1, Status: row.status, Fare: booking.Money{Amount: 1043, Currency: "EUR"}}
			s.Payment = booking.Payment{Status: payment, Ref: "pi_1", Authorized: 1304}
			switch row.status {
			case booking.Completed:
				s.Fare.Amount = row.owed
			case booking.Canceled:
				s.Cancellation = &booking.Cancellation{Fee: booking.Money{Amount: row.owed, Currency: "EUR"}}
			}
			if got := payments.Due(s, noon); got != row.due[i] {
				t.Errorf("%s, %d owed, %s: due is %s, want %s", row.status, row.owed, payment, got, row.due[i])
			}
		}
	}
	if got := payments.Due(booking.State{}, noon); got != none {
		t.Errorf("no booking: due is %s", got)
	}
}

func TestDueByRefunds(t *testing.T) {
	t.Parallel()
	open, done, failed := booking.RefundOpen, booking.RefundDone, booking.RefundFailed
	for _, row := range []struct {
		payment booking.PaymentStatus
		refunds []booking.RefundStatus
		due     payments.Operation
	}{
		{booking.PaymentIsCaptured, []booking.RefundStatus{open}, payments.Refund},
		{booking.PaymentIsCaptured, []booking.RefundStatus{done, failed, open}, payments.Refund},
		{booking.PaymentIsRefunded, []booking.RefundStatus{done, open}, payments.Refund},
		{booking.PaymentIsCaptured, []booking.RefundStatus{done, failed}, payments.None},
		{booking.PaymentIsRefunded, []booking.RefundStatus{done}, payments.None},
		{booking.PaymentIsVoided, []booking.RefundStatus{open}, payments.None},
	} {
		for _, status := range booking.Statuses() { // captured by hand, it is refunded at any time
			s := booking.State{Version: 1, Status: status, Payment: booking.Payment{Status: row.payment, Ref: "pi_1"}}
			for _, r := range row.refunds {
				s.Payment.Refunds = append(s.Payment.Refunds, booking.Refund{ID: "rf", Status: r})
			}
			if got := payments.Due(s, noon); got != row.due {
				t.Errorf("%s, %s with refunds %v: due is %s, want %s", status, row.payment, row.refunds, got, row.due)
			}
		}
	}
}

// The clock matters for a hold that should have lapsed and is still needed.
func TestDueByTheClock(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status  booking.Status
		payment booking.PaymentStatus
		lapses  time.Time
		due     payments.Operation
	}{
		{booking.InProgress, booking.PaymentIsAuthorized, noon, payments.Reconcile},
		{booking.Confirmed, booking.PaymentIsAuthorized, noon.Add(-time.Hour), payments.Reconcile},
		{booking.InProgress, booking.PaymentIsAuthorized, noon.Add(time.Second), payments.None},
		{booking.InProgress, booking.PaymentIsAuthorized, time.Time{}, payments.None},
		{booking.InProgress, booking.PaymentHasFailed, noon, payments.None},
		{booking.InProgress, booking.PaymentIsCaptured, noon, payments.None},
		{booking.Completed, booking.PaymentIsAuthorized, noon, payments.Capture},
		{booking.Expired, booking.PaymentIsAuthorized, noon, payments.Void},
	} {
		s := booking.State{Version: 1, Status: row.status, Fare: booking.Money{Amount: 1043, Currency: "EUR"}}
		s.Payment = booking.Payment{Status: row.payment, Ref: "pi_1", Authorized: 1304, CaptureBefore: row.lapses}
		if got := payments.Due(s, noon); got != row.due {
			t.Errorf("%s, %s until %s: due is %s, want %s", row.status, row.payment, row.lapses, got, row.due)
		}
	}
}
