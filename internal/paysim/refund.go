package paysim

import "time"

// refundStatus is the state of a refund, by Stripe's names.
type refundStatus string

const (
	refundPending   refundStatus = "pending"
	refundSucceeded refundStatus = "succeeded"
	refundFailed    refundStatus = "failed"
)

type refund struct {
	id       string
	amount   int64
	created  time.Time
	reason   string
	metadata map[string]string
	status   refundStatus
	failure  string
	release  bool // of a hold, never captured
}

// dispute is a charge that the cardholder contests.
type dispute struct {
	id      string
	amount  int64
	created time.Time
	status  string
}

// refunded is what went back of the captured amount, or is on its way.
func (p *intent) refunded() int64 {
	var sum int64
	for _, r := range p.refunds {
		if !r.release && r.status != refundFailed {
			sum += r.amount
		}
	}
	return sum
}

func (p *intent) checkRefund(amount int64) *apiError {
	if p.status != succeeded {
		return unexpectedState(p, "This PaymentIntent has no successful charge to refund: its status is %s.", p.status)
	}
	left := p.received() - p.refunded()
	if left == 0 {
		return invalid("charge_already_refunded", "", "The charge has already been refunded.")
	}
	if amount > left {
		return invalid("", "amount", "The refund is more than what is left of the charge.")
	}
	return nil
}

// refund gives amount back, or all that is left if amount is zero.
func (p *intent) refund(r *refund) {
	if r.amount == 0 {
		r.amount = p.received() - p.refunded()
	}
	p.charge.amountRefunded += r.amount
	p.refunds = append(p.refunds, r)
}

// finish decides about a refund: it succeeds, or it fails, also when it had
// succeeded. It reports whether that changed anything.
func (p *intent) finish(r *refund, status refundStatus, failure string) bool {
	if r.status == refundFailed || r.status == status {
		return false
	}
	r.status, r.failure = status, failure
	if status == refundFailed {
		p.charge.amountRefunded -= r.amount
	}
	return true
}
