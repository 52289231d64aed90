package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// wasHeld is what the provider's ledger once said of a hold.
type wasHeld struct {
	amount int64
	lapses time.Time
}

// groupLasts is how long a group of attempts lasts at least, by how many came before it.
var groupLasts = [...]time.Duration{0, time.Minute, 4 * time.Minute, 10 * time.Minute, 10 * time.Minute}

// isPaidRight judges what the payment function records by what the provider has.
func (j judged) isPaidRight() {
	f, m := j.fact(), j.before
	e := j.entry(m.pay.ref)
	switch f.kind {
	case booking.TypePaymentStarted:
		j.right(j.owesHold() && f.Ref != "" && m.pay.ref == "" && f.Group == m.pay.group && booking.ID(j.entry(f.Ref).BookingID) == j.id,
			"%s in group %d, with %d owed", f.Ref, f.Group, m.owed())
	case booking.TypePaymentAttemptSpent:
		j.isSpentRight()
	case booking.TypePaymentAuthorized:
		held := j.held[f.Ref]
		j.right(f.Ref == m.pay.ref && !m.pay.lost && f.Amount == modelMoney{held.amount, e.Currency} && held.amount > 0 && f.CaptureBefore.Equal(held.lapses),
			"%v until %s, and the provider held %d until %s", f.Amount, f.CaptureBefore, held.amount, held.lapses)
		j.right((j.next() == booking.TypeBookingConfirmed) == (m.status == booking.Requested), "while %s, and then %q", m.status, j.next())
	case booking.TypePaymentCaptured:
		j.right(f.Ref == m.pay.ref && e.Status == payments.StatusCaptured && f.Amount == modelMoney{e.Captured, e.Currency},
			"%v of %s, and the provider took %d", f.Amount, f.Ref, e.Captured)
	case booking.TypePaymentDeclined, booking.TypePaymentFailed, booking.TypePaymentAuthorizationLost:
		j.isLostRight(e)
	case booking.TypePaymentVoided, booking.TypePaymentAbandoned:
		j.isReleasedRight(e)
	default:
		j.isGivenBackRight(e)
	}
}

// isLostRight judges that there is, or will be, no money held for a booking.
func (j judged) isLostRight(e gatewaytest.Entry) {
	f, m := j.fact(), j.before
	gone := f.Ref == m.pay.ref && (f.Ref == "" || e.Status == payments.StatusCanceled)
	switch f.kind {
	case booking.TypePaymentDeclined:
		// Without a decline it was canceled by hand.
		j.right(gone && f.Code != "" && (f.Ref == "" || e.DeclineCode != "" || f.Code == "canceled"), "%s for %s, which is %s for %q", f.Code, f.Ref, e.Status, e.DeclineCode)
		j.canceledAlong(m.status == booking.Requested)
	case booking.TypePaymentFailed:
		j.right(f.Operation == "authorize" && f.Reason != "", "%s: %s", f.Operation, f.Reason)
		j.canceledAlong(m.status == booking.Requested)
	default:
		j.right(gone, "%s", f.Ref)
		j.canceledAlong(!m.status.Terminal() && m.status != booking.InProgress)
	}
}

// isReleasedRight judges that a payment ends without money, and that none is owed that
// could be charged.
func (j judged) isReleasedRight(e gatewaytest.Entry) {
	f, m := j.fact(), j.before
	gone := f.Ref == m.pay.ref && (f.Ref == "" || e.Status == payments.StatusCanceled)
	j.right(gone && m.status.Terminal() && m.owed() < least, "%s, which is %s; %d owed", f.Ref, e.Status, m.owed())
	if f.kind == booking.TypePaymentVoided {
		j.right(f.Ref != "" && !m.pay.lost && f.Waived == modelMoney{m.owed(), m.currency}, "%v waived of %d", f.Waived, m.owed())
	}
}

// owesHold tells whether money should be held: for a new booking, and for an amount
// that is owed.
func (j judged) owesHold() bool {
	m := j.before
	begun := m.pay.status == booking.PaymentPending || m.pay.status == booking.PaymentIsStarted
	return begun && (m.status == booking.Requested || m.owed() >= least)
}

