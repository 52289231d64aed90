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
	tardy       fault = "tardy" // answers after one to eight seconds
	busy        fault = "busy"
	stored500   fault = "stored 500"
	declined    fault = "declined"
	// declinedOwed is declined, for a second hold of what is owed. It strikes after the
	// faults, too: only then are lost holds taken anew.
	declinedOwed fault = "declined for what is owed"
	misreported  fault = "misreported" // an answer with an amount, or a currency, that is not the object's
	undecided    fault = "undecided"   // a refund that a bank decides later
	down         fault = "down"        // for hours
	brief        fault = "brief"       // down for ten minutes
	flapping     fault = "flapping"    // down every other twenty seconds, for half an hour
)

func providerPart() part {
	return part{
		faults: odds{
			unreachable: 0.2, rateLimited: 0.2, hangBefore: 0.1, hangAfter: 0.1, tardy: 0.2, busy: 0.2, stored500: 0.3, declined: 0.1, declinedOwed: 1, undecided: 1, misreported: 0.1,
		},
		onceAWorld: odds{down: 0.1, brief: 0.15, flapping: 0.15},
		canaries:   providerCanaries(),
		wire: func(w *World) error {
			w.fake = gatewaytest.NewFake(gatewaytest.Config{Fault: func(gatewaytest.Call) gatewaytest.Fault { return w.nextFault }})
			w.planTroubles()
			return nil
		},
	}
}

// provider is the payment provider as the payment function sees it.
type provider struct{ *World }

var _ payments.Gateway = provider{}

// call is one call: what it is, and how it is made at the provider itself.
type call struct {
	gatewaytest.Call
	booking string
	act     func(context.Context) (payments.Payment, error)
}

// reads tells whether a call changes nothing.
func (c call) reads() bool {
	return c.Op == gatewaytest.Retrieve || c.Op == gatewaytest.Refunds || c.Op == gatewaytest.Disputes
}

// possible are the faults that can meet a call.
func (c call) possible() []fault {
	possible := []fault{unreachable, rateLimited, lostBefore, lostAfter, hangBefore, hangAfter, busy, late, tardy, misreported}
	if !c.reads() {
		possible = append(possible, stored500)
	}
	switch c.Op {
	case gatewaytest.Confirm:
		return append(possible, declined)
	case gatewaytest.Refund:
		return append(possible, undecided)
	default:
		return possible
	}
}

func (p provider) do(ctx context.Context, c call) (payments.Payment, error) {
	t := taskOf(ctx)
	p.travel(t)
	fate := p.fate("provider "+string(c.Op), c.possible()...)
	if ctx.Err() != nil {
		return payments.Payment{}, &payments.Error{Outcome: resilience.Transient, Code: "not_sent", Err: ctx.Err()}
	}
	p.counts(string(c.Op))
	p.counts(string(c.Op) + " for " + c.booking)
	p.oracle.callsProvider(t.inv, c)
	object, err := p.meets(ctx, c, p.declines(c, p.troubled(c, fate)))
	p.oracle.calledProvider(t.inv, c, object.Ref, err)
	return object, err
}

// declines is the fate of a call, unless it asks a card for what is owed and the card
// declines, as it does twice at most.
func (p provider) declines(c call, fate fault) fault {
	a := p.oracle.streams[p.oracle.refs[c.Ref].Stream()]
	if c.Op != gatewaytest.Confirm || fate != none || a == nil || a.renewed == 0 || a.renewed > 2 {
		return fate
	}
	if odds := p.plan[declinedOwed]; odds == 0 || !p.src.chance("declined for what is owed", odds) {
		return fate
	}
	p.result.Faults[declinedOwed]++
	return declined
}

