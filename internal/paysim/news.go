package paysim

import "time"

// apiVersion is the version of Stripe's API whose events are sent.
const apiVersion = "2026-03-25.dahlia"

// event is something that happened to an object, as webhooks tell it.
type event struct {
	kind   string
	object any
	at     time.Time
}

// told is what events have told of an intent.
type told struct {
	status   status
	refunds  map[string]refundStatus
	disputes map[string]string
}

// statusEvents names the events of an intent that comes into a status.
var statusEvents = map[status]string{
	requiresConfirmation:  "payment_intent.created",
	requiresPaymentMethod: "payment_intent.payment_failed",
	requiresAction:        "payment_intent.requires_action",
	processing:            "payment_intent.processing",
	requiresCapture:       "payment_intent.amount_capturable_updated",
	succeeded:             "payment_intent.succeeded",
	canceled:              "payment_intent.canceled",
}

// note queues events about what is new of an intent, however it came about. The
// world is locked.
func (w *world) note(p *intent, now time.Time) {
	if p == nil {
		return
	}
	tell := func(kind string, object any) { w.outbox.put(event{kind, object, now}) }
	if p.told.status != p.status {
		tell(statusEvents[p.status], p.json(false))
	}
	before := p.told
	p.told = told{status: p.status, refunds: map[string]refundStatus{}, disputes: map[string]string{}}
	for _, r := range p.refunds {
		if !r.release {
			p.told.refunds[r.id] = r.status
			p.noteRefund(before.refunds[r.id], r, tell)
		}
	}
	for _, d := range p.disputes {
		p.told.disputes[d.id] = d.status
		if was, known := before.disputes[d.id]; was != d.status {
			tell(disputeEvent(known, d.status), d.json(p))
		}
	}
}

func (p *intent) noteRefund(was refundStatus, r *refund, tell func(string, any)) {
	if was == r.status {
		return
	}
	switch {
	case was == "":
		tell("refund.created", r.json(p, false))
	case r.status == refundFailed:
		tell("refund.failed", r.json(p, false))
	default:
		tell("refund.updated", r.json(p, false))
	}
	if was == "" {
		tell("charge.refunded", p.charge.json(p))
	}
}

func disputeEvent(known bool, status string) string {
	switch {
	case !known:
		return "charge.dispute.created"
	case status == "won" || status == "lost" || status == "warning_closed":
		return "charge.dispute.closed"
	default:
		return "charge.dispute.updated"
	}
}
