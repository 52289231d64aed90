package stripegateway

import (
	"errors"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/payments"
)

// paymentOf translates a payment intent, with its latest charge where that was
// expanded.
func paymentOf(intent *stripe.PaymentIntent) (payments.Payment, error) {
	status, known := statusOf(intent.Status)
	switch {
	case intent.Object != "payment_intent" || intent.ID == "" || !isIdentifier(intent.ID):
		return payments.Payment{}, errors.New("the answer is not a payment intent")
	case !known:
		return payments.Payment{}, errors.New("the payment intent is in an unknown state")
	case !isCurrency(string(intent.Currency)) || intent.Amount <= 0:
		return payments.Payment{}, errors.New("the payment intent has no amount")
	case status == payments.StatusAuthorized && !isPartOf(intent.AmountCapturable, intent.Amount):
		return payments.Payment{}, errors.New("the payment intent does not say what it holds")
	case status == payments.StatusCaptured && !isPartOf(intent.AmountReceived, intent.Amount):
		return payments.Payment{}, errors.New("the payment intent does not say what was received")
	}
	p := payments.Payment{
		Ref:         intent.ID,
		BookingID:   intent.Metadata[bookingKey],
		Status:      status,
		Currency:    strings.ToUpper(string(intent.Currency)),
		Amount:      intent.Amount,
		DeclineCode: declineOf(intent),
	}
	charge := expanded(intent.LatestCharge)
	switch status {
	case payments.StatusAuthorized:
		p.Authorized = intent.AmountCapturable
		p.CaptureBefore = captureBefore(charge)
	case payments.StatusCaptured:
		p.Authorized = intent.Amount
		p.Captured = intent.AmountReceived
		if charge != nil {
			p.Authorized = charge.Amount
			p.Refunded = refunded(charge)
			p.Disputed = charge.Disputed
		}
	default: // nothing is held or taken
	}
	return p, nil
}

// isPartOf reports whether an amount that Stripe documents for a state is really there: it
// is left out by proxies and doubles, which then reads as zero.
func isPartOf(part, whole int64) bool { return 0 < part && part <= whole }

func statusOf(s stripe.PaymentIntentStatus) (payments.Status, bool) {
	switch s {
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusRequiresConfirmation,
		stripe.PaymentIntentStatusRequiresAction:
		return payments.StatusUnconfirmed, true
	case stripe.PaymentIntentStatusProcessing:
		return payments.StatusProcessing, true
	case stripe.PaymentIntentStatusRequiresCapture:
		return payments.StatusAuthorized, true
	case stripe.PaymentIntentStatusSucceeded:
		return payments.StatusCaptured, true
	case stripe.PaymentIntentStatusCanceled:
		return payments.StatusCanceled, true
	default:
		return "", false
	}
}

// declineOf is why the last confirmation failed.
func declineOf(intent *stripe.PaymentIntent) string {
	if intent.Status == stripe.PaymentIntentStatusRequiresAction {
		return codeAction
	}
	e := intent.LastPaymentError
	if e == nil {
		return ""
	}
	return firstOf(wordOf(string(e.DeclineCode)), wordOf(string(e.Code)), codeUnrecognized)
}

// expanded is the charge if there is more of it than its id.
func expanded(c *stripe.Charge) *stripe.Charge {
	if c == nil || c.Object == "" {
		return nil
	}
	return c
}

// refunded is what went back of the captured amount. Stripe's own figure also
// counts what a partial capture released, which was never taken.
func refunded(c *stripe.Charge) int64 {
	released := c.Amount - c.AmountCaptured
	return max(c.AmountRefunded-released, 0)
}

func captureBefore(c *stripe.Charge) time.Time {
	if c == nil || c.PaymentMethodDetails == nil || c.PaymentMethodDetails.Card == nil ||
		c.PaymentMethodDetails.Card.CaptureBefore == 0 {
		return time.Time{}
	}
	return time.Unix(c.PaymentMethodDetails.Card.CaptureBefore, 0).UTC()
}
