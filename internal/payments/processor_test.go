package payments_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	id   = booking.ID("bk_" + strings.Repeat("a", 32))
)

// desk is a payment processor, its provider and a requested booking.
type desk struct {
	*payments.Processor
	provider *gatewaytest.Fake
	clock    time.Time
	// fault, where set, decides about calls to the provider that no script does.
	fault func(gatewaytest.Call) gatewaytest.Fault
	// alarms are the messages of what was logged as an error.
	alarms alarms
}

// alarms is a booking.Logger.
type alarms struct {
	mu     sync.Mutex
	raised []string
}

func (a *alarms) ErrorContext(_ context.Context, message string, _ ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.raised = append(a.raised, message)
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	rapid.TB
	Context() context.Context
}

func newDesk(t tester, method string) *desk {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{clock: noon}
	now := func() time.Time { return d.clock }
	bookings := &booking.Service{
		Store:   eventstest.NewMemory(events.NewStamp),
		Backoff: booking.RaceBackoff(func() float64 { return 0 }),
		Sleep:   resilience.Sleep,
	}
	_, err = bookings.Create(t.Context(), id, booking.Request{
		At: noon, RiderID: booking.Caller{Subject: "alice"}.RiderID(), Product: "standard", Tariff: tariff,
		Trip: booking.Trip{Pickup: booking.Place{Lat: 52.5219, Lng: 13.4132}, Dropoff: booking.Place{Lat: 52.5163, Lng: 13.3777}, PaymentMethod: method},
	}, booking.Envelope{CommandID: "create", Request: []byte(`{}`), Actor: "rider/alice", At: noon})
	if err != nil {
		t.Fatal(err)
	}
	d.provider = gatewaytest.NewFake(gatewaytest.Config{Now: now, Fault: func(c gatewaytest.Call) gatewaytest.Fault {
		if d.fault == nil {
			return gatewaytest.Fault{}
		}
		return d.fault(c)
	}})
	var mu sync.Mutex
	keys := 0
	d.Processor = &payments.Processor{
		Bookings: bookings, Gateway: d.provider, Now: now, Log: &d.alarms,
		NewKey: func() string {
			mu.Lock()
			defer mu.Unlock()
			keys++
			return fmt.Sprint("fresh-", keys)
		},
	}
	return d
}

func (d *desk) history(t tester) []string {
	t.Helper()
	b, err := d.Bookings.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, c := range b.History.Commits() {
		for _, e := range c.Events {
			types = append(types, e.Type)
		}
	}
	return types
}

// holds returns how many of the provider's objects hold money.
func (d *desk) holds() int {
	open := 0
	for _, e := range d.provider.Ledger() {
		if e.OpenHold {
			open++
		}
	}
	return open
}

var (
	happy    = []string{"BookingRequested", "PaymentStarted", "PaymentAuthorized", "BookingConfirmed"}
	declined = []string{"BookingRequested", "PaymentStarted", "PaymentDeclined", "BookingCanceled"}
)

