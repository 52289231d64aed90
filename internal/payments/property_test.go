package payments_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// anything does one thing to a booking: a hint under faults, a process that dies,
// somebody's command, somebody's hand at the provider, time.
func (d *desk) anything(t *rapid.T, n int) {
	names := slices.Sorted(maps.Keys(survivable))
	d.fault = func(gatewaytest.Call) gatewaytest.Fault {
		switch kind := rapid.SampledFrom(append(names, "", "", "", "", "", "pending", "wrong", "declined")).Draw(t, "fault"); kind {
		case "":
			return gatewaytest.Fault{}
		case "pending":
			return gatewaytest.Pending()
		case "wrong":
			return gatewaytest.Broken("parameter_unknown")
		case "declined":
			return gatewaytest.DeclinedWithoutTrace("card_declined")
		default:
			return survivable[kind]
		}
	}
	switch rapid.SampledFrom([]string{"hint", "hint", "reconcile", "death", "ride", "ride", "ride", "refund", "command", "hand", "hand", "time"}).Draw(t, "step") {
	case "hint":
		_, _ = d.Process(t.Context(), id, events.Trace{})
	case "reconcile":
		_, _ = d.Reconcile(t.Context(), id, events.Trace{})
	case "death":
		d.dies(t, rapid.IntRange(0, 8).Draw(t, "at"), rapid.Bool().Draw(t, "after"), time.Second)
	case "ride":
		d.theRideGoesOn(t, n)
	case "refund":
		d.asks(t, n, booking.RequestRefund{At: d.clock, RefundID: fmt.Sprint("rf_", n), Amount: &booking.Money{Amount: 100, Currency: "EUR"}, Reason: "x"})
	case "command":
		d.somebodyAsks(t, n)
	case "hand":
		d.somebodysHand(t)
	case "time":
		d.clock = d.clock.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Minute, 11 * time.Minute, 3 * time.Hour, 25 * time.Hour, 170 * time.Hour}).Draw(t, "time"))
	}
	d.fault = nil
}

func (d *desk) somebodyAsks(t *rapid.T, n int) {
	c := rapid.SampledFrom([]booking.Command{
		booking.Assign{At: d.clock, DriverID: "d-1"},
		booking.Arrive{At: d.clock},
		booking.Start{At: d.clock},
		booking.Complete{At: d.clock, DistanceM: 3300, DurationS: 480},
		booking.NoShow{At: d.clock},
		booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "x"},
		booking.Expire{At: d.clock},
		booking.Abort{At: d.clock, Reason: "x", Fee: &booking.Money{Amount: 49, Currency: "EUR"}},
		booking.RequestRefund{At: d.clock, RefundID: fmt.Sprint("rf_", n), Amount: &booking.Money{Amount: 100, Currency: "EUR"}, Reason: "x"},
		booking.RequestRefund{At: d.clock, RefundID: fmt.Sprint("rf_", n), Reason: "x"},
		booking.RetryPayment{At: d.clock},
	}).Draw(t, "command")
	d.asks(t, n, c)
}

// theRideGoesOn is the next step of a ride that goes well.
func (d *desk) theRideGoesOn(t *rapid.T, n int) {
	d.fault = nil
	b, err := d.Process(t.Context(), id, events.Trace{})
	if err != nil {
		return
	}
	switch b.State.Status {
	case booking.Confirmed:
		d.asks(t, n, booking.Assign{At: d.clock, DriverID: "d-1"})
	case booking.HasDriver:
		d.asks(t, n, booking.Arrive{At: d.clock})
	case booking.DriverIsThere:
		d.asks(t, n, booking.Start{At: d.clock})
	case booking.InProgress:
		d.asks(t, n, booking.Complete{At: d.clock, DistanceM: 3300, DurationS: 480})
	default:
	}
}

// asks gives a command, which may be refused.
func (d *desk) asks(t *rapid.T, n int, c booking.Command) {
	_, err := d.Bookings.Execute(t.Context(), id, c, booking.Envelope{CommandID: fmt.Sprint("rq_", n), Actor: "somebody", At: d.clock})
	if rejected := (*booking.Rejection)(nil); err != nil && !errors.As(err, &rejected) {
		t.Fatal(err)
	}
}

