package payments_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// does carries out commands of people on the booking.
func (d *desk) does(t *testing.T, commands ...booking.Command) booking.State {
	t.Helper()
	var last booking.State
	for _, c := range commands {
		out, err := d.Bookings.Execute(t.Context(), id, c, booking.Envelope{
			CommandID: fmt.Sprintf("rq_%T_%s", c, events.NewStamp().CommitID), Actor: "dispatch/dora", At: d.clock,
		})
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		last = out.State
	}
	return last
}

// hinted processes hints until one succeeds, as SQS would bring them.
func (d *desk) hinted(t *testing.T) booking.State {
	t.Helper()
	const receives = 5
	var last error
	for range receives {
		b, err := d.Process(t.Context(), id, events.Trace{})
		if err == nil {
			return b.State
		}
		last = err
	}
	t.Fatalf("after %d hints: %v", receives, last)
	return booking.State{}
}

// The rides of these tests end in one of these ways, with what the provider has to
// do then.
func completed(t *testing.T, d *desk) {
	t.Helper()
	d.hinted(t)
	d.does(t, booking.Assign{At: d.clock, DriverID: "d-1"}, booking.Arrive{At: d.clock}, booking.Start{At: d.clock},
		booking.Complete{At: d.clock, DistanceM: 3300, DurationS: 480})
}

func canceledEarly(t *testing.T, d *desk) {
	t.Helper()
	d.hinted(t)
	d.does(t, booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "changed my mind"})
}

func canceledLate(t *testing.T, d *desk) {
	t.Helper()
	d.hinted(t)
	d.does(t, booking.Assign{At: d.clock, DriverID: "d-1"})
	d.does(t, booking.Cancel{At: d.clock.Add(3 * time.Minute), By: booking.ActorRider, Reason: "changed my mind"})
}

// canceledUnclear leaves a hold at the provider that the log knows nothing of.
func canceledUnclear(t *testing.T, d *desk) {
	t.Helper()
	d.provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	d.provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil || d.holds() != 1 {
		t.Fatalf("%d holds, %v; want one of which the log does not know", d.holds(), err)
	}
	d.does(t, booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "changed my mind"})
}

// expiredUnclear is the same for a booking that nobody canceled.
func expiredUnclear(t *testing.T, d *desk) {
	t.Helper()
	d.provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	d.provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore())
	if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil || d.holds() != 1 {
		t.Fatalf("%d holds, %v; want one of which the log does not know", d.holds(), err)
	}
	d.clock = d.clock.Add(booking.AuthorizeWithin)
	d.does(t, booking.Expire{At: d.clock})
}

func canceledUnpaid(t *testing.T, d *desk) {
	t.Helper()
	d.does(t, booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "changed my mind"})
}

// endings are all ways to end, what is recorded of the payment then, and what the
// provider has taken.
var endings = map[string]struct {
	arrive func(*testing.T, *desk)
	op     gatewaytest.Op // what the provider is asked to do; empty for nothing
	fact   string
	status booking.PaymentStatus
	taken  int64
}{
	"a completed ride":                  {completed, gatewaytest.Capture, "PaymentCaptured", booking.PaymentIsCaptured, 1084},
	"a late cancellation":               {canceledLate, gatewaytest.Capture, "PaymentCaptured", booking.PaymentIsCaptured, 500},
	"an early cancellation":             {canceledEarly, gatewaytest.Cancel, "PaymentVoided", booking.PaymentIsVoided, 0},
	"a cancellation, payment unclear":   {canceledUnclear, gatewaytest.Cancel, "PaymentAbandoned", booking.PaymentIsAbandoned, 0},
	"an expiry, payment unclear":        {expiredUnclear, gatewaytest.Cancel, "PaymentAbandoned", booking.PaymentIsAbandoned, 0},
	"a cancellation before the payment": {canceledUnpaid, "", "PaymentAbandoned", booking.PaymentIsAbandoned, 0},
}

// settles checks that the payment ended as it should: in the log once, and at the
// provider without a hold.
func (d *desk) settles(t *testing.T, fact string, status booking.PaymentStatus, taken int64) {
	t.Helper()
	s := d.hinted(t)
	if s.Payment.Status != status || s.Payment.Captured != taken {
		t.Errorf("the payment is %s, %d captured; want %s, %d", s.Payment.Status, s.Payment.Captured, status, taken)
	}
	history := d.history(t)
	if got := history[len(history)-1]; got != fact || slices.Index(history, fact) != len(history)-1 {
		t.Errorf("the history is %v, want one %s, at its end", history, fact)
	}
	var captured int64
	for _, e := range d.provider.Ledger() {
		captured += e.Captured
	}
	if captured != taken || d.holds() != 0 {
		t.Errorf("the provider took %d and has %d holds, want %d and none", captured, d.holds(), taken)
	}
}

