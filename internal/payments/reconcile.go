package payments

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// maxLooks bounds how often the provider is asked again because something was new. A
// payment changes less often.
const maxLooks = 10

// reconcile looks at what the provider has, and records what happened there by other
// hands, until a look finds nothing new: while a fact is recorded, the provider may move
// on, and what another function has recorded may be older than this one's answer. What
// is due besides is left to the operations, which look for themselves.
func (p *Processor) reconcile(ctx context.Context, b booking.Outcome, trace events.Trace) (booking.Outcome, error) {
	for range maxLooks {
		j := &job{Processor: p, trace: trace, booking: b}
		if err := j.look(ctx); err != nil {
			j.alarm(ctx, err)
			return j.booking, fmt.Errorf("reconcile %s: %w", b.State.ID, err)
		}
		if j.version() == b.State.Version {
			return b, nil
		}
		b = j.booking
	}
	return b, fmt.Errorf("reconcile %s: it changed %d times: %w", b.State.ID, maxLooks, ErrUndecided)
}

func (j *job) look(ctx context.Context) error {
	if j.payment().Ref == "" {
		return nil
	}
	object, err := j.Gateway.Retrieve(ctx, j.payment().Ref)
	if err == nil {
		err = j.verify(Due(j.booking.State, j.now()), object)
	}
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
	listed, err := j.Gateway.Disputes(ctx, object.Ref)
	if err != nil {
		return err
	}
	for _, d := range listed {
		known, _ := j.payment().Dispute(d.ID)
		if known.Status == d.Status {
			continue
		}
		f := fact{object.Ref, "dispute/" + d.ID, strconv.Itoa(known.News+1) + "/" + d.Status}
		if err := j.record(ctx, f, booking.RecordDispute{
			At: j.now(), DisputeID: d.ID, Amount: booking.Money{Amount: d.Amount, Currency: d.Currency}, Status: d.Status, News: known.News,
		}); err != nil {
			return err
		}
	}
	return nil
}
