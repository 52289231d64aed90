package booking

import "time"

// Type strings are storage format.
const (
	TypePaymentStarted           = "PaymentStarted"
	TypePaymentAttemptSpent      = "PaymentAttemptSpent"
	TypePaymentAuthorized        = "PaymentAuthorized"
	TypePaymentDeclined          = "PaymentDeclined"
	TypePaymentCaptured          = "PaymentCaptured"
	TypePaymentVoided            = "PaymentVoided"
	TypePaymentAbandoned         = "PaymentAbandoned"
	TypePaymentFailed            = "PaymentFailed"
	TypePaymentRetried           = "PaymentRetried"
	TypePaymentAuthorizationLost = "PaymentAuthorizationLost"
	TypePaymentDisputed          = "PaymentDisputed"
	TypeRefundRequested          = "RefundRequested"
	TypePaymentRefunded          = "PaymentRefunded"
	TypePaymentRefundFailed      = "PaymentRefundFailed"
)

// Operation is something that is done to a payment at the provider.
type Operation string

// The operations.
const (
	OperationAuthorize Operation = "authorize"
	OperationCapture   Operation = "capture"
	OperationVoid      Operation = "void"
	OperationRefund    Operation = "refund"
)

// PaymentStarted makes the provider's payment object known before it can hold
// any money. Only an object named here is ever confirmed.
type PaymentStarted struct {
	At    time.Time `json:"at"`
	Ref   string    `json:"ref"`
	Group int       `json:"group"`
}

// PaymentAttemptSpent begins a new group of attempts at an operation, with fresh
// idempotency keys: the provider had stored a failure under the old ones.
type PaymentAttemptSpent struct {
	At        time.Time `json:"at"`
	Operation Operation `json:"operation"`
	// RefundID tells which refund; empty for other operations.
	RefundID string `json:"refund_id,omitzero"`
	Group    int    `json:"group"`
}

// PaymentAuthorized means that the provider holds the amount.
type PaymentAuthorized struct {
	At     time.Time `json:"at"`
	Ref    string    `json:"ref"`
	Amount Money     `json:"amount"`
	// CaptureBefore is when the hold lapses.
	CaptureBefore time.Time `json:"capture_before"`
}

// PaymentDeclined means that the provider refused, and that its object, where
// there was one, is canceled: nothing is or will be held.
type PaymentDeclined struct {
	At   time.Time `json:"at"`
	Ref  string    `json:"ref,omitzero"`
	Code string    `json:"code"`
}

// PaymentCaptured means that the amount was taken and the rest released.
type PaymentCaptured struct {
	At     time.Time `json:"at"`
	Ref    string    `json:"ref"`
	Amount Money     `json:"amount"`
}

// PaymentVoided means that the hold was released and nothing was taken.
type PaymentVoided struct {
	At  time.Time `json:"at"`
	Ref string    `json:"ref"`
	// Waived is what was owed and is too little to be charged.
	Waived Money `json:"waived"`
}

// PaymentAbandoned means that nothing is or will be held: the booking ended
// before any object was confirmed.
type PaymentAbandoned struct {
	At  time.Time `json:"at"`
	Ref string    `json:"ref,omitzero"`
}

// PaymentFailed gives an operation up until somebody looks at it.
type PaymentFailed struct {
	At        time.Time `json:"at"`
	Operation Operation `json:"operation"`
	Reason    string    `json:"reason"`
}

// PaymentRetried takes a failed operation up again, in a new group of attempts.
type PaymentRetried struct {
	At        time.Time `json:"at"`
	Operation Operation `json:"operation"`
	Group     int       `json:"group"`
	// NewObject tells that the old object is of no use any more.
	NewObject bool `json:"new_object,omitzero"`
}

// PaymentAuthorizationLost means that the hold lapsed or was canceled at the
// provider before it was captured.
type PaymentAuthorizationLost struct {
	At  time.Time `json:"at"`
	Ref string    `json:"ref"`
}

// PaymentDisputed means that the cardholder contests the charge with the bank.
type PaymentDisputed struct {
	At        time.Time `json:"at"`
	DisputeID string    `json:"dispute_id"`
	Amount    Money     `json:"amount"`
	// Status is the provider's word, such as needs_response, won or lost.
	Status string `json:"status"`
}

// RefundRequested is the wish to give money back.
type RefundRequested struct {
	At       time.Time `json:"at"`
	RefundID string    `json:"refund_id"`
	Amount   Money     `json:"amount"`
	// Personal is stored apart.
	Personal Remark `json:"-"`
}

// PaymentRefunded means that the provider gave the money back.
type PaymentRefunded struct {
	At       time.Time `json:"at"`
	RefundID string    `json:"refund_id"`
	Amount   Money     `json:"amount"`
}

// PaymentRefundFailed means that the provider could not give the money back,
// also when it had seemed so before.
type PaymentRefundFailed struct {
	At       time.Time `json:"at"`
	RefundID string    `json:"refund_id"`
	// Ref names the provider's refund object, which cannot succeed any more. It is empty
	// where the provider made none, and in events of before it was kept.
	Ref  string `json:"ref,omitzero"`
	Code string `json:"code"`
}

// Type implements Event.
func (PaymentStarted) Type() string { return TypePaymentStarted }

// Type implements Event.
func (PaymentAttemptSpent) Type() string { return TypePaymentAttemptSpent }

// Type implements Event.
func (PaymentAuthorized) Type() string { return TypePaymentAuthorized }

// Type implements Event.
func (PaymentDeclined) Type() string { return TypePaymentDeclined }

// Type implements Event.
func (PaymentCaptured) Type() string { return TypePaymentCaptured }

// Type implements Event.
func (PaymentVoided) Type() string { return TypePaymentVoided }

// Type implements Event.
func (PaymentAbandoned) Type() string { return TypePaymentAbandoned }

// Type implements Event.
func (PaymentFailed) Type() string { return TypePaymentFailed }

// Type implements Event.
func (PaymentRetried) Type() string { return TypePaymentRetried }

// Type implements Event.
func (PaymentAuthorizationLost) Type() string { return TypePaymentAuthorizationLost }

// Type implements Event.
func (PaymentDisputed) Type() string { return TypePaymentDisputed }

// Type implements Event.
func (RefundRequested) Type() string { return TypeRefundRequested }

// Type implements Event.
func (PaymentRefunded) Type() string { return TypePaymentRefunded }

// Type implements Event.
func (PaymentRefundFailed) Type() string { return TypePaymentRefundFailed }