// meets makes a call that meets its fate.
func (p provider) meets(ctx context.Context, c call, fate fault) (payments.Payment, error) {
	t := taskOf(ctx)
	if fate == late {
		p.later(string(c.Op), func() { _, _ = p.act(c, none) })
		fate = hangBefore
	}
	object, err := p.act(c, fate)
	p.tell(c.booking, "%s: %s at the provider (%s): %s %v", t.name, c.Call, fate, object.Status, err)
	switch fate {
	case hangBefore, hangAfter:
		return payments.Payment{}, p.hang(ctx, t)
	case tardy:
		p.sched.park(t, time.Now().Add(time.Duration(1+p.src.pick("tardy", 8))*time.Second))
	default:
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

// retryAfters are what a refusal at the door asks for.
var retryAfters = [...]time.Duration{time.Second, 3 * time.Second, 30 * time.Second}

// act is what happens at the provider.
func (p provider) act(c call, fate fault) (payments.Payment, error) {
	p.oracle.providerCalled(c.Call)
	if fate == stored500 {
		p.oracle.stored[c.Ref+string(c.Op)]++
	}
	switch fate {
	case rateLimited:
		p.nextFault = gatewaytest.RateLimited(retryAfters[p.src.pick("retry after", len(retryAfters))])
	case misreported:
		p.nextFault = p.misreports()
	default:
		p.nextFault = map[fault]gatewaytest.Fault{
			unreachable: gatewaytest.Unreachable(),
			lostBefore:  gatewaytest.LostBefore(), lostAfter: gatewaytest.LostAfter(),
			// The waiting is done by the scheduler.
			hangBefore: gatewaytest.LostBefore(), hangAfter: gatewaytest.LostAfter(),
			busy: gatewaytest.Busy(payments.CodeLocked), stored500: gatewaytest.Stored500(), declined: gatewaytest.Declined("do_not_honor"),
			undecided: gatewaytest.Pending(),
		}[fate]
	}
	object, err := c.act(p.ctx)
	p.nextFault = gatewaytest.Fault{}
	p.src.mixText(string(c.Op) + string(object.Status))
	if !c.reads() {
		p.oracle.ledgerMoved()
		p.happened(c)
	}
	return object, err
}

// misreports is an answer whose amounts are another object's, or in another currency.
func (p provider) misreports() gatewaytest.Fault {
	wrong := p.src.pick("misreported", 3)
	return gatewaytest.Misreported(func(object *payments.Payment) {
		switch wrong {
		case 0:
			object.Amount, object.Authorized, object.Captured = object.Amount+1, object.Authorized+1, object.Captured+1
		case 1:
			object.Authorized, object.Captured = 0, 0
		default:
			object.Currency = "JPY"
		}
	})
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
	retrieve := p.on(gatewaytest.Retrieve, ref, "", func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Retrieve(ctx, ref)
	})
	object, err := p.do(ctx, retrieve)
	if p.canary == askedTwice && err == nil {
		object, err = p.do(ctx, retrieve)
	}
	return p.canaryRetrieve(object), err
}

// Capture implements payments.Gateway.
func (p provider) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	capture := func(key string) (payments.Payment, error) {
		return p.do(ctx, p.on(gatewaytest.Capture, ref, key, func(ctx context.Context) (payments.Payment, error) {
			return p.fake.Capture(ctx, ref, amount, key)
		}))
	}
	object, err := capture(key)
	if p.canary == capturedAgainWithoutLooking && resilience.ClassOf(err) == resilience.Unknown {
		return capture(key + "/again")
	}
	return object, p.canaryReplay(err)
}

// Cancel implements payments.Gateway.
func (p provider) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	if p.canary == cancelForgotten || p.hidden[ref] {
		return payments.Payment{Ref: ref, BookingID: p.oracle.bookingOf(ref), Status: payments.StatusCanceled}, nil
	}
	return p.do(ctx, p.on(gatewaytest.Cancel, ref, key, func(ctx context.Context) (payments.Payment, error) {
		return p.fake.Cancel(ctx, ref, key)
	}))
}

func (p provider) on(op gatewaytest.Op, ref, key string, act func(context.Context) (payments.Payment, error)) call {
	return call{gatewaytest.Call{Op: op, Ref: ref, Key: key}, p.oracle.bookingOf(ref), act}
}
