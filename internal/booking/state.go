package booking

import (
	"slices"
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
	Requested     Status = "requested"
	Confirmed     Status = "confirmed"
	HasDriver     Status = "driver_assigned"
	DriverIsThere Status = "driver_arrived"
	InProgress    Status = "in_progress"
	Completed     Status = "completed"
	Canceled      Status = "canceled"
	Expired       Status = "expired"
)

// Statuses returns all statuses of a booking.
func Statuses() []Status {
	return []Status{Requested, Confirmed, HasDriver, DriverIsThere, InProgress, Completed, Canceled, Expired}
}

// Terminal tells whether a booking can never leave the status again. Its payment
// may still have a way to go.
func (s Status) Terminal() bool { return s == Completed || s == Canceled || s == Expired }

// PaymentStatus is where the payment of a booking stands.
type PaymentStatus string

// The statuses of a payment.
const (
	PaymentPending      PaymentStatus = "pending"
	PaymentIsStarted    PaymentStatus = "started"
	PaymentIsAuthorized PaymentStatus = "authorized"
	PaymentIsCaptured   PaymentStatus = "captured"
	PaymentIsRefunded   PaymentStatus = "refunded"
	PaymentIsDeclined   PaymentStatus = "declined"
	PaymentIsVoided     PaymentStatus = "voided"
	PaymentIsAbandoned  PaymentStatus = "abandoned"
	PaymentHasFailed    PaymentStatus = "failed"
)

// Settled tells whether nothing is owed any more, in either direction, apart from
// refunds that are still open.
func (p PaymentStatus) Settled() bool {
	switch p {
	case PaymentIsCaptured, PaymentIsRefunded, PaymentIsDeclined, PaymentIsVoided, PaymentIsAbandoned:
		return true
	default:
		return false
	}
}

// Payment is what the log knows of the money. Amounts are in minor units of the
// fare's currency.
type Payment struct {
	Status PaymentStatus
	// Ref names the provider's object; empty before PaymentStarted.
	Ref string
	// Group numbers the attempts: every key at the provider carries it.
	Group int
	// Attempts are those at each operation; those at refunds are with the refunds.
	Authorizing, Capturing, Voiding Attempts

	// Asked is what the object was made for: the amount that a hold must have.
	Asked      int64
	Authorized int64
	Captured   int64
	Refunded   int64
	// CaptureBefore is when the hold lapses.
	CaptureBefore time.Time
	// Lost tells that the hold lapsed before it was captured.
	Lost bool
	// Failed is the operation that was given up, while Status is failed.
	Failed Operation
	// Failure says why the payment was declined or failed.
	Failure string
	Refunds []Refund
	// Disputes are the charges that the cardholder contests, each with its last news.
	Disputes []Dispute
}

// Dispute is a charge that the cardholder contests, as the provider calls it.
type Dispute struct {
	ID, Status string
	// News counts how often the provider had news of it.
	News int
}

// Refund is money on its way back.
type Refund struct {
	ID     string
	Amount int64
	Status RefundStatus
	// Ref names the provider's refund object that failed; empty before, and where the
	// provider made none.
	Ref string
	// Group numbers the attempts at this refund.
	Group    int
	Attempts Attempts
}

// RefundStatus is where a refund stands.
type RefundStatus string

// The statuses of a refund.
const (
	RefundOpen   RefundStatus = "open"
	RefundDone   RefundStatus = "done"
	RefundFailed RefundStatus = "failed"
)

// Cancellation says how a booking ended early.
type Cancellation struct {
	By    string
	Cause CancelCause
	// Reason is what they wrote; empty where nobody wrote anything.
	Reason string
	Fee    Money
}

// State is what the events of a booking add up to. It is a value: Evolve never
// changes memory that an older State can see.
type State struct {
	ID      ID
	Version int64
	Status  Status

	RiderID RiderID
	Product string
	Tariff  string
	Prices  Product
	Fees    Fees
	Trip    Trip
	// Fare is the quote until the ride is completed, then what it costs.
	Fare Money
	Hold Money

	// DriverID is set while a driver is on the way, there, or driving, and stays
	// after a ride was completed.
	DriverID string

	Payment      Payment
	Cancellation *Cancellation

	AuthorizeBy time.Time
	AssignBy    time.Time
	AssignedAt  time.Time
	ArrivedAt   time.Time
	StartedAt   time.Time

	RequestedAt time.Time
	UpdatedAt   time.Time
}

// Exists tells whether the booking was ever requested.
func (s State) Exists() bool { return s.Version > 0 }

// Driver returns who has this booking as their one active ride; empty for none.
func (s State) Driver() string {
	switch s.Status {
	case HasDriver, DriverIsThere, InProgress:
		return s.DriverID
	default:
		return ""
	}
}

// Owed is what the rider has to pay, as far as it is known: the fare of a
// completed ride, the fee of a canceled one, otherwise nothing.
func (s State) Owed() Money {
	owed := Money{Currency: s.Fare.Currency}
	switch {
	case s.Status == Completed:
		owed.Amount = s.Fare.Amount
	case s.Status == Canceled && s.Cancellation != nil:
		owed.Amount = s.Cancellation.Fee.Amount
	}
	return owed
}

// AmountToHold is what an authorization is to hold: the quote and its headroom, or
// exactly what is owed once that is known.
func (s State) AmountToHold() Money {
	if s.Status.Terminal() {
		return s.Owed()
	}
	return s.Hold
}

// Refundable is what could still be given back: what was captured less every
// refund that did not fail.
func (s State) Refundable() int64 {
	left := s.Payment.Captured
	for _, r := range s.Payment.Refunds {
		if r.Status != RefundFailed {
			left -= r.Amount
		}
	}
	return left
}

// Refund returns the refund with the given id.
func (p Payment) Refund(id string) (Refund, bool) {
	return find(p.Refunds, func(r Refund) bool { return r.ID == id })
}

// Dispute returns the dispute with the given id.
func (p Payment) Dispute(id string) (Dispute, bool) {
	return find(p.Disputes, func(d Dispute) bool { return d.ID == id })
}

func find[T any](all []T, is func(T) bool) (found T, ok bool) {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return found, false
}