func TestEveryEndingIsSettled(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			end.arrive(t, d)
			d.settles(t, end.fact, end.status, end.taken)
			before := d.provider.Ledger()
			d.settles(t, end.fact, end.status, end.taken) // another hint changes nothing
			if diff := cmp.Diff(before, d.provider.Ledger()); diff != "" {
				t.Errorf("the second hint called the provider (-before +after):\n%s", diff)
			}
		})
	}
}

// Whatever single fault meets the last operation, with or without another when the
// outcome is asked for: after enough hints the booking is settled as without.
func TestOneFaultAtTheEndIsSurvived(t *testing.T) {
	t.Parallel()
	faults := map[string]gatewaytest.Fault{
		"unreachable":   gatewaytest.Unreachable(),
		"rate limited":  gatewaytest.RateLimited(time.Second),
		"lost before":   gatewaytest.LostBefore(),
		"lost after":    gatewaytest.LostAfter(),
		"lock timeout":  gatewaytest.Busy("lock_timeout"),
		"key in flight": gatewaytest.Busy("idempotency_key_in_use"),
	}
	for where, end := range endings {
		if end.op == "" {
			continue
		}
		for name, fault := range faults {
			for asked, again := range map[string][]gatewaytest.Fault{
				"asked": nil, "asked in vain": {gatewaytest.LostBefore()}, "asked in vain twice": {gatewaytest.Unreachable(), gatewaytest.LostBefore()},
			} {
				t.Run(fmt.Sprintf("%s, %s, %s", where, name, asked), func(t *testing.T) {
					t.Parallel()
					d := newDesk(t, "pm_card_visa")
					end.arrive(t, d)
					d.provider.Script(end.op, fault)
					d.provider.Script(gatewaytest.Retrieve, again...)
					d.settles(t, end.fact, end.status, end.taken)
				})
			}
		}
	}
}

// calls counts the calls of a method that reached an object of the provider.
func (d *desk) calls(op gatewaytest.Op) int {
	n := 0
	for _, e := range d.provider.Ledger() {
		for _, call := range e.Operations {
			if call.Op == op {
				n++
			}
		}
	}
	return n
}

func TestALostAnswerIsAskedForNotRepeated(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		if end.op == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			end.arrive(t, d)
			d.provider.Script(end.op, gatewaytest.LostAfter())
			if _, err := d.Process(t.Context(), id, events.Trace{}); err != nil {
				t.Fatalf("the first hint: %v", err)
			}
			d.settles(t, end.fact, end.status, end.taken)
			if got := d.calls(end.op); got != 1 {
				t.Errorf("%d calls of %s, want 1", got, end.op)
			}
		})
	}
}

// Ten functions get the last hint at once, and every answer of the first is lost.
func TestManyProcessorsSettleOnce(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			end.arrive(t, d)
			if end.op != "" {
				d.provider.Script(end.op, gatewaytest.LostAfter())
			}
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					for range 5 {
						if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
							return
						}
					}
					t.Error("five hints were not enough")
				})
			}
			wg.Wait()
			d.settles(t, end.fact, end.status, end.taken)
		})
	}
}

