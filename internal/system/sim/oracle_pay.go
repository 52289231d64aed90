package sim

import (
	"cmp"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// asked is what an invocation knows of an object at the provider.
type asked struct {
	inv  *invocation
	what string
}

// subject is what a call is about: of refunds only their list tells.
func subject(inv *invocation, op gatewaytest.Op, ref string) asked {
	if op == gatewaytest.Refund || op == gatewaytest.Refunds {
		return asked{inv, "refunds of " + ref}
	}
	return asked{inv, ref}
}

// callsProvider judges a call by what its invocation knows: nothing is changed that
// was not looked at, or made, by the same invocation, and nothing after a call of
// unknown outcome.
func (o *oracle) callsProvider(inv *invocation, c call) {
	if first, again := o.keyed[c.Key]; !again {
		o.keyed[c.Key] = time.Now()
	} else if time.Since(first) >= 24*time.Hour && !c.reads() {
		o.reach(keyWasForgotten)
	}
	if c.Op == gatewaytest.Create || c.reads() || o.looked[subject(inv, c.Op, c.Ref)] {
		return
	}
	o.fail("nothing is done before the provider was asked", booking.ID(c.booking), "%s by %s", c.Call, inv.name)
}

func (o *oracle) calledProvider(inv *invocation, c call, ref string, err error) {
	s := subject(inv, c.Op, cmp.Or(c.Ref, ref))
	switch {
	case err == nil && (c.reads() || c.Op == gatewaytest.Create):
		o.looked[s] = true
	case err != nil && !c.reads() && resilience.ClassOf(err) == resilience.Unknown:
		delete(o.looked, s)
	}
}

// paid judges a fact of a payment by what the provider has at that moment, and by the
// faults that were injected.
func (o *oracle) paid(a *account, before booking.State, e booking.Event) {
	switch e := e.(type) {
	case booking.PaymentFailed:
		o.paymentFailed(a, before, e)
	case booking.PaymentDeclined, booking.PaymentVoided, booking.PaymentAbandoned:
		o.waived(a, before, e)
	case booking.PaymentAuthorizationLost:
		if entry := o.entry(e.Ref); entry.Status != payments.StatusCanceled {
			o.fail("a hold is lost when it is gone", a.id, "%s is %s", e.Ref, entry.Status)
		}
		if _, hand := o.byHand[e.Ref]; !hand {
			o.reach(holdLapsed)
		}
	case booking.PaymentAttemptSpent:
		o.reach(attemptWasSpent)
	case booking.PaymentRefunded:
		o.reach(refundWasMade)
		if strings.HasPrefix(e.RefundID, "re_") {
			o.reach(handWasLearned)
		}
	case booking.PaymentRefundFailed:
		o.refundFailed(a, before, e)
	case booking.PaymentDisputed:
		o.reach(disputeWasLearned)
	}
}

// groups is how many times the provider has to fail before anything is given up.
const groups = 5

// leastCharge is the least that a card can be charged with.
const leastCharge = 50

// paymentFailed allows a payment to fail for two reasons, since no other is injected: the
// provider kept a failure under every key there was, or a card was declined, or its
// object canceled by hand, for an amount that is owed.
func (o *oracle) paymentFailed(a *account, before booking.State, e booking.PaymentFailed) {
	ref := before.Payment.Ref
	entry := o.entry(ref)
	if ref != "" && entry.Status != payments.StatusCanceled {
		o.fail("nothing is held when a payment fails", a.id, "%s is %s", ref, entry.Status)
	}
	n := o.stored[ref+string(gatewaytest.Confirm)]
	switch {
	case ref != "" && n >= groups:
	case before.Owed().Amount >= leastCharge && (entry.DeclineCode != "" || e.Reason == "canceled"):
		o.reach(owedWasDeclined)
	default:
		o.fail("4: no payment fails without a lasting fault", a.id, "%s: %s, after %d stored failures", e.Operation, e.Reason, n)
	}
}

// waived judges that a payment ends without a capture: only if what is owed is too little.
func (o *oracle) waived(a *account, before booking.State, e booking.Event) {
	if owed := before.Owed().Amount; owed >= leastCharge {
		o.fail("4: what is owed is charged, or fails", a.id, "%s while %d is owed", e.Type(), owed)
	}
}

func (o *oracle) refundFailed(a *account, before booking.State, e booking.PaymentRefundFailed) {
	known, _ := before.Payment.Refund(e.RefundID)
	if known.Status == booking.RefundDone {
		o.reach(refundFailedLate)
	}
	byHand := false
	for _, r := range o.entry(before.Payment.Ref).Refunds {
		byHand = byHand || r.RefundID == ""
		if r.Status == payments.RefundFailed && cmp.Or(r.RefundID, r.ID) == e.RefundID {
			return
		}
	}
	// Refused for want of money, because somebody else gave it back; or for good.
	if !byHand && o.stored[before.Payment.Ref+string(gatewaytest.Refund)] < groups {
		o.fail("4: no refund fails without a lasting fault", a.id, "%s: %s", e.RefundID, e.Code)
	}
}

func (o *oracle) entry(ref string) gatewaytest.Entry {
	for _, e := range o.fake.Ledger() {
		if e.Ref == ref {
			return e
		}
	}
	return gatewaytest.Entry{}
}

// refundedOnce judges the refunds of an object: each of ours is there once.
func (o *oracle) refundedOnce(e gatewaytest.Entry) {
	made := map[string]bool{}
	for _, r := range e.Refunds {
		if r.RefundID == "" || r.Status == payments.RefundFailed {
			continue
		}
		if made[r.RefundID] {
			o.fail("3: a refund is made once", booking.ID(e.BookingID), "%s was made again as %s", r.RefundID, r.ID)
		}
		made[r.RefundID] = true
	}
}

// sameRefunds tells whether log and provider have the same refunds and disputes.
func sameRefunds(p booking.Payment, e gatewaytest.Entry) bool {
	var gone int64
	at := map[string]payments.RefundObject{}
	for _, r := range e.Refunds {
		at[cmp.Or(r.RefundID, r.ID)] = r
		if r.Status == payments.RefundSucceeded {
			gone += r.Amount
		}
	}
	if gone != p.Refunded || gone != e.Refunded || len(p.Disputes) != len(e.Disputes) {
		return false
	}
	for _, r := range p.Refunds {
		if r.Status == booking.RefundDone && (at[r.ID].Status != payments.RefundSucceeded || at[r.ID].Amount != r.Amount) {
			return false
		}
	}
	for i, d := range e.Disputes {
		if p.Disputes[i].ID != d.ID || p.Disputes[i].Status != d.Status {
			return false
		}
	}
	return true
}
