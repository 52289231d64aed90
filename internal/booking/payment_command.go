package booking

import "time"

// The commands below record facts: what happened at the payment provider. They
// are never rejected for a booking that exists. A fact that is known, or older
// than what is known, appends nothing.

// RecordPaymentStarted makes the provider's object known before it is confirmed.
type RecordPaymentStarted struct {
	At  time.Time
	Ref string
	// Group is the group of attempts that the object was made in.
	Group int
}

// RecordAttemptSpent gives up a group of attempts: the provider keeps answering
// its keys with a stored failure, and the object has not moved.
type RecordAttemptSpent struct {
	At        time.Time
	Operation Operation
	RefundID  string // for OperationRefund
	Group     int    // the group that is given up
}

// RecordAuthorization records that the provider holds the fare.
type RecordAuthorization struct {
	At            time.Time
	Ref           string
	Amount        Money
	CaptureBefore time.Time
}

// RecordDecline records that the provider refused, after its object was canceled
// there. Ref is empty where it refused to make one; then Group is the group of attempts
// in which it was asked.
type RecordDecline struct {
	At    time.Time
	Ref   string
	Group int
	Code  string
}

// RecordPaymentFailure records that an authorization cannot be had, for a reason
// that is not the card's. Ref names the provider's object, after it was canceled
// there; it is empty where there is none. Group is the group of attempts that
// ended so.
type RecordPaymentFailure struct {
	At        time.Time
	Ref       string
	Group     int
	Operation Operation
	Reason    string
}

// RecordCapture records that the provider took the amount.
type RecordCapture struct {
	At     time.Time
	Ref    string
	Amount Money
}

// RecordVoid records that the provider released the hold.
type RecordVoid struct {
	At  time.Time
	Ref string
}

// RecordAbandoned records that nothing is or will be held, for a booking that
// ended before an object was confirmed. Ref names the canceled object, if there
// was one.
type RecordAbandoned struct {
	At  time.Time
	Ref string
}

// RecordAuthorizationLost records that the hold lapsed.
type RecordAuthorizationLost struct {
	At  time.Time
	Ref string
}

// RecordRefund records that the provider gave money back. Ref names its refund object.
type RecordRefund struct {
	At       time.Time
	RefundID string
	Ref      string
	Amount   Money
}

// RecordRefundFailure records that it could not. Ref names its refund object; it is
// empty where the provider refused to make one, and then Group is the group of attempts
// in which it was asked.
type RecordRefundFailure struct {
	At       time.Time
	RefundID string
	Ref      string
	Group    int
	Code     string
}

// RecordDispute records what became of a dispute. News is the number of changes that
// the log knew of before the provider was asked: if the log knows more by now, the
// answer may be older than the log, and nothing is recorded.
type RecordDispute struct {
	At        time.Time
	DisputeID string
	Amount    Money
	Status    string
	News      int
}

func (RecordPaymentStarted) command()    {}
func (RecordAttemptSpent) command()      {}
func (RecordAuthorization) command()     {}
func (RecordDecline) command()           {}
func (RecordPaymentFailure) command()    {}
func (RecordCapture) command()           {}
func (RecordVoid) command()              {}
func (RecordAbandoned) command()         {}
func (RecordAuthorizationLost) command() {}
func (RecordRefund) command()            {}
func (RecordRefundFailure) command()     {}
func (RecordDispute) command()           {}
