package payments

import (
	"context"
	"errors"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// start makes an object that holds nothing and has the log name it. Of two that
// do so at once, the log names one; the other's object is canceled.
func (j *job) start(ctx context.Context) error {
	s := j.booking.State
	order := Order{
		BookingID: string(s.ID), Amount: s.AmountToHold().Amount, Currency: s.Hold.Currency, Method: s.Trip.PaymentMethod,
	}
	object, err := j.Gateway.Create(ctx, order, j.NewKey())
	if err != nil {
		return j.notMade(ctx, err)
	}
	if object.BookingID != order.BookingID {
		return mismatch("%s was made for another booking", object.Ref)
	}
	if err := verifyTerms(object, order.Amount, order.Currency); err != nil {
		return err // the object holds nothing and never will, see below
	}
	// If this fails, the object stays behind: it holds nothing and never will, since
	// only an object that the log names is confirmed.
	err = j.record(ctx, fact{object.Ref, "create", "started"}, booking.RecordPaymentStarted{
		At: j.now(), Ref: object.Ref, Group: s.Payment.Group,
	})
	if err != nil {
		return err
	}
	if j.payment().Ref != object.Ref {
		_, _ = j.Gateway.Cancel(ctx, object.Ref, key(object.Ref, "cancel", 0)) // for tidiness, see above
		return nil
	}
	return j.advance(ctx, Authorize, object)
}

// notMade decides after a Create that failed. Its keys are fresh, so that nothing
// is repeated: an object that was made nevertheless holds nothing, either.
func (j *job) notMade(ctx context.Context, cause error) error {
	var e *Error
	if !errors.As(cause, &e) {
		return cause
	}
	switch {
	case e.Outcome == resilience.Declined:
		return j.record(ctx, fact{"", "create", "declined/" + j.group()}, booking.RecordDecline{
			At: j.now(), Group: j.payment().Group, Code: e.Code,
		})
	case e.Outcome == resilience.Permanent && !e.Refused:
		return j.record(ctx, fact{"", "create", "failed/" + j.group()}, booking.RecordPaymentFailure{
			At: j.now(), Group: j.payment().Group, Operation: booking.OperationAuthorize, Reason: e.Code,
		})
	default:
		return cause
	}
}
