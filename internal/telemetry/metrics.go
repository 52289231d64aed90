package telemetry

import (
	"maps"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

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

// All metrics. What AWS measures itself is not measured again: see docs/TELEMETRY.md.
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
	PaymentMismatches  Metric = "PaymentMismatches"
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
	OldestOverdue       Metric = "OldestOverdue"
	LongRides           Metric = "LongRides"
	CaptureDeadlineNear Metric = "CaptureDeadlineNear"
	HintsLost           Metric = "HintsLost"

	ProjectionLag  Metric = "ProjectionLag"
	LogChanged     Metric = "LogChanged"
	LeasesOfOthers Metric = "LeasesOfOthers"
	MessagesFailed Metric = "MessagesFailed"
	RelayStopped   Metric = "RelayStopped"
	PassesFailed   Metric = "PassesFailed"

	RecordsUnreadable Metric = "RecordsUnreadable"
	AuditFindings     Metric = "AuditFindings"
	CleanAuditAge     Metric = "CleanAuditAge"

	ReadUnits  Metric = "ReadUnits"
	WriteUnits Metric = "WriteUnits"

	SpansDropped Metric = "SpansDropped"
)

// Definition says what a metric means.
type Definition struct {
	Metric Metric
	Unit   Unit
	// By are the functions that tell it: the dimension Function.
	By      string
	Meaning string
}

// definitions are in the order of docs/TELEMETRY.md, which a test compares with them.
var definitions = []Definition{
	{BookingsAccepted, Count, "booking", "bookings stored for the first time"},
	{BookingsCanceled, Count, "booking, payment", "bookings canceled, by whomever"},
	{BookingsExpired, Count, "sweeper", "bookings that ended at a deadline"},
	{RidesCompleted, Count, "booking", "rides that came to their end"},
	{Conflicts, Count, "booking, payment, sweeper", "appends that another command was before"},
	{Replays, Count, "booking", "repeated requests answered as they were the first time"},
	{RejectedMalformed, Count, "booking", "answers 400, 413, 415 and 422"},
	{RejectedAccess, Count, "booking", "answers 401 and 403"},
	{RejectedUnknown, Count, "booking", "answers 404"},
	{RejectedState, Count, "booking", "answers 409"},
	{RejectedVersion, Count, "booking", "answers 412"},
	{Unavailable, Count, "booking", "answers 503"},
	{InternalErrors, Count, "booking", "answers 500"},
	{PaymentsAuthorized, Count, "payment", "holds recorded"},
	{PaymentsDeclined, Count, "payment", "declines recorded"},
	{PaymentsCaptured, Count, "payment", "captures recorded"},
	{PaymentsVoided, Count, "payment", "released holds recorded"},
	{PaymentsAbandoned, Count, "payment", "payments that ended with nothing held"},
	{PaymentsRefunded, Count, "payment", "refunds recorded"},
	{PaymentsFailed, Count, "payment", "payments given up until ops retry them, lost holds included"},
	{RefundsFailed, Count, "payment", "refunds that failed, at once or later"},
	{PaymentsDisputed, Count, "payment", "charges that cardholders contest"},
	{PaymentsStuck, Count, "payment", "attempts of a payment that cannot succeed by itself"},
	{PaymentMismatches, Count, "payment", "answers of the provider that do not fit what was asked or owed"},
	{ProviderRefusals, Count, "payment", "calls that the provider refuses this service as such: its key, its account"},
	{CreateLatency, Milliseconds, "payment", "one call to create a payment object"},
	{ConfirmLatency, Milliseconds, "payment", "one call to confirm, which takes the hold"},
	{RetrieveLatency, Milliseconds, "payment", "one call to retrieve a payment object"},
	{CaptureLatency, Milliseconds, "payment", "one call to capture"},
	{CancelLatency, Milliseconds, "payment", "one call to cancel"},
	{RefundLatency, Milliseconds, "payment", "one call to refund"},
	{ListLatency, Milliseconds, "payment", "one call to list refunds or disputes"},
	{ProviderErrors, Count, "payment", "calls that failed or whose outcome is unknown, declines aside"},
	{BreakerState, None, "sweeper", "0 closed, 1 half-open, 2 open; told every minute by the sweeper"},
	{BreakerTransitions, Count, "payment", "changes of the fleet's breaker, by whoever made them"},
	{PaymentsDeferred, Count, "payment", "times that payment work was put off"},
	{PaymentsWaiting, Count, "sweeper", "deferred payments, 1,600 at most; told every minute by the sweeper"},
	{OldestDuePayment, Seconds, "sweeper", "age of the oldest of them, 0 if there are none; told every minute"},
	{OldestOverdue, Seconds, "sweeper", "for how long a booking has been past its deadline when the sweeper meets it, the longest; 0 if none is; told every minute"},
	{LongRides, Count, "sweeper", "rides in progress for 12 h and not yet 22 h; told every minute"},
	{CaptureDeadlineNear, Count, "sweeper", "holds found that lapse within 48 h although their amount is owed, counted every minute"},
	{HintsLost, Count, "sweeper", "bookings found whose first hint was lost"},
	{ProjectionLag, Milliseconds, "projector", "from the recording of a booking's last event to its view"},
	{LogChanged, Count, "publisher, relay", "MODIFY and REMOVE on the log, which only erasure may do"},
	{LeasesOfOthers, Count, "booking, payment, sweeper", "drivers' leases that another booking held at a release"},
	{MessagesFailed, Count, "payment, projector, rebuild", "messages that go back to their queue"},
	{RelayStopped, Count, "publisher, relay", "batches that could not be sent wholly"},
	{PassesFailed, Count, "sweeper", "passes of the sweeper that failed"},
	{RecordsUnreadable, Count, "publisher, relay", "records of the stream that cannot be read and are kept in the failure queue"},
	{AuditFindings, Count, "rebuild", "streams that cannot be read, views without a stream, leases without a ride, as walks find them"},
	{CleanAuditAge, Seconds, "sweeper", "time since the last audit began that left no difference; 0 before the first; told every minute"},
	{ReadUnits, None, "all but publisher and relay", "read capacity units consumed in DynamoDB, as it reports them"},
	{WriteUnits, None, "all but publisher and relay", "write capacity units, the same"},
	{SpansDropped, Count, "all", "spans that the collector did not take"},
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
	payments.AlarmStuck:     PaymentsStuck,
	payments.AlarmMismatch:  PaymentMismatches,
	payments.AlarmRefused:   ProviderRefusals,
	payments.BreakerChanged: BreakerTransitions,
	booking.AlarmLease:      LeasesOfOthers,
	relay.AlarmChanged:      LogChanged,
	relay.AlarmStopped:      RelayStopped,
	relay.AlarmUnreadable:   RecordsUnreadable,
	rebuild.AlarmFinding:    AuditFindings,
	queue.AlarmFailed:       MessagesFailed,
	sweeper.AlarmFailed:     PassesFailed,
	deferral.Deferred:       PaymentsDeferred,
	deferral.AlarmNear:      CaptureDeadlineNear,
	repair.FoundLost:        HintsLost,
}

// Told returns the metrics that are counted by the messages of the inner packages.
func Told() map[string]Metric { return maps.Clone(told) }
