package booking

import (
	"time"
)

// How long a booking may stay in a status, and how soon things cost a fee.
const (
	AuthorizeWithin = 30 * time.Minute
	AssignWithin    = 20 * time.Minute
	ArriveWithin    = 2 * time.Hour
	StartWithin     = time.Hour
	CompleteWithin  = 24 * time.Hour
	// CaptureMargin is how long before the hold lapses no ride begins any more.
	CaptureMargin = 36 * time.Hour

	// NoShowAfter is how long a driver waits before a no-show costs its fee.
	NoShowAfter = 5 * time.Minute
	// FreeCancellation is how long after the assignment canceling is free.
	FreeCancellation = 2 * time.Minute
)

// Actors of commands, for the history and the cancellation of a booking.
const (
	ActorRider    = "rider"
	ActorDispatch = "dispatch"
	ActorOps      = "ops"
	ActorSweeper  = "sweeper"
)

const maxReason = 200

// decideRide decides what people, and the sweeper, ask for.
func decideRide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Assign:
		return decideAssign(s, c)
	case Unassign:
		if s.Status != HasDriver && s.Status != DriverIsThere {
			return nil, s.notNow("take the driver off")
		}
		return []Event{DriverUnassigned{At: c.At, DriverID: s.DriverID, AssignBy: c.At.Add(AssignWithin)}}, nil
	case Arrive:
		if s.Status != HasDriver {
			return nil, s.notNow("report the driver's arrival")
		}
		return []Event{DriverArrived(c)}, nil
	case Start:
		if s.Status != DriverIsThere {
			return nil, s.notNow("start the ride")
		}
		return []Event{RideStarted(c)}, nil
	case Complete:
		return decideComplete(s, c)
	case NoShow:
		return decideNoShow(s, c)
	case Cancel:
		return decideCancel(s, c)
	case Abort:
		return decideAbort(s, c)
	case Expire:
		return decideExpire(s, c), nil
	case RequestRefund:
		return decideRequestRefund(s, c)
	case RetryPayment:
		return decideRetryPayment(s, c)
	default:
		return nil, reject(CodeInvalidState, "The command is not known.")
	}
}

func (s State) notNow(what string) error {
	return reject(CodeInvalidState, "It is not possible to %s while the booking is %s.", what, s.Status)
}

func decideAssign(s State, c Assign) ([]Event, error) {
	driver, ok := storedDriverID(c.DriverID)
	if !ok {
		return nil, invalid(FieldError{
			Pointer: "/driver_id",
			Detail:  "must be 1 to 128 lower-case letters, digits or any of _ . : -, beginning with a letter or digit; or a UUID in any case",
		})
	}
	if s.Status != Confirmed {
		return nil, s.notNow("assign a driver")
	}
	return []Event{DriverAssigned{At: c.At, DriverID: driver}}, nil
}

// Bounds of what a ride can be: more is a mistake of a unit or a sensor.
const (
	maxMeters  = 2_000_000
	maxSeconds = 48 * 60 * 60
)

