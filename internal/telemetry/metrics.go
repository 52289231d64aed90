package telemetry

import "slices"

// Metric names something that is counted or measured. The name is what alarms and
// dashboards refer to: it never changes its meaning.
type Metric string

// Unit is one of CloudWatch's.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	Seconds      Unit = "Seconds"
	None         Unit = "None"
)

// Namespace is that of all metrics. Their dimensions are Stack, the name of the
// CloudFormation stack, and Function, such as booking.
const Namespace = "Hailstone"

// All metrics. What AWS measures itself is not measured again: see docs/ARCHITECTURE.md.
const (
	BookingsAccepted Metric = "BookingsAccepted"
	BookingsCanceled Metric = "BookingsCanceled"
	BookingsExpired  Metric = "BookingsExpired"
	RidesCompleted   Metric = "RidesCompleted"

	Conflicts         Metric = "Conflicts"
	Replays           Metric = "Replays"
	RejectedMalformed Metric = "RejectedMalformed"
	RejectedAccess    Metric = "RejectedAccess"
	RejectedUnknown   Metric = "RejectedUnknown"
	RejectedState     Metric = "RejectedState"
	RejectedVersion   Metric = "RejectedVersion"
	Unavailable       Metric = "Unavailable"
	InternalErrors    Metric = "InternalErrors"

	PaymentsAuthorized Metric = "PaymentsAuthorized"
	PaymentsDeclined   Metric = "PaymentsDeclined"
	PaymentsCaptured   Metric = "PaymentsCaptured"
	PaymentsVoided     Metric = "PaymentsVoided"
	PaymentsAbandoned  Metric = "PaymentsAbandoned"
	PaymentsRefunded   Metric = "PaymentsRefunded"
	PaymentsFailed     Metric = "PaymentsFailed"
	RefundsFailed      Metric = "RefundsFailed"
	PaymentsDisputed   Metric = "PaymentsDisputed"
	PaymentsStuck      Metric = "PaymentsStuck"
	ProviderRefusals   Metric = "ProviderRefusals"

	CreateLatency   Metric = "ProviderCreateLatency"
	ConfirmLatency  Metric = "ProviderConfirmLatency"
	RetrieveLatency Metric = "ProviderRetrieveLatency"
	CaptureLatency  Metric = "ProviderCaptureLatency"
	CancelLatency   Metric = "ProviderCancelLatency"
	RefundLatency   Metric = "ProviderRefundLatency"
	ListLatency     Metric = "ProviderListLatency"
	ProviderErrors  Metric = "ProviderErrors"

	BreakerState       Metric = "BreakerState"
	BreakerTransitions Metric = "BreakerTransitions"

	PaymentsDeferred    Metric = "PaymentsDeferred"
	PaymentsWaiting     Metric = "PaymentsWaiting"
	OldestDuePayment    Metric = "OldestDuePayment"
	BookingsOverdue     Metric = "BookingsOverdue"
	CaptureDeadlineNear Metric = "CaptureDeadlineNear"
	HintsLost           Metric = "HintsLost"

	ProjectionLag  Metric = "ProjectionLag"
	LogChanged     Metric = "LogChanged"
	LeasesOfOthers Metric = "LeasesOfOthers"
	MessagesFailed Metric = "MessagesFailed"
	RelayStopped   Metric = "RelayStopped"
	PassesFailed   Metric = "PassesFailed"

	ReadUnits  Metric = "ReadUnits"
	WriteUnits Metric = "WriteUnits"

	SpansDropped Metric = "SpansDropped"
)

// Definition says what a metric means.
type Definition struct {
	Metric  Metric
	Unit    Unit
	Meaning string
}

