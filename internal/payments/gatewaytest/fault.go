package gatewaytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Op is a method of payments.Gateway.
type Op string

// The methods.
const (
	Create   Op = "create"
	Confirm  Op = "confirm"
	Retrieve Op = "retrieve"
	Capture  Op = "capture"
	Cancel   Op = "cancel"
	Refund   Op = "refund"
	Refunds  Op = "refunds"
	Disputes Op = "disputes"
)

// reads tells whether a method changes nothing, and so has no key.
func (o Op) reads() bool { return o == Retrieve || o == Refunds || o == Disputes }

// Call is one call of a method, as faults and the ledger see it.
type Call struct {
	Op  Op
	Ref string // empty for Create
	Key string // empty for methods that only read
}

// Fault is how a call goes wrong. The zero Fault is none.
type Fault struct {
	err     *payments.Error
	effect  bool // the call has its effect before it fails
	store   bool // err is the answer to the key from now on
	hang    bool // until the context ends
	decline string
	pending bool
	payment func(*payments.Payment)
	refund  func(*payments.RefundObject)
}

// Unreachable is a call that was certainly not sent.
func Unreachable() Fault { return Fault{err: failed(resilience.Transient, "not_sent")} }

// RateLimited is a refusal at the door.
func RateLimited(retryAfter time.Duration) Fault {
	err := failed(resilience.Transient, "rate_limit")
	err.RetryAfter = retryAfter
	return Fault{err: err}
}

// LostBefore is a call that is lost before it has its effect.
func LostBefore() Fault { return Fault{err: failed(resilience.Unknown, "connection_lost")} }

// LostAfter is a call whose answer is lost.
func LostAfter() Fault {
	return Fault{err: failed(resilience.Unknown, "connection_lost"), effect: true}
}

// HangBefore never answers and has no effect. It needs a context that ends.
func HangBefore() Fault { return Fault{hang: true} }

// HangAfter never answers, but has its effect. It needs a context that ends.
func HangAfter() Fault { return Fault{hang: true, effect: true} }

// Stored500 is an outage that the provider remembers under the key: the same
// key will never have its effect.
func Stored500() Fault { return Fault{err: failed(resilience.Unknown, "api_error"), store: true} }

// Busy is a refusal because another call is at the object or has the key: code
// lock_timeout or idempotency_key_in_use.
func Busy(code string) Fault { return Fault{err: failed(resilience.Unknown, code)} }

// Declined makes a Confirm of a good card a decline. Other calls are unharmed.
func Declined(code string) Fault { return Fault{decline: code} }

// Pending makes a Refund one that the provider has not decided yet, see
// Fake.FinishRefund. Other calls are unharmed.
func Pending() Fault { return Fault{pending: true} }

// Refused is what every call meets whose API key is wrong.
func Refused() Fault {
	err := failed(resilience.Permanent, "invalid_request_error")
	err.Refused = true
	return Fault{err: err}
}

// Misreported makes the answer of a call about an object a wrong one. The object itself
// is as it should be.
func Misreported(change func(*payments.Payment)) Fault { return Fault{payment: change} }

// MisreportedRefund makes the answer of a call about refunds a wrong one.
func MisreportedRefund(change func(*payments.RefundObject)) Fault { return Fault{refund: change} }

// misreport applies the change of a fault to an answer.
func (f Fault) misreport(a reply) reply {
	if f.payment != nil {
		f.payment(&a.payment)
	}
	if f.refund != nil {
		f.refund(&a.refund)
		a.refunds = slices.Clone(a.refunds)
		for i := range a.refunds {
			f.refund(&a.refunds[i])
		}
	}
	return a
}

// DeclinedWithoutTrace is a refusal of the payment method that the object does not
// show afterwards.
func DeclinedWithoutTrace(code string) Fault { return Fault{err: failed(resilience.Declined, code)} }

// Broken is a call that the provider finds wrong, with a code of its choice.
func Broken(code string) Fault { return Fault{err: failed(resilience.Permanent, code)} }

func failed(class resilience.Class, code string) *payments.Error {
	return &payments.Error{Outcome: class, Code: code}
}

// early tells whether the call does not even reach the provider.
func (f Fault) early() bool { return (f.err != nil || f.hang) && !f.effect && !f.store }

// strike returns the error of a fault that ends the call, after waiting if it
// hangs.
func (f Fault) strike(ctx context.Context, c Call) error {
	switch {
	case f.hang:
		<-ctx.Done()
		return ended(ctx, c, resilience.Unknown)
	case f.err != nil:
		e := *f.err
		e.Err = errors.New(c.String())
		return &e
	default:
		return nil
	}
}

// ended is a call whose context is over.
func ended(ctx context.Context, c Call, class resilience.Class) *payments.Error {
	code := "timeout"
	switch {
	case class == resilience.Transient:
		code = "not_sent"
	case errors.Is(ctx.Err(), context.Canceled):
		code = "canceled"
	}
	return &payments.Error{Outcome: class, Code: code, Err: fmt.Errorf("%s: %w", c, ctx.Err())}
}

// String is the call in a few words.
func (c Call) String() string {
	if c.Ref == "" {
		return string(c.Op)
	}
	return string(c.Op) + " " + c.Ref
}
