package payments

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Operation is what a booking owes to, or is owed by, its payment.
type Operation string

// The operations that can be due.
const (
	None      Operation = "none"
	Authorize Operation = "authorize" // hold the fare
	Capture   Operation = "capture"   // take the fare, or the fee
	Void      Operation = "void"      // release the hold
	Abandon   Operation = "abandon"   // make sure that nothing is or will be held
	Refund    Operation = "refund"    // give back what ops asked for
	Reconcile Operation = "reconcile" // ask what became of a hold that should have lapsed
)

// Due returns the operation that a booking owes at an instant. A payment that
// failed owes nothing until somebody retries it.
//
// The clock matters for one thing only: a hold that is still needed and should
// have lapsed. Everything else is due from the moment that the log says so, and
// stays due until the log says that it is done. That a fare is captured well
// before its hold lapses is the domain's care: see booking.State.Deadline.
func Due(s booking.State, now time.Time) Operation {
	pay := s.Payment
	switch {
	case s.OwesAuthorization():
		return Authorize
	case pay.Status == booking.PaymentIsCaptured || pay.Status == booking.PaymentIsRefunded:
		return dueRefund(pay)
	case !s.Status.Terminal():
		return dueDuringRide(pay, now)
	case pay.Status == booking.PaymentPending || pay.Status == booking.PaymentIsStarted:
		return Abandon
	case pay.Status != booking.PaymentIsAuthorized:
		return None
	case s.OwesCharge():
		return Capture
	default:
		return Void
	}
}

func dueRefund(pay booking.Payment) Operation {
	for _, r := range pay.Refunds {
		if r.Status == booking.RefundOpen {
			return Refund
		}
	}
	return None
}

func dueDuringRide(pay booking.Payment, now time.Time) Operation {
	lapses := pay.CaptureBefore
	if pay.Status == booking.PaymentIsAuthorized && !lapses.IsZero() && !now.Before(lapses) {
		return Reconcile
	}
	return None
}
