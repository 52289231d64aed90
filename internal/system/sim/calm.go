package sim

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// One world in eight is calm: nothing goes wrong in it, clocks are right and schedules
// punctual. So the rules can be exact there, which in other worlds have to allow for what
// faults bring about: no warning, no refusal of ours, nothing late, no call too many. In one
// of sixteen nothing goes wrong but that hints are lost.
const calmWorlds = 8

// quietRule is that a world without faults is one without failures.
const quietRule = "nothing fails where nothing goes wrong"

// soon is how late anything may be in a calm world: a few calls, one after the other.
const soon = 3 * time.Second

// calms chooses whether the world is calm.
func (w *World) calms() {
	switch w.src.pick("calm", calmWorlds) {
	case 1:
		w.calm, w.punctual, w.plan = true, true, plan{}
		w.reach(worldWasCalm)
	case 2:
		if w.src.pick("forgetful", 2) == 1 {
			w.forgetful, w.punctual, w.plan = true, true, plan{dropped: 0.15}
		}
	default:
	}
}

// finishedForgetfully judges the end of a world in which nothing goes wrong but that hints
// are lost: how late what they were about was done.
func (w *World) finishedForgetfully() {
	const firstHint, daily = 20 * time.Minute, 24*time.Hour + 10*time.Minute
	if l := w.result.Lag; l.First > firstHint || l.Later > daily || l.Settled > daily {
		w.fail("what lost hints were about is done in time", "", "views were late by %s and %s, payments by %s", l.First, l.Later, l.Settled)
	}
}

// troubles are places that no calm world gets to.
var troubles = map[Probe]bool{
	appendWasLostAfter: true, appendCameLate: true, functionCrashed: true, functionTimedOut: true, messageFailed: true, messageCameAgain: true,
	messageWentDead: true, relayTriedAgain: true, recordWasLost: true, viewStoreWasAway: true, viewWasMended: true, auditMended: true,
	healthWithoutStore: true, healthWasDegraded: true, breakerOpened: true, callWasRefused: true, breakerStoreFailed: true,
	workWasPutOff: true, messageWasSetAside: true, workCameBack: true, debtWasFound: true, attemptWasSpent: true, paymentWasRetried: true,
	holdLapsed: true, refundFailedLate: true, answerWasUnavailable: true, clientGaveUp: true, publishedTwice: true, eventWasLost: true,
}

// counts takes note of a call, by what it is and who makes it.
func (w *World) counts(what string) {
	if w.calm {
		w.costs[what]++
	}
}

// finishedCalmly judges the end of a calm world.
func (w *World) finishedCalmly() {
	if l := w.result.Lag; l.First > soon || l.Later > soon || l.Settled > soon {
		w.fail(quietRule, "", "views were late by %s and %s, payments by %s", l.First, l.Later, l.Settled)
	}
	var commits, owing int
	for _, a := range w.oracle.order {
		w.paidCheaply(a)
		commits += len(a.history.Commits())
		for _, c := range a.history.Commits() {
			for _, e := range c.Events {
				if owes[e.Type] {
					owing++
					break
				}
			}
		}
	}
	for _, c := range []struct {
		what        string
		least, most int
	}{
		// Each commit is shown once, and each that makes a booking owe something is worked
		// on once.
		{"hint for projector by relay", commits, commits},
		{"load by projector", 0, commits},
		{"hint for payment by relay", owing, owing},
		{"load by payment", owing, 2*owing + w.costs["webhook"]},
		{"load by sweeper", 0, w.costs["append by sweeper"] + 2},
	} {
		if n := w.costs[c.what]; n < c.least || n > c.most {
			w.fail("no call is made in vain", "", "%s: %d, want %d to %d", c.what, n, c.least, c.most)
		}
	}
}

// owes are the events after which a booking may owe, or be owed, something.
var owes = map[string]bool{
	booking.TypeBookingRequested: true, booking.TypeRideCompleted: true, booking.TypeBookingCanceled: true, booking.TypeBookingExpired: true,
	booking.TypeRefundRequested: true, booking.TypePaymentRetried: true,
}

// paidCheaply judges what a booking's payment took: the calls that change something once
// each, one question before each visit, and its steps at once.
func (w *World) paidCheaply(a *account) {
	refunds := len(a.model().pay.refunds)
	cancels, questions := 1, 3+refunds
	if a.model().status != booking.Completed {
		// The end of a booking may meet its authorization: then two functions cancel, and who
		// comes second asks again until nothing is new.
		cancels, questions = cancels+1, questions+3
	}
	for _, c := range []struct {
		op   gatewaytest.Op
		most int
	}{
		{gatewaytest.Create, 1},
		{gatewaytest.Confirm, 1},
		{gatewaytest.Capture, 1},
		{gatewaytest.Cancel, cancels},
		{gatewaytest.Refund, refunds},
		{gatewaytest.Retrieve, questions},
		{gatewaytest.Refunds, 3 * refunds},
		{gatewaytest.Disputes, 0},
	} {
		if n := w.costs[string(c.op)+" for "+string(a.id)]; n > c.most {
			w.fail("no call is made in vain", a.id, "%d times %s, want at most %d", n, c.op, c.most)
		}
	}
	var before model
	for _, m := range a.models[1:] {
		late := time.Duration(0)
		switch {
		case before.status == booking.Requested && m.pay.status != before.pay.status:
			late = m.updated.Sub(before.updated)
		case m.status == booking.Expired && before.status != booking.Expired:
			late = m.updated.Sub(before.deadline()) - 2*time.Minute // the sweeper's pace
		}
		if late > soon {
			w.fail(quietRule, a.id, "version %d came %s late", m.version, late)
		}
		before = m
	}
}