// What is owed below the least that a card can be charged is waived, and the log
// says how much.
func TestWhatIsTooLittleIsWaived(t *testing.T) {
	t.Parallel()
	for fee, want := range map[int64]booking.Event{
		0:  booking.PaymentVoided{At: noon, Ref: "pi_fake1", Waived: booking.Money{Currency: "EUR"}},
		49: booking.PaymentVoided{At: noon, Ref: "pi_fake1", Waived: booking.Money{Amount: 49, Currency: "EUR"}},
		50: booking.PaymentCaptured{At: noon, Ref: "pi_fake1", Amount: booking.Money{Amount: 50, Currency: "EUR"}},
	} {
		t.Run(fmt.Sprint(fee), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			d.hinted(t)
			d.does(t, booking.Abort{At: noon, Reason: "by ops", Fee: &booking.Money{Amount: fee, Currency: "EUR"}})
			d.hinted(t)
			b, err := d.Bookings.Load(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			commits := b.History.Commits()
			got, err := booking.DecodeCommit(commits[len(commits)-1])
			if diff := cmp.Diff([]booking.Event{want}, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if d.holds() != 0 {
				t.Error("the provider still holds the fare")
			}
		})
	}
}

// A hold that lapsed before the capture: the loss is recorded, and nothing is tried
// until somebody asks for it. Then a new object holds and gives what is owed.
func TestALostHoldIsRetriedWithANewObject(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	completed(t, d)
	d.clock = noon.AddDate(0, 0, 8)
	s := d.hinted(t)
	if s.Payment.Status != booking.PaymentHasFailed || !s.Payment.Lost {
		t.Fatalf("the payment is %+v, want failed and lost", s.Payment)
	}
	d.hinted(t)
	if got := len(d.provider.Ledger()); got != 1 {
		t.Fatalf("%d objects before anybody asked", got)
	}
	d.does(t, booking.RetryPayment{At: d.clock})
	d.provider.Script(gatewaytest.Create, gatewaytest.LostAfter())
	d.provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	d.settles(t, "PaymentCaptured", booking.PaymentIsCaptured, 1084)
	objects := d.provider.Ledger()
	if last := objects[len(objects)-1]; last.EverHeld != 1084 || last.Captured != 1084 {
		t.Errorf("the new object held %d and captured %d, want just what is owed", last.EverHeld, last.Captured)
	}
	want := []string{"PaymentAuthorizationLost", "PaymentRetried", "PaymentStarted", "PaymentAuthorized", "PaymentCaptured"}
	if diff := cmp.Diff(want, d.history(t)[8:]); diff != "" {
		t.Errorf("history since the ride (-want +got):\n%s", diff)
	}
}

// A hold that lapsed and was not needed any more is as good as released.
func TestALapsedHoldIsReleased(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		if end.op != gatewaytest.Cancel {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			end.arrive(t, d)
			d.clock = noon.AddDate(0, 0, 8)
			d.settles(t, end.fact, end.status, end.taken)
		})
	}
}

// Somebody captured at the provider what the log wants to release: the log says so,
// and the hint is done. It used to come back for ever.
func TestACaptureByHandIsRecorded(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		if end.op != gatewaytest.Cancel {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			end.arrive(t, d)
			if _, err := d.provider.Capture(t.Context(), "pi_fake1", 700, "by hand"); err != nil {
				t.Fatal(err)
			}
			d.settles(t, "PaymentCaptured", booking.PaymentIsCaptured, 700)
		})
	}
}

// What the provider cannot say yet is looked at again later.
func TestWhatIsStillProcessedIsLeftOpen(t *testing.T) {
	t.Parallel()
	for name, end := range endings {
		if end.op == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			end.arrive(t, d)
			before := d.history(t)
			d.Gateway = processing{d.provider}
			if _, err := d.Process(t.Context(), id, events.Trace{}); err == nil {
				t.Error("no error, and the hint is gone")
			}
			if diff := cmp.Diff(before, d.history(t)); diff != "" {
				t.Errorf("something was recorded (-before +after):\n%s", diff)
			}
			d.Gateway = d.provider
			d.settles(t, end.fact, end.status, end.taken)
		})
	}
}

var _ payments.Gateway = processing{}

// A ride, or a fee, whose second hold is declined is owed still: somebody is called, and
// ops may have it tried again until a card pays.
func TestADeclineOfWhatIsOwedIsAFailure(t *testing.T) {
	t.Parallel()
	for name, owed := range map[string]struct {
		arrive func(*testing.T, *desk)
		fault  gatewaytest.Op // which call says that the card is declined
		want   int64
	}{
		"a ride":                    {lostAndRetried, gatewaytest.Confirm, 1084},
		"a fee":                     {lostAndRetriedFee, gatewaytest.Confirm, 500},
		"a ride, without an object": {lostAndRetried, gatewaytest.Create, 1084},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "pm_card_visa")
			owed.arrive(t, d)
			for range 2 {
				d.alarms.raised = nil
				d.provider.Script(owed.fault, gatewaytest.DeclinedWithoutTrace("card_declined"))
				s := d.hinted(t)
				if s.Payment.Status != booking.PaymentHasFailed || s.Payment.Failure != "card_declined" {
					t.Fatalf("the payment is %s: %q, want failed: card_declined", s.Payment.Status, s.Payment.Failure)
				}
				if diff := cmp.Diff([]string{payments.AlarmFailed}, d.alarms.raised); diff != "" {
					t.Errorf("alarms (-want +got):\n%s", diff)
				}
				d.agrees(t)
				d.does(t, booking.RetryPayment{At: d.clock})
			}
			d.settles(t, "PaymentCaptured", booking.PaymentIsCaptured, owed.want)
		})
	}
}