func (d *desk) somebodysHand(t *rapid.T) {
	ledger := d.provider.Ledger()
	if len(ledger) == 0 {
		return
	}
	e := rapid.SampledFrom(ledger).Draw(t, "object")
	switch rapid.SampledFrom([]string{"cancel", "capture", "refund", "finish", "fail", "dispute"}).Draw(t, "hand") {
	case "cancel":
		_, _ = d.provider.Cancel(t.Context(), e.Ref, "by hand")
	case "capture":
		_, _ = d.provider.Capture(t.Context(), e.Ref, 700, "by hand")
	case "refund":
		_, _ = d.provider.RefundByHand(e.Ref, 50)
	case "finish":
		d.decideRefunds(e, "")
	case "fail":
		d.decideRefunds(e, "lost_or_stolen_card")
	case "dispute":
		d.provider.Dispute(e.Ref, rapid.SampledFrom([]string{"needs_response", "lost"}).Draw(t, "status"))
	}
}

func (d *desk) decideRefunds(e gatewaytest.Entry, failure string) {
	for _, r := range e.Refunds {
		d.provider.FinishRefund(r.ID, failure)
	}
}

// comesToRest lets nothing go wrong any more: the booking ends, if it has not, refunds
// are decided, and hints to reconcile come, a day apart at worst, until all is done.
func (d *desk) comesToRest(t *rapid.T) booking.State {
	var last error
	for range 20 {
		b, err := d.Reconcile(t.Context(), id, events.Trace{})
		if err == nil && b.State.Status.Terminal() {
			return b.State
		}
		last = err
		b, err = d.Bookings.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if deadline := b.State.Deadline(); !b.State.Status.Terminal() && d.clock.Before(deadline) {
			d.clock = deadline
		}
		_, _ = d.Bookings.Execute(t.Context(), id, booking.Expire{At: d.clock}, booking.Envelope{
			CommandID: fmt.Sprint("sw_", b.State.Version), Actor: booking.ActorSweeper, At: d.clock,
		})
		for _, e := range d.provider.Ledger() {
			for _, r := range e.Refunds {
				if r.Status == payments.RefundPending {
					d.provider.FinishRefund(r.ID, "")
				}
			}
		}
		d.clock = d.clock.Add(25 * time.Hour)
	}
	t.Fatalf("no rest: %v", last)
	return booking.State{}
}

// Whatever happens, in whatever order: at rest nothing is held, what the provider
// took and gave back is what the log says, once, and what failed can be retried.
func TestWhateverHappensProviderAndLogAgreeInTheEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk(t, rapid.SampledFrom([]string{"pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined", "pm_unknown"}).Draw(t, "method"))
		for n := range rapid.IntRange(1, 40).Draw(t, "steps") {
			d.anything(t, n)
			mayNever(t, d)
		}
		s := d.comesToRest(t)
		d.atRest(t, s)
		if s.Payment.Status != booking.PaymentHasFailed {
			return
		}
		if _, err := d.Bookings.Execute(t.Context(), id, booking.RetryPayment{At: d.clock}, booking.Envelope{CommandID: "rq_last", Actor: "ops/otto", At: d.clock}); err != nil {
			t.Fatal(err)
		}
		if s = d.comesToRest(t); !s.Payment.Status.Settled() {
			t.Errorf("retried without a fault, the payment is %s", s.Payment.Status)
		}
		d.atRest(t, s)
	})
}

func (d *desk) atRest(t *rapid.T, s booking.State) {
	if due := payments.Due(s, d.clock); due != payments.None || !s.Payment.Status.Settled() && s.Payment.Status != booking.PaymentHasFailed {
		t.Errorf("%s is due, the payment is %s", due, s.Payment.Status)
	}
	if s.OwesCharge() && s.Payment.Status.Settled() && s.Payment.Captured == 0 {
		t.Errorf("%d is owed, and the payment is %s", s.Owed().Amount, s.Payment.Status)
	}
	d.agrees(t)
	if d.holds() != 0 {
		t.Error("a hold is open")
	}
	if t.Failed() {
		t.Fatalf("history %v", d.history(t))
	}
}

// mayNever checks what may not be even for a moment.
func mayNever(t *rapid.T, d *desk) {
	held := 0
	for _, e := range d.provider.Ledger() {
		captures := 0
		for _, call := range e.Operations {
			if call.Op == gatewaytest.Capture && call.Result == "ok" {
				captures++
			}
		}
		if captures > 1 || e.Captured > e.EverHeld || e.Refunded > e.Captured {
			t.Fatalf("%s: %d captures, %d of %d captured, %d refunded", e.Ref, captures, e.Captured, e.EverHeld, e.Refunded)
		}
		if e.OpenHold {
			held++
		}
	}
	if held > 1 {
		t.Fatalf("%d holds at once", held)
	}
}
