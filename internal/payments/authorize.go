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

// authorize takes the payment from wherever it stands to held or declined.
func (j *job) authorize(ctx context.Context) (booking.Outcome, error) {
	if j.payment().Ref == "" {
		return j.start(ctx)
	}
	object, err := j.Gateway.Retrieve(ctx, j.payment().Ref)
	if err != nil {
		return j.booking, err
	}
	if object.Status == StatusUnconfirmed && object.DeclineCode == "" {
		return j.confirm(ctx)
	}
	return j.settleAuthorization(ctx, object)
}

// start makes an object that holds nothing and has the log name it. Of two that
// do so at once, the log names one; the other's object is canceled.
func (j *job) start(ctx context.Context) (booking.Outcome, error) {
	s := j.booking.State
	object, err := j.Gateway.Create(ctx, Order{
		BookingID: string(s.ID), Amount: s.AmountToHold().Amount, Currency: s.Hold.Currency, Method: s.Trip.PaymentMethod,
	}, j.NewKey())
	if resilience.ClassOf(err) == resilience.Declined {
		return j.record(ctx, fact{"", "create", "declined"}, booking.RecordDecline{At: j.now(), Code: declineCode(err)})
	}
	if err != nil {
		return j.booking, err
	}
	b, err := j.record(ctx, fact{object.Ref, "create", "started"}, booking.RecordPaymentStarted{
		At: j.now(), Ref: object.Ref, Group: s.Payment.Group,
	})
	if err != nil {
		return b, err // the object stays behind; it holds nothing and lapses
	}
	if b.State.Payment.Ref != object.Ref {
		_, err := j.Gateway.Cancel(ctx, object.Ref, key(object.Ref, "cancel", 0))
		return b, err
	}
	j.booking = b
	return j.confirm(ctx)
}

// confirm asks for the hold. It is only ever called for the object that the log
// names, and when that object was not confirmed a moment ago.
func (j *job) confirm(ctx context.Context) (booking.Outcome, error) {
	object, err := j.Gateway.Confirm(ctx, j.payment().Ref, j.key("confirm"))
	if err != nil {
		// Declined or open: either way the object says what is true now.
		if object, err = j.Gateway.Retrieve(ctx, j.payment().Ref); err != nil {
			return j.booking, err
		}
	}
	return j.settleAuthorization(ctx, object)
}

// settleAuthorization records what the provider's object says of the hold.
func (j *job) settleAuthorization(ctx context.Context, object Payment) (booking.Outcome, error) {
	switch {
	case object.Status == StatusAuthorized:
		return j.record(ctx, fact{object.Ref, "confirm", "authorized"}, booking.RecordAuthorization{
			At: j.now(), Ref: object.Ref, CaptureBefore: object.CaptureBefore,
			Amount: booking.Money{Amount: object.Authorized, Currency: object.Currency},
		})
	case object.Status == StatusUnconfirmed && object.DeclineCode != "":
		// Canceled before the decline is recorded, so that no attempt still on
		// its way can hold money for a booking that is over.
		if _, err := j.Gateway.Cancel(ctx, object.Ref, key(object.Ref, "cancel", 0)); err != nil {
			return j.booking, err
		}
		return j.decline(ctx, object.Ref, object.DeclineCode)
	case object.Status == StatusCanceled:
		return j.decline(ctx, object.Ref, cmp.Or(object.DeclineCode, "canceled"))
	default:
		return j.booking, undecided(object)
	}
}

func undecided(object Payment) error {
	return fmt.Errorf("%s is %s: %w", object.Ref, object.Status, ErrUndecided)
}

func (j *job) decline(ctx context.Context, ref, code string) (booking.Outcome, error) {
	return j.record(ctx, fact{ref, "confirm", "declined"}, booking.RecordDecline{At: j.now(), Ref: ref, Code: code})
}

func declineCode(err error) string {
	var declined *Error
	if errors.As(err, &declined) {
		return declined.Code
	}
	return "declined"
}

// key derives the idempotency key of an operation on the object that the log
// names, in the present group of attempts.
func (j *job) key(operation string) string { return key(j.payment().Ref, operation, j.payment().Group) }

func key(ref, operation string, group int) string {
	return ref + "/" + operation + "/" + strconv.Itoa(group)
}
