package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Bugs of dealing with the provider.
const (
	confirmedWithoutLooking     Canary = "after an unknown outcome another payment is confirmed without looking"
	cancelForgotten             Canary = "a payment is not canceled at the provider"
	capturedAgainWithoutLooking Canary = "a capture is repeated under a fresh key without looking"
	refundedAgainWithoutLooking Canary = "a refund is repeated in another group without looking"
	replayTakenForFinal         Canary = "a failure that the provider replays is taken for final"
	failedWhileHeld             Canary = "a payment is failed while its hold is open"
	askedTwice                  Canary = "the provider is asked twice where once is enough"
	handNotSeen                 Canary = "a refund that was made by hand is not seen"
)

func providerCanaries() []Canary {
	return []Canary{
		confirmedWithoutLooking, cancelForgotten, capturedAgainWithoutLooking, refundedAgainWithoutLooking,
		replayTakenForFinal, failedWhileHeld, handNotSeen, askedTwice,
	}
}

// canaryConfirm takes an unknown outcome for a failure, and tries anew; or it takes
// what failed for final, or hides what it did.
func (p provider) canaryConfirm(ctx context.Context, ref string, object payments.Payment, err error) (payments.Payment, error) {
	switch {
	case p.canary == failedWhileHeld && err == nil:
		p.hidden[ref] = true
		return payments.Payment{}, &payments.Error{Outcome: resilience.Permanent, Code: "canary"}
	case p.canary != confirmedWithoutLooking || err == nil || resilience.ClassOf(err) != resilience.Unknown:
		return object, p.canaryReplay(err)
	}
	known, lookErr := p.fake.Retrieve(context.WithoutCancel(ctx), ref)
	if lookErr != nil {
		return object, err
	}
	p.keys++
	key := fmt.Sprintf("again-%d", p.keys)
	other, err := p.fake.Create(context.WithoutCancel(ctx), payments.Order{BookingID: known.BookingID, Amount: known.Amount, Currency: known.Currency, Method: "pm_card_visa"}, key)
	if err != nil {
		return other, err
	}
	other, err = p.fake.Confirm(context.WithoutCancel(ctx), other.Ref, key+"/confirm")
	p.oracle.ledgerMoved()
	return other, err
}

// canaryReplay is an error as somebody reads it who does not know of replays.
func (p provider) canaryReplay(err error) error {
	var e *payments.Error
	if p.canary != replayTakenForFinal || !errors.As(err, &e) || !e.Replayed {
		return err
	}
	final := *e
	final.Replayed, final.Outcome = false, resilience.Permanent
	return &final
}

// canaryRetrieve hides the hold of a confirmation that was taken for failed.
func (p provider) canaryRetrieve(object payments.Payment) payments.Payment {
	if p.hidden[object.Ref] {
		object.Status, object.Authorized = payments.StatusUnconfirmed, 0
	}
	return object
}

func (p provider) canaryRefunds(all []payments.RefundObject) []payments.RefundObject {
	if p.canary != handNotSeen {
		return all
	}
	return slices.DeleteFunc(all, func(r payments.RefundObject) bool { return r.RefundID == "" })
}
