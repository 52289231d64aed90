package payments

import (
	"context"
	"errors"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Messages that wake somebody. Metrics and alarms are made from them, so they never
// change.
const (
	// AlarmFailed: a payment is given up until somebody asks to retry it.
	AlarmFailed = "payment_failed"
	// AlarmRefundFailed: money that was to be given back is not, or no more.
	AlarmRefundFailed = "refund_failed"
	// AlarmDisputed: a cardholder contests a charge; the provider sets a deadline.
	AlarmDisputed = "payment_disputed"
	// AlarmStuck: an operation is tried again and again and cannot succeed by itself.
	AlarmStuck = "payment_stuck"
	// AlarmMismatch: what the provider says does not fit what was asked or owed.
	AlarmMismatch = "payment_mismatch"
	// AlarmRefused: the provider refuses this service, whatever it asks for.
	AlarmRefused = "payment_provider_refused"
	// BreakerChanged: whether the provider is called has changed, for all environments.
	BreakerChanged = "payment breaker changed"
)

// tell raises the alarm about what a command of this job has appended.
func (j *job) tell(ctx context.Context, b booking.Outcome, commandID string) {
	commit, appended := b.History.Command(commandID)
	if !appended {
		return
	}
	decided, err := booking.DecodeCommit(commit)
	if err != nil {
		return // the fold of the same commit has just succeeded
	}
	for _, e := range decided {
		switch e := e.(type) {
		case booking.PaymentFailed:
			j.Log.ErrorContext(ctx, AlarmFailed, "booking_id", b.State.ID, "operation", e.Operation, "reason", e.Reason)
		case booking.PaymentAuthorizationLost:
			j.Log.ErrorContext(ctx, AlarmFailed, "booking_id", b.State.ID, "operation", booking.OperationCapture, "reason", booking.CauseAuthorizationLost)
		case booking.PaymentCaptured:
			if owed := b.State.Owed(); e.Amount != owed {
				j.Log.ErrorContext(ctx, AlarmMismatch, "booking_id", b.State.ID, "captured", e.Amount.Amount, "owed", owed.Amount)
			}
		case booking.PaymentRefundFailed:
			j.Log.ErrorContext(ctx, AlarmRefundFailed, "booking_id", b.State.ID, "refund_id", e.RefundID, "reason", e.Code)
		case booking.PaymentDisputed:
			j.Log.ErrorContext(ctx, AlarmDisputed, "booking_id", b.State.ID, "dispute_id", e.DisputeID, "status", e.Status)
		default:
		}
	}
}

// errStuck is an operation that has used up its attempts, and is still due.
var errStuck = errors.New("every group of attempts is spent")

// alarm is raised where trying again later will not help by itself. The work stays
// due all the same: whoever is woken needs only to mend the cause.
func (j *job) alarm(ctx context.Context, err error) {
	if errors.Is(err, ErrMismatch) {
		j.Log.ErrorContext(ctx, AlarmMismatch, "booking_id", j.booking.State.ID, "error", err.Error())
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	switch {
	case e.Refused:
		j.Log.ErrorContext(ctx, AlarmRefused, "booking_id", j.booking.State.ID, "code", e.Code)
	case e.Outcome == resilience.Permanent && !e.KeySpent(), errors.Is(err, errStuck):
		j.Log.ErrorContext(ctx, AlarmStuck, "booking_id", j.booking.State.ID, "code", e.Code)
	default:
	}
}
