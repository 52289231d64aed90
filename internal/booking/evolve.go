package booking

import (
	"slices"
	"time"
)

// Fold applies events in their order to s.
func Fold(s State, events []Event) State {
	for _, e := range events {
		s = Evolve(s, e)
	}
	return s
}

// Evolve returns the state after e. It is total: it decides nothing, and takes
// every event in every state, since what is in the log has happened.
func Evolve(s State, e Event) State {
	s.Version++
	var at time.Time
	switch e := e.(type) {
	case BookingRequested:
		at = e.At
		s.Status, s.RequestedAt, s.AuthorizeBy = Requested, e.At, e.AuthorizeBy
		s.RiderID, s.Product, s.Tariff, s.Trip = e.RiderID, e.Product, e.Tariff, e.Personal
		s.Fare, s.Hold, s.Fees, s.Prices = e.Fare, e.Hold, e.Fees, e.Prices
		s.Payment = Payment{Status: PaymentPending, Group: 1}
	case BookingConfirmed:
		at = e.At
		s.Status, s.AssignBy = Confirmed, e.AssignBy
	case DriverAssigned:
		at = e.At
		s.Status, s.DriverID, s.AssignedAt = HasDriver, e.DriverID, e.At
	case DriverUnassigned:
		at = e.At
		s.Status, s.DriverID, s.AssignBy = Confirmed, "", e.AssignBy
		s.AssignedAt, s.ArrivedAt = time.Time{}, time.Time{}
	case DriverArrived:
		at = e.At
		s.Status, s.ArrivedAt = DriverIsThere, e.At
	case RideStarted:
		at = e.At
		s.Status, s.StartedAt = InProgress, e.At
	case RideCompleted:
		at = e.At
		s.Status, s.Fare = Completed, e.Fare
	case BookingCanceled:
		at = e.At
		s.Status = Canceled
		s.Cancellation = &Cancellation{By: e.By, Cause: e.Cause, Reason: e.Personal.Reason, Fee: e.Fee}
	case BookingExpired:
		at = e.At
		s.Status = Expired
	default:
		s.Payment, at = s.Payment.evolve(e, s.AmountToHold().Amount)
	}
	s.UpdatedAt = at
	return s
}

// evolve applies a fact. toHold is what an object that is made now is made for.
func (p Payment) evolve(e Event, toHold int64) (Payment, time.Time) {
	var at time.Time
	switch e := e.(type) {
	case PaymentStarted:
		at = e.At
		p.Status, p.Ref, p.Group, p.Asked = PaymentIsStarted, e.Ref, e.Group, toHold
	case PaymentAttemptSpent:
		at = e.At
		p = p.spend(e)
	case PaymentAuthorized:
		at = e.At
		p.Status, p.Authorized, p.CaptureBefore, p.Lost = PaymentIsAuthorized, e.Amount.Amount, e.CaptureBefore, false
		p.Failed, p.Failure = "", ""
	case PaymentDeclined:
		at = e.At
		p.Status, p.Failure, p.Failed = PaymentIsDeclined, e.Code, ""
	case PaymentCaptured:
		at = e.At
		p.Status, p.Captured, p.Failed, p.Failure = PaymentIsCaptured, e.Amount.Amount, "", ""
	case PaymentVoided:
		at = e.At
		p.Status, p.Failed, p.Failure = PaymentIsVoided, "", ""
	case PaymentAbandoned:
		at = e.At
		p.Status, p.Failed, p.Failure = PaymentIsAbandoned, "", ""
	case PaymentFailed:
		at = e.At
		p.Status, p.Failed, p.Failure = PaymentHasFailed, e.Operation, e.Reason
	case PaymentRetried:
		at = e.At
		p = p.retry(e)
	case PaymentAuthorizationLost:
		at = e.At
		p.Status, p.Lost, p.Failed, p.Failure = PaymentHasFailed, true, OperationCapture, string(CauseAuthorizationLost)
	case PaymentDisputed:
		at = e.At
		p = p.dispute(e)
	default:
		return p.evolveRefund(e)
	}
	return p, at
}

func (p Payment) spend(e PaymentAttemptSpent) Payment {
	if e.Operation == OperationRefund {
		return p.withRefund(e.RefundID, func(r *Refund) { r.Group, r.Attempts = e.Group, r.Attempts.spend(e.At) })
	}
	p.Group = e.Group
	if a := p.attempts(e.Operation); a != nil {
		*a = a.spend(e.At)
	}
	return p
}

// dispute keeps the last news of each dispute.
func (p Payment) dispute(e PaymentDisputed) Payment {
	p.Disputes = slices.Clone(p.Disputes)
	news := Dispute{ID: e.DisputeID, Status: e.Status, News: 1}
	i := slices.IndexFunc(p.Disputes, func(d Dispute) bool { return d.ID == e.DisputeID })
	if i < 0 {
		p.Disputes = append(p.Disputes, news)
		return p
	}
	news.News += p.Disputes[i].News
	p.Disputes[i] = news
	return p
}

// retry puts the payment back to where the failed operation begins.
func (p Payment) retry(e PaymentRetried) Payment {
	p.Group, p.Failed, p.Failure = e.Group, "", ""
	p.Authorizing, p.Capturing, p.Voiding = Attempts{}, Attempts{}, Attempts{}
	switch {
	case e.NewObject:
		p.Status, p.Ref, p.Authorized, p.Lost, p.CaptureBefore = PaymentPending, "", 0, false, time.Time{}
	case p.Ref == "":
		p.Status = PaymentPending
	case e.Operation == OperationAuthorize || p.Lost:
		p.Status = PaymentIsStarted
	default:
		p.Status = PaymentIsAuthorized
	}
	return p
}

func (p Payment) evolveRefund(e Event) (Payment, time.Time) {
	var at time.Time
	switch e := e.(type) {
	case RefundRequested:
		at = e.At
		p.Refunds = append(slices.Clone(p.Refunds), Refund{ID: e.RefundID, Amount: e.Amount.Amount, Status: RefundOpen, Group: 1})
	case PaymentRefunded:
		at = e.At
		p = p.withRefund(e.RefundID, func(r *Refund) { r.Status = RefundDone })
	case PaymentRefundFailed:
		at = e.At
		p = p.withRefund(e.RefundID, func(r *Refund) { r.Status, r.Ref = RefundFailed, e.Ref })
	}
	return p.sumRefunds(), at
}

// withRefund returns p with a changed copy of one refund.
func (p Payment) withRefund(id string, change func(*Refund)) Payment {
	p.Refunds = slices.Clone(p.Refunds)
	for i := range p.Refunds {
		if p.Refunds[i].ID == id {
			change(&p.Refunds[i])
		}
	}
	return p
}

// sumRefunds makes the payment refunded once all that was captured is back, and
// captured again when a refund turns out to have failed.
func (p Payment) sumRefunds() Payment {
	p.Refunded = 0
	for _, r := range p.Refunds {
		if r.Status == RefundDone {
			p.Refunded += r.Amount
		}
	}
	switch {
	case p.Status == PaymentIsCaptured && p.Captured > 0 && p.Refunded >= p.Captured:
		p.Status = PaymentIsRefunded
	case p.Status == PaymentIsRefunded && p.Refunded < p.Captured:
		p.Status = PaymentIsCaptured
	}
	return p
}