func TestAnAuthorizationConfirmsTheBooking(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	b, err := d.Process(t.Context(), id, events.Trace{})
	if err != nil {
		t.Fatal(err)
	}
	pay := b.State.Payment
	if b.State.Status != booking.Confirmed || pay.Authorized != b.State.Hold.Amount || !pay.CaptureBefore.Equal(noon.AddDate(0, 0, 7)) {
		t.Errorf("booking %s with payment %+v; want confirmed, all held for 7 days", b.State.Status, pay)
	}
	if diff := cmp.Diff(happy, d.history(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if _, err := d.Process(t.Context(), id, events.Trace{}); err != nil {
		t.Errorf("a second hint: %v", err)
	}
	ledger := d.provider.Ledger()
	if len(ledger) != 1 || ledger[0].BookingID != string(id) || ledger[0].Authorized != 1308 {
		t.Errorf("ledger %+v, want one hold of 1308 for the booking", ledger)
	}
}

func TestADeclineCancelsTheObjectThenTheBooking(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_chargeDeclinedInsufficientFunds")
	b, err := d.Process(t.Context(), id, events.Trace{})
	if err != nil {
		t.Fatal(err)
	}
	if b.State.Status != booking.Canceled || b.State.Payment.Failure != "insufficient_funds" {
		t.Errorf("booking %s, failure %q; want canceled, insufficient_funds", b.State.Status, b.State.Payment.Failure)
	}
	if diff := cmp.Diff(declined, d.history(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if got := d.provider.Ledger()[0].Status; got != payments.StatusCanceled {
		t.Errorf("the object is %s, want canceled: a late attempt could still hold money", got)
	}
}

func TestAMethodThatTheProviderDoesNotKnowIsADecline(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_unknown")
	b, err := d.Process(t.Context(), id, events.Trace{})
	if err != nil {
		t.Fatal(err)
	}
	if b.State.Status != booking.Canceled || b.State.Payment.Status != booking.PaymentIsDeclined {
		t.Errorf("booking %s, payment %s; want canceled and declined", b.State.Status, b.State.Payment.Status)
	}
}

// Whatever single fault meets the processor, and wherever: after enough hints the
// booking is confirmed, with one hold at the provider.
func TestOneFaultAnywhereIsSurvived(t *testing.T) {
	t.Parallel()
	faults := map[string]gatewaytest.Fault{
		"unreachable":   gatewaytest.Unreachable(),
		"rate limited":  gatewaytest.RateLimited(time.Second),
		"lost before":   gatewaytest.LostBefore(),
		"lost after":    gatewaytest.LostAfter(),
		"lock timeout":  gatewaytest.Busy("lock_timeout"),
		"key in flight": gatewaytest.Busy("idempotency_key_in_use"),
	}
	for _, op := range []gatewaytest.Op{gatewaytest.Create, gatewaytest.Confirm} {
		for name, fault := range faults {
			t.Run(string(op)+" "+name, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, "pm_card_visa")
				d.provider.Script(op, fault)
				hints := 0
				for ; hints < 5; hints++ {
					if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
						break
					}
				}
				if diff := cmp.Diff(happy, d.history(t)); diff != "" {
					t.Errorf("history after %d hints (-want +got):\n%s", hints, diff)
				}
				if got := d.holds(); got != 1 {
					t.Errorf("%d holds, want 1", got)
				}
			})
		}
	}
}

func TestAnUnknownOutcomeIsAskedForNotRepeated(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err != nil {
		t.Fatal(err)
	}
	confirms := 0
	for _, op := range d.provider.Ledger()[0].Operations {
		if op.Op == gatewaytest.Confirm {
			confirms++
		}
	}
	if confirms != 1 {
		t.Errorf("%d confirmations, want 1", confirms)
	}
}

func TestAProviderThatCannotBeAskedLeavesTheWorkOpen(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	d.provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore())
	if _, err := d.Process(t.Context(), id, events.Trace{}); resilience.ClassOf(err) != resilience.Unknown {
		t.Fatalf("got %v, want an unknown outcome", err)
	}
	if diff := cmp.Diff(happy[:2], d.history(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if _, err := d.Process(t.Context(), id, events.Trace{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(happy, d.history(t)); diff != "" {
		t.Errorf("history after the next hint (-want +got):\n%s", diff)
	}
}

func TestADeclineWhoseCancelFailsIsNotRecordedYet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_chargeDeclined")
	d.provider.Script(gatewaytest.Cancel, gatewaytest.LostBefore())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
		t.Fatal("no error, and the object may still be confirmed")
	}
	if diff := cmp.Diff(declined[:2], d.history(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if _, err := d.Process(t.Context(), id, events.Trace{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(declined, d.history(t)); diff != "" {
		t.Errorf("history after the next hint (-want +got):\n%s", diff)
	}
}

// Ten functions get the same hint at once: one hold, one story, no object that
// could still come to hold anything.
func TestManyProcessorsMakeOnePayment(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 5 {
				if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(happy, d.history(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	b, err := d.Bookings.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d.provider.Ledger() {
		if named := e.Ref == b.State.Payment.Ref; named != e.OpenHold || !named && e.Status != payments.StatusCanceled {
			t.Errorf("object %s is %s, open hold %v; the log names %s", e.Ref, e.Status, e.OpenHold, b.State.Payment.Ref)
		}
	}
}

func TestWorkForNoBookingIsAnError(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	other := booking.ID("bk_" + strings.Repeat("b", 32))
	if _, err := d.Process(t.Context(), other, events.Trace{}); !errors.Is(err, payments.ErrNoBooking) {
		t.Errorf("got %v, want ErrNoBooking", err)
	}
}

func TestAnObjectCanceledByHandIsADecline(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.provider.Script(gatewaytest.Confirm, gatewaytest.LostBefore())
	d.provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
		t.Fatal("the faults did not happen")
	}
	ref := d.provider.Ledger()[0].Ref
	if _, err := d.provider.Cancel(t.Context(), ref, "by hand"); err != nil {
		t.Fatal(err)
	}
	b, err := d.Process(t.Context(), id, events.Trace{})
	if err != nil || b.State.Status != booking.Canceled || b.State.Payment.Failure != "canceled" {
		t.Errorf("got %v, booking %s, failure %q; want canceled", err, b.State.Status, b.State.Payment.Failure)
	}
}
