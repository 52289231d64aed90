package gatewaytest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

const (
	keyLife         = 24 * time.Hour
	holdLife        = 7 * 24 * time.Hour
	unexpectedState = "payment_intent_unexpected_state"
)

// Config is what a Fake may be given. All of it is optional.
type Config struct {
	// Now is the provider's clock: time.Now.
	Now func() time.Time
	// Fault decides about calls that no script does: none fails. It is called
	// with the Fake locked, so it must not use it.
	Fault func(Call) Fault
}

// Fake is a payment provider in memory. It is safe for concurrent use.
type Fake struct {
	cfg Config

	mu      sync.Mutex
	objects map[string]*object
	order   []*object
	keys    map[string]*answer
	byAge   []*answer
	scripts map[Op][]Fault
	ids     int // of refunds and disputes
}

var (
	_ payments.Gateway = (*Fake)(nil)
	_ Provider         = (*Fake)(nil)
)

// object is a payment object with what only the provider knows.
type object struct {
	payments.Payment
	method     string
	everHeld   int64
	refunds    []*payments.RefundObject
	disputes   []*payments.Dispute
	operations []Operation
}

// answer is what a key stands for.
type answer struct {
	key, print string
	at         time.Time
	reply
}

// NewFake makes a Fake with an empty ledger.
func NewFake(cfg Config) *Fake {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Fault == nil {
		cfg.Fault = func(Call) Fault { return Fault{} }
	}
	return &Fake{
		cfg: cfg, objects: map[string]*object{}, keys: map[string]*answer{}, scripts: map[Op][]Fault{},
	}
}

// Script makes the next calls of a method meet these faults, one each. The zero
// Fault lets one pass.
func (f *Fake) Script(op Op, faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[op] = append(f.scripts[op], faults...)
}

// Create implements payments.Gateway.
func (f *Fake) Create(ctx context.Context, o payments.Order, key string) (payments.Payment, error) {
	if err := checkOrder(o); err != nil {
		return payments.Payment{}, err
	}
	r := request{Call: Call{Op: Create, Key: key}}
	r.stands = fmt.Sprintf("%s %+v", Create, o)
	r.act = func(Fault, time.Time) (*object, reply) {
		p := &object{method: o.Method, Payment: payments.Payment{
			Ref: "pi_fake" + strconv.Itoa(len(f.order)+1), BookingID: o.BookingID,
			Status: payments.StatusUnconfirmed, Currency: o.Currency, Amount: o.Amount,
		}}
		f.objects[p.Ref] = p
		f.order = append(f.order, p)
		return p, reply{}
	}
	a, err := f.do(ctx, r)
	return a.payment, err
}

// Confirm implements payments.Gateway.
func (f *Fake) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	r := request{Call: Call{Op: Confirm, Ref: ref, Key: key}}
	return f.on(ctx, r, func(p *object, fault Fault, now time.Time) *payments.Error {
		if p.Status != payments.StatusUnconfirmed || p.method == "" {
			return failed(resilience.Unknown, unexpectedState)
		}
		code, decline := outcomeOf(p.method)
		if fault.decline != "" {
			code, decline = "card_declined", fault.decline
		}
		if code != "" {
			p.method, p.DeclineCode = "", decline // the next attempt would need another method
			return failed(resilience.Declined, code)
		}
		p.Status, p.Authorized, p.everHeld = payments.StatusAuthorized, p.Amount, p.Amount
		p.CaptureBefore = now.Add(holdLife).Truncate(time.Second).UTC()
		return nil
	})
}

// Retrieve implements payments.Gateway.
func (f *Fake) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	r := request{Call: Call{Op: Retrieve, Ref: ref}}
	return f.on(ctx, r, func(*object, Fault, time.Time) *payments.Error { return nil })
}

// Capture implements payments.Gateway.
func (f *Fake) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	if amount <= 0 {
		return payments.Payment{}, failed(resilience.Permanent, "invalid_amount")
	}
	r := request{Call: Call{Op: Capture, Ref: ref, Key: key}, stands: strconv.FormatInt(amount, 10)}
	return f.on(ctx, r, func(p *object, _ Fault, _ time.Time) *payments.Error {
		switch {
		case p.Status != payments.StatusAuthorized:
			return failed(resilience.Unknown, unexpectedState)
		case amount > p.Authorized:
			return failed(resilience.Permanent, "amount_too_large")
		}
		p.Status, p.Captured, p.CaptureBefore = payments.StatusCaptured, amount, time.Time{}
		return nil
	})
}

// Cancel implements payments.Gateway.
func (f *Fake) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	r := request{Call: Call{Op: Cancel, Ref: ref, Key: key}}
	return f.on(ctx, r, func(p *object, _ Fault, _ time.Time) *payments.Error {
		if p.Status == payments.StatusCaptured || p.Status == payments.StatusCanceled {
			return failed(resilience.Unknown, unexpectedState)
		}
		p.cancel()
		return nil
	})
}

