package paysim

import (
	"slices"
	"strings"
	"time"
)

// status is the state of a payment intent, by Stripe's names.
type status string

const (
	requiresPaymentMethod status = "requires_payment_method"
	requiresConfirmation  status = "requires_confirmation"
	requiresAction        status = "requires_action"
	processing            status = "processing"
	requiresCapture       status = "requires_capture"
	succeeded             status = "succeeded"
	canceled              status = "canceled"
)

// intent is a payment intent. Its methods are the state machine: each check
// tells whether a step is allowed, the method beside it takes the step.
type intent struct {
	id, secret   string
	created      time.Time
	amount       int64
	currency     string
	manual       bool // capture_method
	method       string
	description  string
	metadata     map[string]string
	status       status
	resumeAt     status // where processing began
	charge       *charge
	lastError    *apiError
	canceledAt   time.Time
	cancelReason string
	refunds      []*refund
	disputes     []*dispute
	told         told

	busy       bool
	operations []operation
}

// charge is one attempt at the card.
type charge struct {
	id, method, brand string
	created           time.Time
	failed            *apiError
	captured          bool
	amountCaptured    int64
	// amountRefunded counts what was released without being captured too:
	// Stripe reports the rest of a partial capture, and a canceled hold, so.
	amountRefunded int64
	captureBefore  time.Time
}

type operation struct {
	Op     Op        `json:"op"`
	Key    string    `json:"key"`
	At     time.Time `json:"at"`
	Result string    `json:"result"`
}

func (p *intent) record(op Op, key string, at time.Time, result string) {
	if op != OpRetrieve {
		p.operations = append(p.operations, operation{op, key, at.UTC(), result})
	}
}

func (p *intent) capturable() int64 {
	if p.status == requiresCapture {
		return p.amount
	}
	return 0
}

func (p *intent) received() int64 {
	if p.status == succeeded {
		return p.charge.amountCaptured
	}
	return 0
}

func (p *intent) checkConfirm(method string) *apiError {
	if !slices.Contains([]status{requiresPaymentMethod, requiresConfirmation, requiresAction}, p.status) {
		return unexpectedState(p, "You cannot confirm this PaymentIntent because it has a status of %s.", p.status)
	}
	if method == "" && p.method == "" {
		return unexpectedState(p, "You cannot confirm this PaymentIntent because it has no payment method.")
	}
	return nil
}

// startProcessing shows that a confirmation is under way.
func (p *intent) startProcessing() {
	p.resumeAt, p.status = p.status, processing
}

// stopProcessing undoes startProcessing. Else it does nothing.
func (p *intent) stopProcessing() {
	if p != nil && p.status == processing {
		p.status = p.resumeAt
	}
}

// attempt is one confirmation.
type attempt struct {
	chargeID      string
	method        string // replaces the intent's one, unless empty
	now           time.Time
	holdFor       time.Duration
	errorOnAction bool
	forceDecline  bool
}

// confirm asks the card. The error is the decline.
func (p *intent) confirm(a attempt) *apiError {
	p.stopProcessing()
	if a.method != "" {
		p.method = a.method
	}
	card, _ := cardOf(p.method)
	if a.forceDecline {
		card.declineCode, card.challenges = "generic_decline", false
	}
	if card.challenges && !a.errorOnAction {
		p.status = requiresAction
		return nil
	}
	p.charge = &charge{id: a.chargeID, method: p.method, brand: card.brand, created: a.now}
	switch {
	case card.challenges:
		return p.refuse("authentication_required", "authentication_required", "The payment requires authentication.")
	case card.declineCode != "":
		return p.refuse("card_declined", card.declineCode, "Your card was declined.")
	}
	p.lastError = nil
	if !p.manual {
		p.charge.captured, p.charge.amountCaptured = true, p.amount
		p.status = succeeded
		return nil
	}
	p.charge.captureBefore = a.now.Add(a.holdFor).Truncate(time.Second)
	p.status = requiresCapture
	return nil
}

// refuse takes the payment method away, as a decline does: the next attempt
// must bring one.
func (p *intent) refuse(code, declineCode, message string) *apiError {
	p.status, p.method = requiresPaymentMethod, ""
	p.lastError = declined(p, code, declineCode, message)
	p.charge.failed = p.lastError
	return p.lastError
}

func (p *intent) checkCapture(amount int64) *apiError {
	if p.status != requiresCapture {
		return unexpectedState(p, "This PaymentIntent could not be captured because it has a status of %s.", p.status)
	}
	if amount > p.amount {
		return invalid("amount_too_large", "amount_to_capture", "The amount is more than what can be captured.")
	}
	return nil
}

// capture takes amount and lets go of the rest, which releaseID names.
func (p *intent) capture(amount int64, releaseID string, now time.Time) {
	p.charge.captured, p.charge.amountCaptured = true, amount
	p.release(p.amount-amount, releaseID, now)
	p.status = succeeded
}

func (p *intent) checkCancel() *apiError {
	switch p.status {
	case canceled, succeeded, processing:
		return unexpectedState(p, "You cannot cancel this PaymentIntent because it has a status of %s.", p.status)
	default:
		return nil
	}
}

// cancel ends the intent for good and releases its hold, if there is one.
func (p *intent) cancel(reason, releaseID string, now time.Time) {
	p.release(p.capturable(), releaseID, now)
	p.status, p.cancelReason, p.canceledAt = canceled, reason, now
}

func (p *intent) release(amount int64, id string, now time.Time) {
	if amount == 0 {
		return
	}
	p.charge.amountRefunded += amount
	p.refunds = append(p.refunds, &refund{id: id, amount: amount, created: now, status: refundSucceeded, release: true})
}

// lapse cancels an intent whose hold has run out, as Stripe does by itself.
func (p *intent) lapse(now time.Time) {
	if p.busy { // a call is at work on it and was in time
		return
	}
	if p.status == requiresCapture && !now.Before(p.charge.captureBefore) {
		p.cancel("automatic", strings.Replace(p.charge.id, "ch_", "re_", 1), p.charge.captureBefore)
	}
}
