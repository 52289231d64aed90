package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Gateway is the payment provider as this service needs it: card payments that
// are first held, then captured or canceled.
//
// Every method makes exactly one attempt: retries, breaker and bulkhead belong
// to the caller. Every method honours ctx, is safe for concurrent use, and
// returns a *Error for every failure. A *Error of class Unknown leaves open
// whether the provider acted; Retrieve tells. A returned Payment is what the
// provider says now, whatever the method.
//
// The key makes a repeat harmless: the provider carries out the first call
// with a key and answers every later one with the first answer. Keys are
// forgotten after about 24 hours, and a failure may be remembered too, so that a
// key alone is never trusted with money.
type Gateway interface {
	// Create makes a payment object that holds nothing until it is confirmed.
	Create(ctx context.Context, order Order, key string) (Payment, error)
	// Confirm asks for the hold on the card. Declined is an error of class
	// Declined, and the object can still be canceled after it.
	Confirm(ctx context.Context, ref, key string) (Payment, error)
	// Retrieve reads the object. It changes nothing.
	Retrieve(ctx context.Context, ref string) (Payment, error)
	// Capture takes amount, at most the held one, and releases the rest.
	Capture(ctx context.Context, ref string, amount int64, key string) (Payment, error)
	// Cancel releases the hold and fences every attempt still in flight: a
	// canceled object can never be confirmed or captured.
	Cancel(ctx context.Context, ref, key string) (Payment, error)
	// Refund gives a part of what was captured back. Nothing at the provider tells
	// two refunds of the same amount apart but their keys and the id that the order
	// gives them: before a repeat under another key, Refunds tells what there is. A
	// refund may be pending for days, and may fail even after it had succeeded.
	Refund(ctx context.Context, order RefundOrder, key string) (RefundObject, error)
	// Refunds lists what was given back of the object, or is on its way, oldest
	// first. What a capture or a cancellation released of the hold is not among it.
	Refunds(ctx context.Context, ref string) ([]RefundObject, error)
	// Disputes lists what the cardholder contests about the object, oldest first.
	Disputes(ctx context.Context, ref string) ([]Dispute, error)
}

// Order is what a payment object is made for.
type Order struct {
	BookingID string
	// Amount to hold, in minor units of Currency (ISO 4217, upper case).
	Amount   int64
	Currency string
	// Method is the provider's token for a payment method; never card data.
	Method string
}

// Status is the state of a payment object at the provider.
type Status string

// The states this service distinguishes.
const (
	StatusUnconfirmed Status = "unconfirmed" // exists, was never confirmed, or was declined
	StatusProcessing  Status = "processing"  // the provider has not decided yet
	StatusAuthorized  Status = "authorized"  // the amount is held
	StatusCaptured    Status = "captured"    // the amount was taken
	StatusCanceled    Status = "canceled"    // nothing is held, for good
)

// Payment is one payment object as the provider reports it. Amounts are in
// minor units of Currency (ISO 4217, upper case).
type Payment struct {
	Ref        string
	BookingID  string
	Status     Status
	Currency   string
	Amount     int64 // asked for
	Authorized int64 // held now or captured from
	Captured   int64
	Refunded   int64
	// CaptureBefore is when the hold lapses; zero where the provider does not say.
	CaptureBefore time.Time
	// DeclineCode says why the last confirmation was declined; empty if it was not.
	DeclineCode string
	// Disputed tells that the cardholder contests the charge, or once did.
	Disputed bool
	// Replayed tells that the provider answered from its memory of the key: this is
	// how the object was then.
	Replayed bool
}

// RefundOrder is what is to be given back, and under which id of this service.
type RefundOrder struct {
	Ref       string
	BookingID string
	RefundID  string
	// Amount in minor units of the object's currency, at most what is left.
	Amount int64
}

// RefundStatus is the state of a refund at the provider.
type RefundStatus string

// The states of a refund.
const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded" // it may still fail
	RefundFailed    RefundStatus = "failed"    // for good, the money is where it was
)

// RefundObject is money on its way back, as the provider reports it.
type RefundObject struct {
	ID string // the provider's
	// RefundID is the id that this service gave it; empty where somebody made it at
	// the provider by hand.
	RefundID string
	Amount   int64
	Currency string
	Status   RefundStatus
	// FailureCode says why it failed.
	FailureCode string
	// Replayed tells that the provider answered from its memory of the key.
	Replayed bool
}

// Dispute is a charge that the cardholder contests with the bank.
type Dispute struct {
	ID       string
	Amount   int64
	Currency string
	// Status is the provider's word, such as needs_response, won or lost.
	Status string
}

// Error is a call to the provider that did not succeed.
type Error struct {
	Outcome resilience.Class
	// Code is the provider's own word, such as card_declined or lock_timeout.
	// It may be logged and shown: it never holds card data or personal data.
	Code string
	// RetryAfter is how long the provider asked to wait; zero if it did not.
	RetryAfter time.Duration
	// Replayed tells that the provider answered from its memory of the key.
	Replayed bool
	// Refused tells that the provider refuses this service as such, whatever it asks
	// for: with a wrong or revoked API key, or at a wrong address. No booking is to
	// blame for it.
	Refused bool
	// Err is the cause, for logs. It may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("payment provider: %s (%s)", e.Code, e.Outcome)
	}
	return fmt.Sprintf("payment provider: %s (%s): %v", e.Code, e.Outcome, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Class implements resilience.Classified.
func (e *Error) Class() resilience.Class { return e.Outcome }

// Wait implements resilience.RetryAfter.
func (e *Error) Wait() time.Duration { return e.RetryAfter }

// Codes of the provider that this service acts upon.
const (
	// CodeUnexpectedState is a call that does not fit the state of its object, as
	// another call may have brought it about.
	CodeUnexpectedState = "payment_intent_unexpected_state"
	// CodeKeyInUse and CodeLocked are calls that met another one on its way.
	CodeKeyInUse = "idempotency_key_in_use"
	CodeLocked   = "lock_timeout"
	// CodeKeyReused is a key that stands for other parameters: an older build may
	// have sent them.
	CodeKeyReused = "idempotency_error"
)

// Conflict tells that another call has been, or is, at the same object: only
// Retrieve tells what came of it.
func (e *Error) Conflict() bool {
	return e.Code == CodeUnexpectedState || e.Code == CodeKeyInUse || e.Code == CodeLocked
}

// Neutral implements resilience.Neutral: what the provider answers from its memory,
// and what is due to another call of ours, says nothing about its health.
func (e *Error) Neutral() bool { return e.Replayed || e.Conflict() }

// KeySpent tells that the key of the call will never bring another answer than
// this failure, until the provider forgets it.
func (e *Error) KeySpent() bool { return e.Replayed || e.Code == CodeKeyReused }
