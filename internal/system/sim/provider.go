package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Faults of the payment provider, apart from those of every store.
const (
	unreachable fault = "unreachable"
	rateLimited fault = "rate limited"
	hangBefore  fault = "hang before"
	hangAfter   fault = "hang after"
	busy        fault = "busy"
	stored500   fault = "stored 500"
	declined    fault = "declined"
	down        fault = "down" // for hours
)

func providerPart() part {
	return part{
		faults:     odds{unreachable: 0.2, rateLimited: 0.2, hangBefore: 0.1, hangAfter: 0.1, busy: 0.2, stored500: 0.2, declined: 0.1},
		onceAWorld: odds{down: 0.1},
		canaries:   []Canary{confirmedWithoutLooking, cancelForgotten},
		wire: func(w *World) error {
			w.fake = gatewaytest.NewFake(gatewaytest.Config{Fault: func(gatewaytest.Call) gatewaytest.Fault { return w.nextFault }})
			return nil
		},
	}
}

// Bugs of dealing with the provider.
const (
	confirmedWithoutLooking Canary = "after an unknown outcome another payment is confirmed without looking"
	cancelForgotten         Canary = "a payment is not canceled at the provider"
)

// provider is the payment provider as the payment function sees it.
type provider struct{ *World }

var _ payments.Gateway = provider{}

// call is one call: what it is, and how it is made at the provider itself.
type call struct {
	gatewaytest.Call
	booking string
	act     func(context.Context) (payments.Payment, error)
}

func (p provider) do(ctx context.Context, c call) (payments.Payment, error) {
	t := taskOf(ctx)
	p.travel(t)
	possible := []fault{unreachable, rateLimited, lostBefore, lostAfter, hangBefore, hangAfter, busy, late}
	switch c.Op {
	case gatewaytest.Create:
		possible = append(possible, stored500) // every creation has a fresh key; other operations wait for attempt groups
	case gatewaytest.Confirm:
		possible = append(possible, declined)
	default:
	}
	fate := p.fate("provider "+string(c.Op), possible...)
	if ctx.Err() != nil {
		return payments.Payment{}, &payments.Error{Outcome: resilience.Transient, Code: "not_sent", Err: ctx.Err()}
	}
	if fate == late {
		p.later(string(c.Op), func() { _, _ = p.act(c, none) })
		fate = hangBefore
	}
	if now := time.Now(); p.downFrom.Before(now) && now.Before(p.downUntil) {
		fate = unreachable
	}
	object, err := p.act(c, fate)
	p.tell(c.booking, "%s: %s at the provider (%s): %s %v", t.name, c.Call, fate, object.Status, err)
	if fate == hangBefore || fate == hangAfter {
		return payments.Payment{}, p.hang(ctx, t)
	}
	p.travel(t)
	if ctx.Err() != nil {
		return payments.Payment{}, &payments.Error{Outcome: resilience.Unknown, Code: "timeout", Err: ctx.Err()}
	}
	return object, err
}

// hang waits as long as the caller does.
func (p provider) hang(ctx context.Context, t *task) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		p.fail("calls to the provider have a time limit", "", "%s has none", t.name)
		return errInjected
	}
	p.sched.park(t, deadline)
	return &payments.Error{Outcome: resilience.Unknown, Code: "timeout", Err: fmt.Errorf("no answer: %w", ctx.Err())}
}

// act is what happens at the provider.
func (p provider) act(c call, fate fault) (payments.Payment, error) {
	p.oracle.providerCalled(c.Call)
	p.nextFault = map[fault]gatewaytest.Fault{
		unreachable: gatewaytest.Unreachable(), rateLimited: gatewaytest.RateLimited(time.Second),
		lostBefore: gatewaytest.LostBefore(), lostAfter: gatewaytest.LostAfter(),
		// The waiting is done by the scheduler.
		hangBefore: gatewaytest.LostBefore(), hangAfter: gatewaytest.LostAfter(),
		busy: gatewaytest.Busy("lock_timeout"), stored500: gatewaytest.Stored500(), declined: gatewaytest.Declined("do_not_honor"),
	}[fate]
	object, err := c.act(p.ctx)
	p.nextFault = gatewaytest.Fault{}
	p.src.mixText(string(c.Op) + string(object.Status))
	if c.Op != gatewaytest.Retrieve {
		p.oracle.ledgerMoved()
	}
	return object, err
}

// Create implements payments.Gateway.
func (p provider) Create(ctx context.Context, o payments.Order, key string) (payments.Payment, error) {
	return p.do(ctx, call{gatewaytest.Call{Op: gatewaytest.Create, Key: key}, o.BookingID, func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Create(ctx, o, key)
	}})
}

// Confirm implements payments.Gateway.
func (p provider) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	object, err := p.do(ctx, p.on(gatewaytest.Confirm, ref, key, func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Confirm(ctx, ref, key)
	}))
	return p.canaryConfirm(ctx, ref, object, err)
}

// Retrieve implements payments.Gateway.
func (p provider) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	return p.do(ctx, p.on(gatewaytest.Retrieve, ref, "", func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Retrieve(ctx, ref)
	}))
}

// Capture implements payments.Gateway.
func (p provider) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	return p.do(ctx, p.on(gatewaytest.Capture, ref, key, func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Capture(ctx, ref, amount, key)
	}))
}

// Cancel implements payments.Gateway.
func (p provider) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	if p.canary == cancelForgotten {
		return payments.Payment{Ref: ref, Status: payments.StatusCanceled}, nil
	}
	return p.do(ctx, p.on(gatewaytest.Cancel, ref, key, func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Cancel(ctx, ref, key)
	}))
}

func (p provider) on(op gatewaytest.Op, ref, key string, act func(context.Context) (payments.Payment, error)) call {
	return call{gatewaytest.Call{Op: op, Ref: ref, Key: key}, p.oracle.bookingOf(ref), act}
}

// canaryConfirm takes an unknown outcome for a failure, and tries anew.
func (p provider) canaryConfirm(ctx context.Context, ref string, object payments.Payment, err error) (payments.Payment, error) {
	if p.canary != confirmedWithoutLooking || err == nil || resilience.ClassOf(err) != resilience.Unknown {
		return object, err
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