// definitions are in the order of docs/ARCHITECTURE.md, which a test compares with them.
var definitions = []Definition{
	{BookingsAccepted, Count, "bookings stored for the first time"},
	{BookingsCanceled, Count, "bookings canceled, by whomever"},
	{BookingsExpired, Count, "bookings that ended at a deadline"},
	{RidesCompleted, Count, "rides that came to their end"},
	{Conflicts, Count, "appends that another command was before"},
	{Replays, Count, "repeated requests answered as they were the first time"},
	{RejectedMalformed, Count, "answers 400, 413, 415 and 422"},
	{RejectedAccess, Count, "answers 401 and 403"},
	{RejectedUnknown, Count, "answers 404"},
	{RejectedState, Count, "answers 409"},
	{RejectedVersion, Count, "answers 412"},
	{Unavailable, Count, "answers 503"},
	{InternalErrors, Count, "answers 500"},
	{PaymentsAuthorized, Count, "holds recorded"},
	{PaymentsDeclined, Count, "declines recorded"},
	{PaymentsCaptured, Count, "captures recorded"},
	{PaymentsVoided, Count, "released holds recorded"},
	{PaymentsAbandoned, Count, "payments that ended with nothing held"},
	{PaymentsRefunded, Count, "refunds recorded"},
	{PaymentsFailed, Count, "payments given up until ops retry them, lost holds included"},
	{RefundsFailed, Count, "refunds that failed, at once or later"},
	{PaymentsDisputed, Count, "charges that cardholders contest"},
	{PaymentsStuck, Count, "attempts of a payment that cannot succeed by itself"},
	{ProviderRefusals, Count, "calls that the provider refuses this service as such: its key, its account"},
	{CreateLatency, Milliseconds, "one call to create a payment object"},
	{ConfirmLatency, Milliseconds, "one call to confirm, which takes the hold"},
	{RetrieveLatency, Milliseconds, "one call to retrieve a payment object"},
	{CaptureLatency, Milliseconds, "one call to capture"},
	{CancelLatency, Milliseconds, "one call to cancel"},
	{RefundLatency, Milliseconds, "one call to refund"},
	{ListLatency, Milliseconds, "one call to list refunds or disputes"},
	{ProviderErrors, Count, "calls that failed or whose outcome is unknown, declines aside"},
	{BreakerState, None, "0 closed, 1 half-open, 2 open; told every minute by the sweeper"},
	{BreakerTransitions, Count, "changes of the fleet's breaker, by whoever made them"},
	{PaymentsDeferred, Count, "times that payment work was put off"},
	{PaymentsWaiting, Count, "deferred payments, 1,600 at most; told every minute by the sweeper"},
	{OldestDuePayment, Seconds, "age of the oldest of them, 0 if there are none; told every minute"},
	{BookingsOverdue, Count, "bookings found past a deadline, in a run of the sweeper"},
	{CaptureDeadlineNear, Count, "holds found that lapse within 48 h although their amount is owed, counted every minute"},
	{HintsLost, Count, "bookings found whose first hint was lost"},
	{ProjectionLag, Milliseconds, "from the recording of a booking's last event to its view"},
	{LogChanged, Count, "MODIFY and REMOVE on the log, which only erasure may do"},
	{LeasesOfOthers, Count, "drivers' leases that another booking held at a release"},
	{MessagesFailed, Count, "messages that go back to their queue"},
	{RelayStopped, Count, "batches that the relay could not send wholly"},
	{PassesFailed, Count, "passes of the sweeper that failed"},
	{ReadUnits, None, "read capacity units consumed in DynamoDB, as it reports them"},
	{WriteUnits, None, "write capacity units, the same"},
	{SpansDropped, Count, "spans that the collector did not take"},
}

// Definitions returns what all metrics mean.
func Definitions() []Definition { return slices.Clone(definitions) }

// unit returns the unit of a metric.
func (m Metric) unit() Unit {
	for _, d := range definitions {
		if d.Metric == m {
			return d.Unit
		}
	}
	return None
}

// told are the messages of the inner packages that are metrics: they cannot count
// by themselves, but what must wake somebody they log.
var told = map[string]Metric{
	"payment_stuck":            PaymentsStuck,
	"payment_provider_refused": ProviderRefusals,
	"lease of another booking": LeasesOfOthers,
	"the log was changed":      LogChanged,
	"relay stopped":            RelayStopped,
	"message failed":           MessagesFailed,
	"pass failed":              PassesFailed,
	"payment deferred":         PaymentsDeferred,
	"payment breaker changed":  BreakerTransitions,
	"capture deadline near":    CaptureDeadlineNear,
	"expired":                  BookingsOverdue,
	"found without a view":     HintsLost,
}
