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
	RiderID string
	Trip    Trip
	Product string
	// ExpectedFare, where given, is the fare that the rider was shown.
	ExpectedFare *Money
	Tariff       Tariff
}

// RecordPaymentStarted makes the provider's object known before it is confirmed.
type RecordPaymentStarted struct {
	At  time.Time
	Ref string
}

// RecordAuthorization records that the provider holds the fare.
type RecordAuthorization struct {
	At            time.Time
	Ref           string
	Amount        Money
	CaptureBefore time.Time
}

// RecordDecline records that the provider refused, after its object was canceled
// there. Ref is empty where it refused to make one.
type RecordDecline struct {
	At   time.Time
	Ref  string
	Code string
}

func (Request) command()              {}
func (RecordPaymentStarted) command() {}
func (RecordAuthorization) command()  {}
func (RecordDecline) command()        {}

// Code names a reason for which a command was rejected.
type Code string

// The codes of rejections. They are part of the HTTP contract.
const (
	CodeValidationFailed Code = "validation-failed"
	CodeInvalidState     Code = "invalid-state"
	CodeFareChanged      Code = "fare-changed"
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