func decideComplete(s State, c Complete) ([]Event, error) {
	v := &validation{}
	if c.DistanceM < 0 || c.DistanceM > maxMeters {
		v.add("/distance_m", "must be from 0 to 2000000")
	}
	if c.DurationS < 0 || c.DurationS > maxSeconds {
		v.add("/duration_s", "must be from 0 to 172800")
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if s.Status != InProgress {
		return nil, s.notNow("complete the ride")
	}
	fare := s.Prices.Fare(c.DistanceM, c.DurationS, s.Fare.Currency)
	fare.Amount = min(fare.Amount, s.Payment.Authorized)
	return []Event{RideCompleted{At: c.At, DistanceM: c.DistanceM, DurationS: c.DurationS, Fare: fare}}, nil
}

func decideNoShow(s State, c NoShow) ([]Event, error) {
	if s.Status != DriverIsThere {
		return nil, s.notNow("report a no-show")
	}
	if wait := s.ArrivedAt.Add(NoShowAfter); c.At.Before(wait) {
		return nil, reject(CodeInvalidState, "The driver must wait for the rider until %s.", wait.UTC().Format(time.RFC3339Nano))
	}
	return []Event{BookingCanceled{At: c.At, By: ActorDispatch, Cause: CauseNoShow, Fee: s.fee(s.Fees.NoShow)}}, nil
}

func decideCancel(s State, c Cancel) ([]Event, error) {
	v := &validation{}
	v.text("/reason", c.Reason, 1, maxReason)
	if err := v.err(); err != nil {
		return nil, err
	}
	if s.Status.Terminal() || s.Status == InProgress {
		return nil, s.notNow("cancel")
	}
	fee := s.fee(0)
	driverOnTheWay := s.Status == HasDriver || s.Status == DriverIsThere
	if driverOnTheWay && c.At.After(s.AssignedAt.Add(FreeCancellation)) {
		fee = s.fee(s.Fees.Cancellation)
	}
	return []Event{BookingCanceled{At: c.At, By: c.By, Cause: CauseCanceled, Fee: fee, Personal: Remark{c.Reason}}}, nil
}

func decideAbort(s State, c Abort) ([]Event, error) {
	v := &validation{}
	v.text("/reason", c.Reason, 1, maxReason)
	fee := s.fee(0)
	if c.Fee != nil {
		v.amount("/fee", *c.Fee, s.Fare.Currency, s.Payment.Authorized)
		fee = *c.Fee
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if s.Status.Terminal() {
		return nil, s.notNow("abort")
	}
	return []Event{BookingCanceled{At: c.At, By: ActorOps, Cause: CauseAborted, Fee: fee, Personal: Remark{c.Reason}}}, nil
}

// fee returns an amount that is owed without a ride: never more than is held.
func (s State) fee(amount int64) Money {
	return Money{Amount: min(amount, s.Payment.Authorized), Currency: s.Fare.Currency}
}

// Deadline returns when the booking is overdue in its present status; zero for a
// status that it may keep.
func (s State) Deadline() time.Time {
	var deadline time.Time
	switch s.Status {
	case Requested:
		return s.AuthorizeBy
	case Confirmed:
		deadline = s.AssignBy
	case HasDriver:
		deadline = s.AssignedAt.Add(ArriveWithin)
	case DriverIsThere:
		deadline = s.ArrivedAt.Add(StartWithin)
	case InProgress:
		return s.StartedAt.Add(CompleteWithin)
	default:
		return time.Time{}
	}
	// A ride that began later might end when nothing is held any more.
	if lapses := s.Payment.CaptureBefore; !lapses.IsZero() && lapses.Add(-CaptureMargin).Before(deadline) {
		deadline = lapses.Add(-CaptureMargin)
	}
	return deadline
}

// decideExpire grants nothing before the deadline: whoever asked had an old view.
func decideExpire(s State, c Expire) []Event {
	deadline := s.Deadline()
	if deadline.IsZero() || c.At.Before(deadline) {
		return nil
	}
	return []Event{BookingExpired{At: c.At, Overdue: s.Status}}
}

func decideRequestRefund(s State, c RequestRefund) ([]Event, error) {
	if _, known := s.Payment.Refund(c.RefundID); known {
		return nil, nil
	}
	v := &validation{}
	v.text("/reason", c.Reason, 1, maxReason)
	left := s.Refundable()
	amount := Money{Amount: left, Currency: s.Fare.Currency}
	if c.Amount != nil {
		amount = *c.Amount
		v.amount("/amount", amount, s.Fare.Currency, left)
		if amount.Amount == 0 {
			v.add("/amount/amount", "must not be 0")
		}
	}
	if s.Payment.Status != PaymentIsCaptured || left <= 0 {
		return nil, reject(CodeInvalidState, "There is nothing to refund: the payment is %s.", s.Payment.Status)
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	return []Event{RefundRequested{At: c.At, RefundID: c.RefundID, Amount: amount, Personal: Remark{c.Reason}}}, nil
}

func decideRetryPayment(s State, c RetryPayment) ([]Event, error) {
	if s.Payment.Status != PaymentHasFailed {
		return nil, reject(CodeInvalidState, "There is no failed payment operation to retry: the payment is %s.", s.Payment.Status)
	}
	if s.Payment.Lost && !s.Status.Terminal() {
		return nil, reject(CodeInvalidState, "The hold was lost during the ride. Retry when the ride is over: only then it is known what is owed.")
	}
	// Whether its hold was lost or never granted: the old object is canceled.
	useless := s.Payment.Lost || s.Payment.Failed == OperationAuthorize
	return []Event{PaymentRetried{
		At: c.At, Operation: s.Payment.Failed, Group: s.Payment.Group + 1,
		NewObject: useless && s.OwesCharge(),
	}}, nil
}