// isSpentRight judges that a group of attempts was given up: the provider kept a failure
// under its keys, and the group lasted as long as it had to.
func (j judged) isSpentRight() {
	f, m := j.fact(), j.before
	group, spent, since := m.pay.group, m.pay.spent[f.Operation], m.pay.since[f.Operation]
	if f.Operation == "refund" {
		r, known := m.pay.refund(f.RefundID)
		j.right(known && r.status == booking.RefundOpen, "%s is %s", f.RefundID, r.status)
		group, spent, since = r.group, r.group-1, r.since
	} else {
		j.right(m.owing() && m.pay.status != booking.PaymentHasFailed, "%s", m.pay.status)
	}
	j.right(f.Group == group+1 && spent < len(groupLasts)-1, "group %d after %d, %d spent", f.Group, group, spent)
	j.right(!f.At.Before(since.Add(groupLasts[min(spent, len(groupLasts)-1)])), "group %d began at %s", group, since)
	op := map[string]gatewaytest.Op{"authorize": gatewaytest.Confirm, "capture": gatewaytest.Capture, "void": gatewaytest.Cancel, "refund": gatewaytest.Refund}[f.Operation]
	// A refund is refused for good, too, where there is not so much left: it went back by hand.
	byHand := slices.ContainsFunc(j.entry(m.pay.ref).Refunds, func(r payments.RefundObject) bool { return r.RefundID == "" })
	j.right(j.stored[m.pay.ref+string(op)] > spent || f.Operation == "refund" && byHand, "the provider keeps %d failures of %s", j.stored[m.pay.ref+string(op)], op)
}

// isGivenBackRight judges refunds and disputes.
func (j judged) isGivenBackRight(e gatewaytest.Entry) {
	f := j.fact()
	refund := func(r payments.RefundObject) bool {
		return cmp.Or(r.RefundID, r.ID) == f.RefundID || r.ID == f.RefundID
	}
	switch f.kind {
	case booking.TypePaymentRefunded:
		j.right(slices.ContainsFunc(e.Refunds, func(r payments.RefundObject) bool {
			return refund(r) && f.Amount == modelMoney{r.Amount, r.Currency} && j.succeeded[r.ID]
		}), "%s of %v, and the provider has %+v", f.RefundID, f.Amount, e.Refunds)
		known, ok := j.before.pay.refund(f.RefundID)
		j.right(ok && known.amount == f.Amount.Amount && known.status != booking.RefundDone, "%s of %v was %s", f.RefundID, f.Amount, known.status)
	case booking.TypePaymentRefundFailed:
		known, ok := j.before.pay.refund(f.RefundID)
		j.right(ok && known.status != booking.RefundFailed && f.Code != "", "%s was %s: %s", f.RefundID, known.status, f.Code)
	case booking.TypePaymentDisputed:
		j.right(slices.ContainsFunc(e.Disputes, func(d payments.Dispute) bool {
			return d.ID == f.DisputeID && f.Amount == modelMoney{d.Amount, d.Currency} && j.disputed[d.ID+f.Status]
		}), "%s is %s, and the provider has %+v", f.DisputeID, f.Status, e.Disputes)
		for _, d := range j.before.pay.disputes {
			j.right(d.id != f.DisputeID || d.status != f.Status, "%s was %s before", d.id, d.status)
		}
	default:
		j.right(false, "nobody knows %s", f.kind)
	}
}

// remembersLedger takes note of what the provider has, since it may be otherwise when the
// log learns of it.
func (o *oracle) remembersLedger(e gatewaytest.Entry) {
	if e.Status == payments.StatusAuthorized {
		o.held[e.Ref] = wasHeld{e.Authorized, e.CaptureBefore}
	}
	for _, r := range e.Refunds {
		if r.Status == payments.RefundSucceeded {
			o.succeeded[r.ID] = true
		}
	}
	for _, d := range e.Disputes {
		o.disputed[d.ID+d.Status] = true
	}
}
