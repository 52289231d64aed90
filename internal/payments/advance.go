package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// carryOut brings what is due one fact further. It begins with what the provider
// says, since nobody knows what became of earlier calls.
func (j *job) carryOut(ctx context.Context, due Operation) error {
	switch {
	case due == Refund:
		return j.refund(ctx)
	case j.payment().Ref != "":
		object, err := j.Gateway.Retrieve(ctx, j.payment().Ref)
		if err != nil {
			return err
		}
		return j.advance(ctx, due, object)
	case due == Authorize:
		return j.start(ctx)
	default: // nothing was ever begun
		return j.record(ctx, fact{"", "void", "abandoned"}, booking.RecordAbandoned{At: j.now()})
	}
}

// call is a change of the provider's object, and the operation that it counts as.
type call struct {
	operation booking.Operation
	make      func(context.Context) (Payment, error)
}

// next is the call that brings an object on to what is due; ok is false where
// none does, and what the provider says can be recorded.
func (j *job) next(due Operation, object Payment) (c call, ok bool) {
	open := object.Status == StatusUnconfirmed
	held := object.Status == StatusAuthorized
	switch {
	case due == Authorize && open && object.DeclineCode == "":
		return j.confirming(), true
	case due == Capture && held:
		return j.capturing(), true
	// A declined object is canceled before the decline is recorded: no attempt that is
	// still on its way can hold money for a booking that is over.
	case due == Authorize && open, (due == Void || due == Abandon) && (open || held):
		return j.canceling(), true
	default:
		return call{}, false
	}
}

func (j *job) confirming() call {
	return call{booking.OperationAuthorize, func(ctx context.Context) (Payment, error) {
		return j.Gateway.Confirm(ctx, j.payment().Ref, j.key("confirm"))
	}}
}

func (j *job) capturing() call {
	return call{booking.OperationCapture, func(ctx context.Context) (Payment, error) {
		return j.Gateway.Capture(ctx, j.payment().Ref, j.booking.State.Owed().Amount, j.key("capture"))
	}}
}

func (j *job) canceling() call {
	return call{booking.OperationVoid, func(ctx context.Context) (Payment, error) {
		return j.Gateway.Cancel(ctx, j.payment().Ref, j.key("cancel"))
	}}
}

// advance makes the calls that bring the object on, each chosen by what the provider
// has said last, and records what it has in the end.
func (j *job) advance(ctx context.Context, due Operation, object Payment) error {
	if err := j.verify(due, object); err != nil {
		return err
	}
	c, ok := j.next(due, object)
	if !ok {
		return j.settle(ctx, due, object)
	}
	object, cause, err := j.try(ctx, c)
	if err == nil {
		err = j.verify(due, object)
	}
	if err != nil {
		return err
	}
	if again, ok := j.next(due, object); ok && again.operation == c.operation {
		return j.unmoved(ctx, c, object, cause)
	}
	return j.advance(ctx, due, object)
}

// try makes a call, and returns the object as it is then. If the call failed with
// cause, or was answered from the provider's memory, it asks again: only what the
// provider says now is true. A call that certainly had no effect needs no question.
func (j *job) try(ctx context.Context, c call) (object Payment, cause, err error) {
	object, cause = c.make(ctx)
	switch {
	case cause == nil && !object.Replayed:
		return object, nil, nil
	case cause != nil && resilience.ClassOf(cause) == resilience.Transient:
		return object, cause, cause
	}
	object, err = j.Gateway.Retrieve(ctx, j.payment().Ref)
	if err != nil && cause != nil {
		err = fmt.Errorf("%w; what came of it is not known: %w", cause, err)
	}
	return object, cause, err
}

// unmoved decides after a call that left the object where it was.
func (j *job) unmoved(ctx context.Context, c call, object Payment, cause error) error {
	var e *Error
	if !errors.As(cause, &e) {
		return undecided(object)
	}
	authorizing := c.operation == booking.OperationAuthorize
	attempts := j.payment().Attempts(c.operation)
	switch {
	case authorizing && e.Outcome == resilience.Declined:
		return j.giveUp(ctx, j.declined(object.Ref, e.Code))
	case e.KeySpent() && !attempts.Ripe(j.now()):
		return cause
	case e.KeySpent() && !attempts.Last():
		return j.record(ctx, fact{object.Ref, string(c.operation), "spent/" + j.group()}, booking.RecordAttemptSpent{
			At: j.now(), Operation: c.operation, Group: j.payment().Group,
		})
	case authorizing && e.KeySpent():
		return j.giveUp(ctx, j.failed(object.Ref, booking.ReasonSpent))
	case authorizing && e.Outcome == resilience.Permanent && !e.Refused:
		return j.giveUp(ctx, j.failed(object.Ref, e.Code))
	case e.KeySpent():
		// Money is held, or may be. The last key is tried until the provider forgets it
		// or the hold lapses.
		return fmt.Errorf("%w: %w", errStuck, cause)
	default:
		return cause
	}
}

