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
	TypeBookingRequested = "BookingRequested"
	TypeBookingConfirmed = "BookingConfirmed"
	TypeDriverAssigned   = "DriverAssigned"
	TypeDriverUnassigned = "DriverUnassigned"
	TypeDriverArrived    = "DriverArrived"
	TypeRideStarted      = "RideStarted"
	TypeRideCompleted    = "RideCompleted"
	TypeBookingCanceled  = "BookingCanceled"
	TypeBookingExpired   = "BookingExpired"
)

// BookingRequested begins a booking. It carries everything that a later decision
// needs, so that a new tariff never changes an old booking.
type BookingRequested struct {
	At      time.Time `json:"at"`
	RiderID RiderID   `json:"rider_id"`
	Product string    `json:"product"`
	// Tariff is the id of the tariff, Prices and Fees what it said then.
	Tariff string  `json:"tariff"`
	Prices Product `json:"prices"`
	Fees   Fees    `json:"fees"`
	// Fare is the quote, Hold what is authorized on the card: the quote and its
	// headroom.
	Fare Money `json:"fare"`
	Hold Money `json:"hold"`
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

// DriverAssigned means that a driver is on the way; the driver's lease was taken
// in the same transaction.
type DriverAssigned struct {
	At       time.Time `json:"at"`
	DriverID string    `json:"driver_id"`
}

// DriverUnassigned puts the booking back in the queue for drivers.
type DriverUnassigned struct {
	At       time.Time `json:"at"`
	DriverID string    `json:"driver_id"`
	AssignBy time.Time `json:"assign_by"`
}

// DriverArrived means that the driver waits at the pickup.
type DriverArrived struct {
	At time.Time `json:"at"`
}

// RideStarted means that the rider is in the car.
type RideStarted struct {
	At time.Time `json:"at"`
}

// RideCompleted ends a booking as it should end.
type RideCompleted struct {
	At        time.Time `json:"at"`
	DistanceM int64     `json:"distance_m"`
	DurationS int64     `json:"duration_s"`
	// Fare is what the ride costs, at most what is authorized.
	Fare Money `json:"fare"`
}

// BookingCanceled ends a booking before the ride was over.
type BookingCanceled struct {
	At    time.Time   `json:"at"`
	By    string      `json:"by"`
	Cause CancelCause `json:"cause"`
	// Fee is what is owed nevertheless, at most what is authorized.
	Fee Money `json:"fee"`
	// Personal is stored apart.
	Personal Remark `json:"-"`
}

// CancelCause is the kind of a cancellation.
type CancelCause string

// The causes of cancellations.
const (
	CauseCanceled          CancelCause = "canceled" // by the rider or a dispatcher
	CauseAborted           CancelCause = "aborted"  // by ops
	CauseNoShow            CancelCause = "no_show"
	CausePaymentDeclined   CancelCause = "payment_declined"
	CausePaymentFailed     CancelCause = "payment_failed"
	CauseAuthorizationLost CancelCause = "authorization_lost"
)

// BookingExpired ends a booking that was overdue. It owes nothing.
type BookingExpired struct {
	At time.Time `json:"at"`
	// Overdue is the status that lasted too long.
	Overdue Status `json:"overdue"`
}

// Remark is what somebody wrote in their own words, and so may name anybody.
type Remark struct {
	Reason string `json:"reason"`
}

// Type implements Event.
func (BookingRequested) Type() string { return TypeBookingRequested }

// Type implements Event.
func (BookingConfirmed) Type() string { return TypeBookingConfirmed }

// Type implements Event.
func (DriverAssigned) Type() string { return TypeDriverAssigned }

// Type implements Event.
func (DriverUnassigned) Type() string { return TypeDriverUnassigned }

// Type implements Event.
func (DriverArrived) Type() string { return TypeDriverArrived }

// Type implements Event.
func (RideStarted) Type() string { return TypeRideStarted }

// Type implements Event.
func (RideCompleted) Type() string { return TypeRideCompleted }

// Type implements Event.
func (BookingCanceled) Type() string { return TypeBookingCanceled }

// Type implements Event.
func (BookingExpired) Type() string { return TypeBookingExpired }
