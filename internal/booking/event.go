package booking

import "time"

// Event is something that happened to a booking, and cannot be undone. Each
// says when, by the clock of whoever recorded it.
type Event interface {
	// Type is the name under which the event is stored, forever.
	Type() string
}

// Type strings are storage format.
const (
	TypeBookingRequested  = "BookingRequested"
	TypeBookingConfirmed  = "BookingConfirmed"
	TypeBookingCanceled   = "BookingCanceled"
	TypePaymentStarted    = "PaymentStarted"
	TypePaymentAuthorized = "PaymentAuthorized"
	TypePaymentDeclined   = "PaymentDeclined"
)

// BookingRequested begins a booking. It carries everything that a later decision
// needs, so that a new tariff never changes an old booking.
type BookingRequested struct {
	At      time.Time `json:"at"`
	RiderID string    `json:"rider_id"`
	Product string    `json:"product"`
	Tariff  string    `json:"tariff"`
	// Fare is the quote, Hold what is authorized on the card: the quote and its
	// headroom.
	Fare Money `json:"fare"`
	Hold Money `json:"hold"`
	Fees Fees  `json:"fees"`
	// AuthorizeBy is when the booking expires without an authorization.
	AuthorizeBy time.Time `json:"authorize_by"`
	// Personal is stored apart, see codec.go.
	Personal Trip `json:"-"`
}

// BookingConfirmed means that the fare is held and a driver may be sent.
type BookingConfirmed struct {
	At       time.Time `json:"at"`
	AssignBy time.Time `json:"assign_by"`
}

// BookingCanceled ends a booking before the ride was over.
type BookingCanceled struct {
	At     time.Time    `json:"at"`
	By     string       `json:"by"`
	Reason CancelReason `json:"reason"`
	Fee    Money        `json:"fee"`
}

// CancelReason says why a booking was canceled.
type CancelReason string

// The reasons that the service itself gives.
const ReasonPaymentDeclined CancelReason = "payment_declined"

// PaymentStarted makes the provider's payment object known before it can hold
// any money. Only an object named here is ever confirmed.
type PaymentStarted struct {
	At    time.Time `json:"at"`
	Ref   string    `json:"ref"`
	Group int       `json:"group"`
}

// PaymentAuthorized means that the provider holds the amount.
type PaymentAuthorized struct {
	At     time.Time `json:"at"`
	Ref    string    `json:"ref"`
	Amount Money     `json:"amount"`
	// CaptureBefore is when the hold lapses.
	CaptureBefore time.Time `json:"capture_before"`
}

// PaymentDeclined means that the provider refused, and that its object, where
// there was one, is canceled: nothing is or will be held.
type PaymentDeclined struct {
	At   time.Time `json:"at"`
	Ref  string    `json:"ref,omitzero"`
	Code string    `json:"code"`
}

// Type implements Event.
func (BookingRequested) Type() string { return TypeBookingRequested }

// Type implements Event.
func (BookingConfirmed) Type() string { return TypeBookingConfirmed }

// Type implements Event.
func (BookingCanceled) Type() string { return TypeBookingCanceled }

// Type implements Event.
func (PaymentStarted) Type() string { return TypePaymentStarted }

// Type implements Event.
func (PaymentAuthorized) Type() string { return TypePaymentAuthorized }

// Type implements Event.
func (PaymentDeclined) Type() string { return TypePaymentDeclined }
