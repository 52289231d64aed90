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
func Due(s booking.State, _ time.Time) Operation {
	switch {
	case s.OwesAuthorization():
		return Authorize
	case !s.Status.Terminal():
		return None
	case s.Payment.Status == booking.PaymentPending || s.Payment.Status == booking.PaymentIsStarted:
		return Abandon
	case s.Payment.Status != booking.PaymentIsAuthorized:
		return None
	case s.Owed().Amount >= booking.SmallestCharge:
		return Capture
	default:
		return Void
	}
}
