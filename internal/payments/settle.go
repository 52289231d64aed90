package payments

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// capture takes what is owed from the hold.
func (j *job) capture(ctx context.Context) (booking.Outcome, error) {
	owed := j.booking.State.Owed()
	object, err := j.Gateway.Capture(ctx, j.payment().Ref, owed.Amount, j.key("capture"))
	if err != nil {
		if object, err = j.unmoved(ctx, err); err != nil {
			return j.booking, err
		}
	}
	switch object.Status {
	case StatusCaptured:
		return j.captured(ctx, object)
	case StatusCanceled:
		return j.record(ctx, fact{object.Ref, "capture", "lost"}, booking.RecordAuthorizationLost{At: j.now(), Ref: object.Ref})
	default:
		return j.booking, undecided(object)
	}
}

func (j *job) captured(ctx context.Context, object Payment) (booking.Outcome, error) {
	return j.record(ctx, fact{object.Ref, "capture", "captured"}, booking.RecordCapture{
		At: j.now(), Ref: object.Ref, Amount: booking.Money{Amount: object.Captured, Currency: object.Currency},
	})
}

// void releases the hold of a booking that owes nothing, or too little.
func (j *job) void(ctx context.Context) (booking.Outcome, error) {
	return j.release(ctx, fact{j.payment().Ref, "void", "voided"}, booking.RecordVoid{At: j.now(), Ref: j.payment().Ref})
}

// abandon makes sure that nothing is or will be held for a booking that ended
// before the outcome of its authorization was known: canceling the object fences
// every attempt that is still on its way.
func (j *job) abandon(ctx context.Context) (booking.Outcome, error) {
	f, c := fact{j.payment().Ref, "void", "abandoned"}, booking.RecordAbandoned{At: j.now(), Ref: j.payment().Ref}
	if c.Ref == "" {
		return j.record(ctx, f, c)
	}
	return j.release(ctx, f, c)
}

// release cancels the object and records that in the given words. What somebody
// captured at the provider by hand cannot be canceled any more: that is the fact
// then, and giving it back is for somebody to decide.
func (j *job) release(ctx context.Context, f fact, c booking.Command) (booking.Outcome, error) {
	object, err := j.Gateway.Cancel(ctx, f.ref, j.key("cancel"))
	if err != nil {
		if object, err = j.unmoved(ctx, err); err != nil {
			return j.booking, err
		}
	}
	switch object.Status {
	case StatusCanceled:
		return j.record(ctx, f, c)
	case StatusCaptured:
		return j.captured(ctx, object)
	default:
		return j.booking, undecided(object)
	}
}

// unmoved asks for the object after a call that failed with cause. The call's own
// error stands where the object cannot be read, or is as it was before.
func (j *job) unmoved(ctx context.Context, cause error) (Payment, error) {
	object, err := j.Gateway.Retrieve(ctx, j.payment().Ref)
	if err != nil || object.Status == StatusAuthorized || object.Status == StatusUnconfirmed {
		return object, cause
	}
	return object, nil
}
