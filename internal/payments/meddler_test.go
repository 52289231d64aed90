package payments_test

import (
	"context"
	"sync"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// processing is a provider that cannot decide: every change is refused, and the
// object is being processed.
type processing struct{ payments.Gateway }

func (processing) busy() error {
	return &payments.Error{Outcome: resilience.Unknown, Code: "payment_intent_unexpected_state"}
}

func (p processing) Capture(context.Context, string, int64, string) (payments.Payment, error) {
	return payments.Payment{}, p.busy()
}

func (p processing) Cancel(context.Context, string, string) (payments.Payment, error) {
	return payments.Payment{}, p.busy()
}

func (p processing) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	object, err := p.Gateway.Retrieve(ctx, ref)
	object.Status = payments.StatusProcessing
	return object, err
}

// meddler does something once, just before or after a method is called.
type meddler struct {
	payments.Gateway
	op    gatewaytest.Op
	after bool
	do    func()
	once  sync.Once
}

func (m *meddler) around(op gatewaytest.Op, call func() (payments.Payment, error)) (payments.Payment, error) {
	if op == m.op && !m.after {
		m.once.Do(m.do)
	}
	p, err := call()
	if op == m.op && m.after {
		m.once.Do(m.do)
	}
	return p, err
}

func (m *meddler) Create(ctx context.Context, o payments.Order, key string) (payments.Payment, error) {
	return m.around(gatewaytest.Create, func() (payments.Payment, error) { return m.Gateway.Create(ctx, o, key) })
}

func (m *meddler) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	return m.around(gatewaytest.Confirm, func() (payments.Payment, error) { return m.Gateway.Confirm(ctx, ref, key) })
}

func (m *meddler) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	return m.around(gatewaytest.Retrieve, func() (payments.Payment, error) { return m.Gateway.Retrieve(ctx, ref) })
}

func (m *meddler) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	return m.around(gatewaytest.Capture, func() (payments.Payment, error) { return m.Gateway.Capture(ctx, ref, amount, key) })
}

func (m *meddler) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	return m.around(gatewaytest.Cancel, func() (payments.Payment, error) { return m.Gateway.Cancel(ctx, ref, key) })
}

func (m *meddler) Refund(ctx context.Context, o payments.RefundOrder, key string) (payments.RefundObject, error) {
	if m.op == gatewaytest.Refund && !m.after {
		m.once.Do(m.do)
	}
	r, err := m.Gateway.Refund(ctx, o, key)
	if m.op == gatewaytest.Refund && m.after {
		m.once.Do(m.do)
	}
	return r, err
}

// A booking ends between any two steps of its authorization, and whatever else may
// happen in that moment: nothing stays held, nothing is taken, and the log says so.
func TestABookingThatEndsMeanwhileHoldsNothing(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*testing.T, *desk){
		"canceled": func(t *testing.T, d *desk) {
			t.Helper()
			d.does(t, booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "changed my mind"})
		},
		"expired": func(t *testing.T, d *desk) {
			t.Helper()
			d.does(t, booking.Expire{At: d.clock.Add(booking.AuthorizeWithin)})
		},
		"canceled, and another function is at it": func(t *testing.T, d *desk) {
			t.Helper()
			d.does(t, booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "changed my mind"})
			other := *d.Processor
			other.Gateway = d.provider
			_, err := other.Process(t.Context(), id, events.Trace{})
			for range 1 { // it may have met the fault
				if err != nil {
					_, err = other.Process(t.Context(), id, events.Trace{})
				}
			}
			if err != nil {
				t.Errorf("the other function: %v", err)
			}
		},
	}
	for how, end := range ends {
		for _, op := range []gatewaytest.Op{gatewaytest.Create, gatewaytest.Confirm, gatewaytest.Retrieve} {
			for when, after := range map[string]bool{"before": false, "after": true} {
				for with, faults := range map[string][]gatewaytest.Fault{
					"no fault": nil, "a lost answer": {gatewaytest.LostAfter()}, "a lost call": {gatewaytest.LostBefore()},
				} {
					t.Run(how+" "+when+" "+string(op)+", "+with, func(t *testing.T) {
						t.Parallel()
						d := newDesk(t, "pm_card_visa")
						if op == gatewaytest.Retrieve { // which comes after a confirmation that went wrong
							d.provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
						}
						d.provider.Script(op, faults...)
						happened := false
						d.Gateway = &meddler{Gateway: d.provider, op: op, after: after, do: func() { happened = true; end(t, d) }}
						s := d.hinted(t)
						if !happened {
							t.Fatal("the booking did not end meanwhile")
						}
						if ok := s.Payment.Status == booking.PaymentIsAbandoned || s.Payment.Status == booking.PaymentIsVoided; !ok {
							t.Errorf("the payment is %s, want abandoned or voided", s.Payment.Status)
						}
						for _, e := range d.provider.Ledger() {
							if e.OpenHold || e.Captured != 0 {
								t.Errorf("%s holds %d, captured %d", e.Ref, e.Authorized, e.Captured)
							}
							if named := e.Ref == s.Payment.Ref; named && e.Status != payments.StatusCanceled {
								t.Errorf("%s is %s, want canceled: a late attempt could still hold money", e.Ref, e.Status)
							}
						}
					})
				}
			}
		}
	}
}

// Two functions settle at once, one in the middle of the other's call.
func TestAnotherFunctionSettlesMeanwhile(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		if end.op == "" {
			continue
		}
		for when, after := range map[string]bool{"before": false, "after": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, "pm_card_visa")
				end.arrive(t, d)
				other := *d.Processor
				d.Gateway = &meddler{Gateway: d.provider, op: end.op, after: after, do: func() {
					if _, err := other.Process(t.Context(), id, events.Trace{}); err != nil {
						t.Errorf("the other function: %v", err)
					}
				}}
				d.settles(t, end.fact, end.status, end.taken)
				taken := 0
				for _, e := range d.provider.Ledger() {
					for _, call := range e.Operations {
						if call.Op == gatewaytest.Capture && call.Result == "ok" {
							taken++
						}
					}
				}
				if want := map[bool]int{true: 1}[end.taken > 0]; taken != want {
					t.Errorf("%d captures had an effect, want %d", taken, want)
				}
			})
		}
	}
}

// A function that is late with a loss that another one recorded, and ops had
// retried, neither undoes the retry nor tells of a state that is over.
func TestALossIsRecordedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	completed(t, d)
	d.clock = noon.AddDate(0, 0, 8)
	other := *d.Processor
	d.Gateway = &meddler{Gateway: d.provider, op: gatewaytest.Retrieve, after: true, do: func() {
		if _, err := other.Process(t.Context(), id, events.Trace{}); err != nil {
			t.Errorf("the other function: %v", err)
		}
		d.does(t, booking.RetryPayment{At: d.clock})
		if _, err := other.Process(t.Context(), id, events.Trace{}); err != nil {
			t.Errorf("the other function, after the retry: %v", err)
		}
	}}
	d.settles(t, "PaymentCaptured", booking.PaymentIsCaptured, 1084)
}

var _ payments.Gateway = (*meddler)(nil)
