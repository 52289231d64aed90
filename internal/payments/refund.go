package payments

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// refund gives back what is asked for, the oldest first. The state of the object
// does not tell whether a refund was made, so the list of refunds is read before
// each is asked for: under whatever key it was made, it is found by its id.
func (j *job) refund(ctx context.Context) error {
	listed, err := j.listRefunds(ctx)
	if err != nil {
		return err
	}
	var waiting error
	for _, r := range j.payment().Refunds {
		switch {
		case r.Status != booking.RefundOpen:
		case made(listed, r.ID):
			waiting = fmt.Errorf("refund %s is pending: %w", r.ID, ErrUndecided)
		default:
			return j.giveBack(ctx, r)
		}
	}
	return waiting
}

// listRefunds reads the list of refunds and records what is new in it, until there is
// nothing new, as reconcile does.
func (j *job) listRefunds(ctx context.Context) ([]RefundObject, error) {
	for range maxLooks {
		listed, err := j.Gateway.Refunds(ctx, j.payment().Ref)
		if err != nil {
			return nil, err
		}
		before := j.version()
		if err := j.learnRefunds(ctx, listed); err != nil {
			return nil, err
		}
		if j.version() == before {
			return listed, nil
		}
	}
	return nil, fmt.Errorf("the refunds of %s changed %d times: %w", j.payment().Ref, maxLooks, ErrUndecided)
}

// made tells whether the provider has a refund under an id of this service.
func made(listed []RefundObject, id string) bool {
	for _, r := range listed {
		if r.RefundID == id {
			return true
		}
	}
	return false
}

// giveBack asks for a refund that the provider did not list.
func (j *job) giveBack(ctx context.Context, r booking.Refund) error {
	ref := j.payment().Ref
	object, cause := j.Gateway.Refund(ctx, RefundOrder{
		Ref: ref, BookingID: string(j.booking.State.ID), RefundID: r.ID, Amount: r.Amount,
	}, key(ref, "refund/"+r.ID, r.Group))
	switch {
	case cause == nil && !object.Replayed:
		return j.learnRefunds(ctx, []RefundObject{object})
	case cause != nil && resilience.ClassOf(cause) == resilience.Transient:
		return cause
	}
	listed, err := j.listRefunds(ctx)
	switch {
	case err != nil && cause != nil:
		return fmt.Errorf("%w; what came of it is not known: %w", cause, err)
	case err != nil:
		return err
	case made(listed, r.ID):
		return nil
	default:
		return j.notGivenBack(ctx, r, cause)
	}
}

// notGivenBack decides after a refund that was not made.
func (j *job) notGivenBack(ctx context.Context, r booking.Refund, cause error) error {
	var e *Error
	if !errors.As(cause, &e) {
		return fmt.Errorf("refund %s is not listed: %w", r.ID, ErrUndecided)
	}
	operation, group := "refund/"+r.ID, strconv.Itoa(r.Group)
	final := e.Outcome == resilience.Permanent || e.Outcome == resilience.Declined
	switch {
	case e.KeySpent() && !r.Attempts.Ripe(j.now()):
		return cause
	case e.KeySpent():
		return j.record(ctx, fact{j.payment().Ref, operation, "spent/" + group}, booking.RecordAttemptSpent{
			At: j.now(), Operation: booking.OperationRefund, RefundID: r.ID, Group: r.Group,
		})
	case final && !e.Refused:
		return j.record(ctx, fact{j.payment().Ref, operation, "refused/" + group}, booking.RecordRefundFailure{
			At: j.now(), RefundID: r.ID, Group: r.Group, Code: e.Code,
		})
	default:
		return cause
	}
}

// learnRefunds records what became of refunds. One that the provider does not know
// by an id of this service, or knows a second time, was made by hand: it goes by the
// provider's own id.
func (j *job) learnRefunds(ctx context.Context, listed []RefundObject) error {
	if err := j.verifyRefunds(listed); err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, r := range listed {
		id := r.RefundID
		if id == "" || ours[id] {
			id = r.ID
		}
		ours[id] = true
		if err := j.learnRefund(ctx, id, r); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) learnRefund(ctx context.Context, id string, r RefundObject) error {
	operation := "refund/" + id
	known, isKnown := j.payment().Refund(id)
	switch {
	case r.Status == RefundSucceeded && known.Status != booking.RefundDone:
		return j.record(ctx, fact{j.payment().Ref, operation, "done/" + r.ID}, booking.RecordRefund{
			At: j.now(), RefundID: id, Ref: r.ID, Amount: booking.Money{Amount: r.Amount, Currency: r.Currency},
		})
	case r.Status == RefundFailed && isKnown && known.Status != booking.RefundFailed:
		return j.record(ctx, fact{j.payment().Ref, operation, "failed/" + r.ID}, booking.RecordRefundFailure{
			At: j.now(), RefundID: id, Ref: r.ID, Code: r.FailureCode,
		})
	default:
		return nil
	}
}