// giveUp ends an authorization: it cancels the object, and then records why.
func (j *job) giveUp(ctx context.Context, why ending) error {
	c := j.canceling()
	object, cause, err := j.try(ctx, c)
	if err == nil {
		err = j.verify(Authorize, object)
	}
	switch {
	case err != nil:
		return err
	case object.Status == StatusUnconfirmed:
		return j.unmoved(ctx, c, object, cause)
	case object.Status == StatusCanceled:
		return j.record(ctx, why.fact, why.command)
	default: // another function's call came first
		return j.settle(ctx, Authorize, object)
	}
}

// ending is a fact that ends an authorization, ready to be recorded.
type ending struct {
	fact    fact
	command booking.Command
}

func (j *job) declined(ref, code string) ending {
	return ending{fact{ref, "confirm", "declined"}, booking.RecordDecline{At: j.now(), Ref: ref, Code: code}}
}

func (j *job) failed(ref, reason string) ending {
	return ending{fact{ref, "confirm", "failed/" + j.group()}, booking.RecordPaymentFailure{
		At: j.now(), Ref: ref, Group: j.payment().Group, Operation: booking.OperationAuthorize, Reason: reason,
	}}
}

// settle records what the provider has, where that answers what is due.
func (j *job) settle(ctx context.Context, due Operation, object Payment) error {
	switch {
	case object.Status == StatusCaptured:
		return j.captured(ctx, object)
	case object.Status == StatusAuthorized && due == Authorize:
		return j.authorized(ctx, object)
	case object.Status == StatusCanceled:
		return j.canceled(ctx, due, object)
	default:
		return undecided(object)
	}
}

func undecided(object Payment) error {
	return fmt.Errorf("%s is %s: %w", object.Ref, object.Status, ErrUndecided)
}

func (j *job) authorized(ctx context.Context, object Payment) error {
	return j.record(ctx, fact{object.Ref, "confirm", "authorized"}, booking.RecordAuthorization{
		At: j.now(), Ref: object.Ref, CaptureBefore: object.CaptureBefore,
		Amount: booking.Money{Amount: object.Authorized, Currency: object.Currency},
	})
}

// captured is a fact whatever is due: what somebody captured at the provider by
// hand cannot be canceled, and giving it back is for somebody to decide. What was
// taken had been held, even if the log has not heard of that yet.
func (j *job) captured(ctx context.Context, object Payment) error {
	if j.payment().Authorized == 0 {
		if err := j.authorized(ctx, object); err != nil {
			return err
		}
	}
	return j.record(ctx, fact{object.Ref, "capture", "captured"}, booking.RecordCapture{
		At: j.now(), Ref: object.Ref, Amount: booking.Money{Amount: object.Captured, Currency: object.Currency},
	})
}

// canceled records that the object is canceled, in the words of what is due.
func (j *job) canceled(ctx context.Context, due Operation, object Payment) error {
	ref := object.Ref
	switch due {
	case Authorize:
		why := j.declined(ref, cmp.Or(object.DeclineCode, "canceled"))
		if object.DeclineCode == "" && j.payment().Authorizing.Last() {
			why = j.failed(ref, booking.ReasonSpent) // by a call of giveUp
		}
		return j.record(ctx, why.fact, why.command)
	case Void:
		return j.record(ctx, fact{ref, "void", "voided"}, booking.RecordVoid{At: j.now(), Ref: ref})
	case Abandon:
		return j.record(ctx, fact{ref, "void", "abandoned"}, booking.RecordAbandoned{At: j.now(), Ref: ref})
	default:
		return j.record(ctx, fact{ref, "capture", "lost"}, booking.RecordAuthorizationLost{At: j.now(), Ref: ref})
	}
}

func (j *job) group() string { return strconv.Itoa(j.payment().Group) }

// key derives the idempotency key of an operation on the object that the log
// names, in the present group of attempts.
func (j *job) key(operation string) string { return key(j.payment().Ref, operation, j.payment().Group) }

func key(ref, operation string, group int) string {
	return ref + "/" + operation + "/" + strconv.Itoa(group)
}