// lapse cancels an object whose hold has run out.
func (p *object) lapse(now time.Time) {
	if p.Status == payments.StatusAuthorized && !now.Before(p.CaptureBefore) {
		p.cancel()
	}
}

func (p *object) cancel() {
	p.Status, p.Authorized, p.CaptureBefore = payments.StatusCanceled, 0, time.Time{}
}

// request is a call on its way.
type request struct {
	Call
	// stands is what the key stands for, besides the call.
	stands string
	// act has the effect. It returns the object that the call is about, if it came
	// that far.
	act func(Fault, time.Time) (*object, reply)
}

func (r request) print() string { return r.String() + " " + r.stands }

// on is do for a call about an object that exists.
func (f *Fake) on(
	ctx context.Context, r request, act func(*object, Fault, time.Time) *payments.Error,
) (payments.Payment, error) {
	r.act = f.find(r.Ref, func(p *object, fault Fault, now time.Time) reply { return reply{err: act(p, fault, now)} })
	a, err := f.do(ctx, r)
	return a.payment, err
}

func (f *Fake) find(ref string, act func(*object, Fault, time.Time) reply) func(Fault, time.Time) (*object, reply) {
	return func(fault Fault, now time.Time) (*object, reply) {
		p, ok := f.objects[ref]
		if !ok {
			return nil, reply{err: failed(resilience.Permanent, "resource_missing")}
		}
		p.lapse(now)
		return p, act(p, fault, now)
	}
}

// do is the way of every call: context, key, fault, effect, and the answer unless
// the fault takes it.
func (f *Fake) do(ctx context.Context, r request) (reply, error) {
	if ctx.Err() != nil {
		return reply{}, ended(ctx, r.Call, resilience.Transient)
	}
	if !r.Op.reads() && r.Key == "" {
		return reply{}, failed(resilience.Permanent, "invalid_idempotency_key")
	}
	f.mu.Lock()
	fault := f.faultFor(r.Call)
	var a reply
	if !fault.early() {
		a = f.carryOut(r, fault)
	}
	f.mu.Unlock()
	if !fault.store {
		if err := fault.strike(ctx, r.Call); err != nil {
			return reply{}, err
		}
	}
	if a.err != nil {
		return reply{}, a.failure(r.Call)
	}
	return fault.misreport(a), nil
}

// reply is what the provider says.
type reply struct {
	payment  payments.Payment
	refund   payments.RefundObject
	refunds  []payments.RefundObject
	disputes []payments.Dispute
	err      *payments.Error
	replayed bool
}

// failure is the error of a reply, as a value of the caller's own.
func (a reply) failure(c Call) error {
	e := *a.err
	e.Replayed, e.Err = a.replayed, errors.New(c.String())
	return &e
}

// carryOut is the part of do that happens at the provider.
func (f *Fake) carryOut(r request, fault Fault) reply {
	now := f.cfg.Now()
	f.prune(now)
	if known := f.keys[r.Key]; known != nil {
		return f.replay(r, known, now)
	}
	var a reply
	var p *object
	if fault.store {
		p, a.err = f.objects[r.Ref], fault.err
	} else {
		p, a = r.act(fault, now)
	}
	if p != nil {
		a.payment = p.Payment
		p.record(r.Call, now, a.err)
	}
	// Like Stripe, what was never carried out is not remembered.
	if !r.Op.reads() && (p != nil || fault.store) {
		known := &answer{key: r.Key, print: r.print(), at: now, reply: a}
		f.keys[r.Key] = known
		f.byAge = append(f.byAge, known)
	}
	return a
}

func (f *Fake) faultFor(c Call) Fault {
	if script := f.scripts[c.Op]; len(script) > 0 {
		f.scripts[c.Op] = script[1:]
		return script[0]
	}
	return f.cfg.Fault(c)
}

func (f *Fake) replay(r request, known *answer, now time.Time) reply {
	if known.print != r.print() {
		return reply{err: failed(resilience.Permanent, "idempotency_error")}
	}
	if p := f.objects[known.payment.Ref]; p != nil {
		p.operations = append(p.operations, Operation{Call: r.Call, At: now, Result: "replayed"})
	}
	a := known.reply
	a.replayed, a.payment.Replayed, a.refund.Replayed = true, true, true
	return a
}

func (f *Fake) prune(now time.Time) {
	for len(f.byAge) > 0 && now.Sub(f.byAge[0].at) >= keyLife {
		if a := f.byAge[0]; f.keys[a.key] == a {
			delete(f.keys, a.key)
		}
		f.byAge[0] = nil // so that the array behind lets go of it
		f.byAge = f.byAge[1:]
	}
}
