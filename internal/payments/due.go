package payments

import "github.com/hailstone-rides/hailstone/internal/booking"

// Operation is what a booking owes to, or is owed by, its payment.
type Operation string

// The operations that can be due.
const (
	None      Operation = "none"
	Authorize Operation = "authorize"
)

// Due returns the operation that a booking owes now.
func Due(s booking.State) Operation {
	open := s.Payment.Status == booking.PaymentPending || s.Payment.Status == booking.PaymentIsStarted
	if s.Status == booking.Requested && open {
		return Authorize
	}
	return None
}
