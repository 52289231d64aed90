package readmodel

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// View is a booking as queries and responses show it. Its JSON form is the
// Booking of openapi.yaml, and what is stored.
type View struct {
	ID           booking.ID      `json:"id"`
	Version      int64           `json:"version"`
	State        booking.Status  `json:"state"`
	RiderID      booking.RiderID `json:"rider_id"`
	Pickup       booking.Place   `json:"pickup"`
	Dropoff      booking.Place   `json:"dropoff"`
	Product      string          `json:"product"`
	Fare         booking.Money   `json:"fare"`
	Payment      Payment         `json:"payment"`
	DriverID     *string         `json:"driver_id"`
	Cancellation *Cancellation   `json:"cancellation"`
	RequestedAt  time.Time       `json:"requested_at"`
	UpdatedAt    time.Time       `json:"updated_at"`

	// AssignBy is set while the booking waits for a driver. It orders the list of
	// those that wait and is no part of the JSON form.
	AssignBy time.Time `json:"-"`
	// Deadline is when somebody must look whether the booking or its payment is
	// stuck; zero once both are settled. No part of the JSON form, either.
	Deadline time.Time `json:"-"`
}

// Payment is the payment's part of a view.
type Payment struct {
	State      booking.PaymentStatus `json:"state"`
	Authorized booking.Money         `json:"authorized"`
	Captured   booking.Money         `json:"captured"`
	Refunded   booking.Money         `json:"refunded"`
	Failure    *string               `json:"failure"`
}

// Cancellation says how a booking ended early.
type Cancellation struct {
	By     string        `json:"by"`
	Reason string        `json:"reason"`
	Fee    booking.Money `json:"fee"`
}

// ViewOf shows a state.
func ViewOf(s booking.State) View {
	money := func(amount int64) booking.Money {
		return booking.Money{Amount: amount, Currency: s.Fare.Currency}
	}
	v := View{
		ID: s.ID, Version: s.Version, State: s.Status, RiderID: s.RiderID,
		Pickup: s.Trip.Pickup, Dropoff: s.Trip.Dropoff, Product: s.Product, Fare: s.Fare,
		Payment: Payment{
			State: s.Payment.Status, Authorized: money(s.Payment.Authorized),
			Captured: money(s.Payment.Captured), Refunded: money(s.Payment.Refunded),
		},
		RequestedAt: s.RequestedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
	if s.Status == booking.Confirmed {
		v.AssignBy = s.AssignBy
	}
	v.Deadline = deadlineOf(s)
	if s.DriverID != "" {
		v.DriverID = &s.DriverID
	}
	if s.Payment.Failure != "" {
		v.Payment.Failure = &s.Payment.Failure
	}
	if c := s.Cancellation; c != nil {
		// Without words of their own, the cause says why.
		v.Cancellation = &Cancellation{By: c.By, Reason: cmp.Or(c.Reason, string(c.Cause)), Fee: c.Fee}
	}
	return v
}

// PaymentCheckAfter is how long after its last event a payment is looked at that
// is not settled although its booking is over.
const PaymentCheckAfter = 15 * time.Minute

func deadlineOf(s booking.State) time.Time {
	refunding := slices.ContainsFunc(s.Payment.Refunds, func(r booking.Refund) bool { return r.Status == booking.RefundOpen })
	switch deadline := s.Deadline(); {
	case !deadline.IsZero():
		return deadline
	case s.Payment.Status.Settled() && !refunding:
		return time.Time{}
	default:
		return s.UpdatedAt.Add(PaymentCheckAfter)
	}
}

// Encode returns the view's JSON, always the same bytes for the same view.
func (v View) Encode() ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }
