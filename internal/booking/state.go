package booking

import (
	"time"
)

// Money is an amount in minor units of a currency (ISO 4217, upper case).
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Place is a point on the map, in degrees, with what the rider calls it.
type Place struct {
	Lat   float64 `json:"lat"`
	Lng   float64 `json:"lng"`
	Label string  `json:"label,omitzero"`
}

// Trip is the personal part of a booking: where from, where to, paid how.
type Trip struct {
	Pickup  Place `json:"pickup"`
	Dropoff Place `json:"dropoff"`
	// PaymentMethod is the provider's token, never card data.
	PaymentMethod string `json:"payment_method"`
}

// Status is where a booking stands.
type Status string

// The statuses of a booking, in the order of a ride; then the two other ends.
const (
	Requested Status = "requested"
	Confirmed Status = "confirmed"
	Canceled  Status = "canceled"
)

// PaymentStatus is where the payment of a booking stands.
type PaymentStatus string

// The statuses of a payment.
const (
	PaymentPending      PaymentStatus = "pending"
	PaymentIsStarted    PaymentStatus = "started"
	PaymentIsAuthorized PaymentStatus = "authorized"
	PaymentIsDeclined   PaymentStatus = "declined"
)

// Payment is what the log knows of the money.
type Payment struct {
	Status PaymentStatus
	// Ref names the provider's object; empty before PaymentStarted.
	Ref   string
	Group int
	// In minor units of the fare's currency.
	Authorized int64
	Captured   int64
	Refunded   int64
	// CaptureBefore is when the hold lapses.
	CaptureBefore time.Time
	// Failure is the provider's word for why it declined.
	Failure string
}

// Cancellation says how a booking ended early.
type Cancellation struct {
	By     string
	Reason CancelReason
	Fee    Money
}

// State is what the events of a booking add up to.
type State struct {
	ID      ID
	Version int64
	Status  Status

	RiderID string
	Product string
	Tariff  string
	Trip    Trip
	Fare    Money
	Hold    Money
	Fees    Fees
	// Deadline is when the present status is overdue; zero where it never is.
	Deadline time.Time

	Payment      Payment
	Cancellation *Cancellation

	RequestedAt time.Time
	UpdatedAt   time.Time
}

// Exists tells whether the booking was ever requested.
func (s State) Exists() bool { return s.Version > 0 }

// Fold applies events in their order to s.
func Fold(s State, events []Event) State {
	for _, e := range events {
		s = Evolve(s, e)
	}
	return s
}

// Evolve returns the state after e. It is total: it decides nothing, and takes
// every event in every state, since what is in the log has happened.
func Evolve(s State, e Event) State {
	s.Version++
	switch e := e.(type) {
	case BookingRequested:
		s.Status, s.RequestedAt, s.UpdatedAt = Requested, e.At, e.At
		s.RiderID, s.Product, s.Tariff, s.Trip = e.RiderID, e.Product, e.Tariff, e.Personal
		s.Fare, s.Hold, s.Fees, s.Deadline = e.Fare, e.Hold, e.Fees, e.AuthorizeBy
		s.Payment.Status = PaymentPending
	case BookingConfirmed:
		s.Status, s.Deadline, s.UpdatedAt = Confirmed, e.AssignBy, e.At
	case BookingCanceled:
		s.Status, s.Deadline, s.UpdatedAt = Canceled, time.Time{}, e.At
		s.Cancellation = &Cancellation{By: e.By, Reason: e.Reason, Fee: e.Fee}
	case PaymentStarted:
		s.Payment.Status, s.Payment.Ref, s.Payment.Group, s.UpdatedAt = PaymentIsStarted, e.Ref, e.Group, e.At
	case PaymentAuthorized:
		s.Payment.Status, s.Payment.Authorized, s.UpdatedAt = PaymentIsAuthorized, e.Amount.Amount, e.At
		s.Payment.CaptureBefore = e.CaptureBefore
	case PaymentDeclined:
		s.Payment.Status, s.Payment.Failure, s.UpdatedAt = PaymentIsDeclined, e.Code, e.At
	}
	return s
}
