package booking

import (
	"fmt"
	"time"
)

// Command is a wish that Decide grants or rejects.
type Command interface{ command() }

// Request asks for a new booking.
type Request struct {
	At      time.Time
	RiderID RiderID
	Trip    Trip
	Product string
	// ExpectedFare, where given, is the fare that the rider was shown.
	ExpectedFare *Money
	Tariff       Tariff
}

// Assign sends a driver, who must have no other active ride. A DriverID that is a UUID
// is the same in capitals; other ids have none.
type Assign struct {
	At       time.Time
	DriverID string
}

// Unassign takes the driver off again.
type Unassign struct{ At time.Time }

// Arrive says that the driver waits at the pickup.
type Arrive struct{ At time.Time }

// Start says that the rider is in the car.
type Start struct{ At time.Time }

// Complete ends the ride, with what was really driven.
type Complete struct {
	At        time.Time
	DistanceM int64
	DurationS int64
}

// NoShow ends a booking whose rider did not come.
type NoShow struct{ At time.Time }

// Cancel ends a booking before the ride, for the rider or a dispatcher.
type Cancel struct {
	At     time.Time
	By     string
	Reason string
}

// Abort ends a booking wherever it is, for ops.
type Abort struct {
	At     time.Time
	Reason string
	Fee    *Money // nil for none
}

// Expire ends a booking that is past its deadline.
type Expire struct{ At time.Time }

// RequestRefund asks for money to be given back. Amount nil means all that is
// left.
type RequestRefund struct {
	At       time.Time
	RefundID string
	Amount   *Money
	Reason   string
}

// RetryPayment takes up a payment operation that had failed.
type RetryPayment struct{ At time.Time }

func (Request) command()       {}
func (Assign) command()        {}
func (Unassign) command()      {}
func (Arrive) command()        {}
func (Start) command()         {}
func (Complete) command()      {}
func (NoShow) command()        {}
func (Cancel) command()        {}
func (Abort) command()         {}
func (Expire) command()        {}
func (RequestRefund) command() {}
func (RetryPayment) command()  {}

// Code names a reason for which a command was rejected.
type Code string

// The codes of rejections. They are part of the HTTP contract.
const (
	CodeValidationFailed Code = "validation-failed"
	CodeInvalidState     Code = "invalid-state"
	CodeFareChanged      Code = "fare-changed"
	CodeDriverBusy       Code = "driver-busy"
	CodeNotFound         Code = "not-found"
	CodeVersionMismatch  Code = "version-mismatch"
	CodeKeyReused        Code = "idempotency-key-reused"
)

// Rejection is a command that was understood and refused; nothing was stored.
// Its texts are for the caller and hold no personal data.
type Rejection struct {
	Code   Code
	Detail string
	Fields []FieldError
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	// Pointer is an RFC 6901 JSON pointer into the body.
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error implements error.
func (r *Rejection) Error() string { return fmt.Sprintf("%s: %s", r.Code, r.Detail) }

func reject(code Code, format string, args ...any) *Rejection {
	return &Rejection{Code: code, Detail: fmt.Sprintf(format, args...)}
}
