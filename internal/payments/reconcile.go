package payments

import (
	"context"
	"strconv"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// reconcile records what happened to the payment at the provider by other hands.
// What is due besides is left to the operations, which look for themselves.
func (j *job) reconcile(ctx context.Context) error {
	if j.payment().Ref == "" {
		return nil
	}
	object, err := j.Gateway.Retrieve(ctx, j.payment().Ref)
	if err != nil {
		return err
	}
	pay := j.payment()
	switch {
	case object.Status == StatusCaptured && pay.Captured == 0:
		err = j.captured(ctx, object)
	case object.Status == StatusCanceled && pay.Status == booking.PaymentIsAuthorized:
		err = j.canceled(ctx, Due(j.booking.State, j.now()), object)
	default:
	}
	if err != nil || object.Status != StatusCaptured {
		return err
	}
	if err := j.reconcileRefunds(ctx, object); err != nil {
		return err
	}
	return j.reconcileDisputes(ctx, object)
}

// reconcileRefunds reads the list of refunds where there is one, or was.
func (j *job) reconcileRefunds(ctx context.Context, object Payment) error {
	if object.Refunded == 0 && len(j.payment().Refunds) == 0 {
		return nil
	}
	listed, err := j.Gateway.Refunds(ctx, object.Ref)
	if err != nil {
		return err
	}
	return j.learnRefunds(ctx, listed)
}

func (j *job) reconcileDisputes(ctx context.Context, object Payment) error {
	if !object.Disputed {
		return nil
	}
	disputes, err := j.Gateway.Disputes(ctx, object.Ref)
	if err != nil {
		return err
	}
	for _, d := range disputes {
		known, _ := j.payment().Dispute(d.ID)
		if known.Status == d.Status {
			continue
		}
		f := fact{object.Ref, "dispute/" + d.ID, strconv.Itoa(known.News+1) + "/" + d.Status}
		if err := j.record(ctx, f, booking.RecordDispute{
			At: j.now(), DisputeID: d.ID, Amount: booking.Money{Amount: d.Amount, Currency: d.Currency}, Status: d.Status,
		}); err != nil {
			return err
		}
	}
	return nil
}
