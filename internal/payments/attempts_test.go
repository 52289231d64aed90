package payments_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// always makes every call of one method go wrong, but for replays.
func always(op gatewaytest.Op, f gatewaytest.Fault) func(gatewaytest.Call) gatewaytest.Fault {
	return func(c gatewaytest.Call) gatewaytest.Fault {
		if c.Op == op {
			return f
		}
		return gatewaytest.Fault{}
	}
}

// hint processes one hint, and lets as much time pass as a group of attempts lasts.
func (d *desk) hint(t *testing.T) (booking.State, error) {
	t.Helper()
	b, err := d.Process(t.Context(), id, events.Trace{})
	d.clock = d.clock.Add(11 * time.Minute)
	return b.State, err
}

// keys returns the idempotency keys of the calls of a method, in their order.
func (d *desk) keys(op gatewaytest.Op) []string {
	var keys []string
	for _, e := range d.provider.Ledger() {
		for _, call := range e.Operations {
			if call.Op == op {
				keys = append(keys, call.Key)
			}
		}
	}
	return keys
}

func count(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// A short outage must not use up the attempts: each hint tries a key once that was
// not tried before, and the groups take as many hints.
func TestAHintBeginsOneGroupAtMost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		scene string
		op    gatewaytest.Op
	}{
		"confirm": {"authorize", gatewaytest.Confirm}, "capture": {"capture", gatewaytest.Capture},
		"cancel": {"void", gatewaytest.Cancel}, "refund": {"refund", gatewaytest.Refund},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := scenes[tt.scene].begin(t)
			d.fault = always(tt.op, gatewaytest.Stored500())
			for group := range 5 {
				if _, err := d.hint(t); err == nil {
					t.Fatalf("no error of hint %d", group+1)
				}
				if got := count(d.history(t), "PaymentAttemptSpent"); got != group {
					t.Errorf("%d groups spent after %d hints, want %d", got, group+1, group)
				}
			}
			keys := d.keys(tt.op)
			slices.Sort(keys)
			if got := len(slices.Compact(keys)); got != 5 {
				t.Errorf("%d keys, want 5: %v", got, keys)
			}
		})
	}
}

// The provider fails to confirm for as long as anybody tries: the object is canceled,
// then the authorization is given up, and loudly.
func TestAnAuthorizationIsGivenUpAfterFiveGroups(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.fault = always(gatewaytest.Confirm, gatewaytest.Stored500())
	for range 5 {
		_, _ = d.hint(t)
	}
	s, err := d.hint(t)
	if err != nil || s.Status != booking.Canceled || s.Payment.Status != booking.PaymentHasFailed || s.Payment.Failure != booking.ReasonSpent {
		t.Fatalf("%v, booking %s, payment %s: %s; want canceled and failed", err, s.Status, s.Payment.Status, s.Payment.Failure)
	}
	if got := d.provider.Ledger()[0].Status; got != payments.StatusCanceled {
		t.Errorf("the object is %s, want canceled", got)
	}
	if diff := cmp.Diff([]string{payments.AlarmFailed}, d.alarms.raised); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	d.agrees(t)
	d.fault = nil
	d.does(t, booking.RetryPayment{At: d.clock})
	if s, err := d.hint(t); err != nil || s.Payment.Status != booking.PaymentIsAbandoned {
		t.Errorf("retried: %v, the payment is %s, want abandoned", err, s.Payment.Status)
	}
}

// The process dies after the object was canceled, and before it is recorded why.
func TestAnAuthorizationIsGivenUpForTheSameReasonAfterADeath(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.fault = always(gatewaytest.Confirm, gatewaytest.Stored500())
	for range 5 {
		_, _ = d.hint(t)
	}
	// Load, retrieve, confirm, retrieve, cancel; the append is not made any more.
	if !d.dies(t, 5, false, time.Second) || d.provider.Ledger()[0].Status != payments.StatusCanceled {
		t.Fatalf("the process lives, or the object is %s", d.provider.Ledger()[0].Status)
	}
	if s, err := d.hint(t); err != nil || s.Payment.Failure != booking.ReasonSpent {
		t.Errorf("%v, the payment is %s: %s", err, s.Payment.Status, s.Payment.Failure)
	}
}

// What is held is never given up: the last key is tried until the provider forgets
// it, and is then as good as new.
func TestAHoldIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]gatewaytest.Op{"capture": gatewaytest.Capture, "void": gatewaytest.Cancel, "abandon a hold": gatewaytest.Cancel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scenes[name]
			d := s.begin(t)
			d.fault = always(op, gatewaytest.Stored500())
			for range 10 {
				if _, err := d.hint(t); err == nil {
					t.Fatal("no error, and the work is forgotten")
				}
			}
			if !slices.Contains(d.alarms.raised, payments.AlarmStuck) {
				t.Errorf("alarms %v, want one of what is stuck", d.alarms.raised)
			}
			if got := count(d.history(t), "PaymentAttemptSpent"); got != 4 {
				t.Errorf("%d groups were given up, want 4", got)
			}
			d.fault = nil
			if _, err := d.hint(t); err == nil {
				t.Error("the spent key worked")
			}
			d.clock = d.clock.Add(24 * time.Hour)
			if _, err := d.hint(t); err != nil {
				t.Errorf("a day later: %v", err)
			}
			s.ends(t, d)
		})
	}
}

// A hold that nobody could capture or release lapses, and that is the end of it.
func TestAHoldThatCannotBeMovedLapses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		op   gatewaytest.Op
		want booking.PaymentStatus
	}{
		"capture": {gatewaytest.Capture, booking.PaymentHasFailed}, "void": {gatewaytest.Cancel, booking.PaymentIsVoided},
	} {
		d := scenes[name].begin(t)
		d.fault = always(tt.op, gatewaytest.Broken("parameter_unknown"))
		for range 3 {
			if _, err := d.hint(t); resilience.ClassOf(err) != resilience.Permanent {
				t.Errorf("%s: %v, want the provider's own error", name, err)
			}
		}
		d.clock = d.clock.AddDate(0, 0, 7)
		if s, err := d.hint(t); err != nil || s.Payment.Status != tt.want {
			t.Errorf("%s: %v, the payment is %s, want %s", name, err, s.Payment.Status, tt.want)
		}
		d.agrees(t)
	}
}

// A hold lapses while the ride goes on, because nobody ended it in time.
func TestAHoldLapsesDuringTheRide(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.hinted(t)
	d.does(t, booking.Assign{At: d.clock, DriverID: "d-1"}, booking.Arrive{At: d.clock}, booking.Start{At: d.clock})
	d.clock = noon.AddDate(0, 0, 7)
	s, err := d.hint(t)
	if err != nil || s.Status != booking.InProgress || !s.Payment.Lost {
		t.Fatalf("%v, booking %s, payment %+v; want a ride whose hold is lost", err, s.Status, s.Payment)
	}
	if diff := cmp.Diff([]string{payments.AlarmFailed}, d.alarms.raised); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	d.does(t, booking.Complete{At: d.clock, DistanceM: 3300, DurationS: 480}, booking.RetryPayment{At: d.clock})
	if s, err := d.hint(t); err != nil || s.Payment.Captured != 1084 {
		t.Errorf("%v, %d captured of a new hold, want 1084", err, s.Payment.Captured)
	}
	d.agrees(t)
}

// Requests that the provider finds wrong: nothing was held, so the booking ends.
func TestARequestThatIsWrongEndsTheBooking(t *testing.T) {
	t.Parallel()
	for _, op := range []gatewaytest.Op{gatewaytest.Create, gatewaytest.Confirm} {
		d := newDesk(t, "pm_card_visa")
		d.provider.Script(op, gatewaytest.Broken("parameter_unknown"))
		s, err := d.hint(t)
		if err != nil || s.Status != booking.Canceled || s.Cancellation.Cause != booking.CausePaymentFailed || s.Payment.Failure != "parameter_unknown" {
			t.Errorf("%s: %v, booking %s, failure %q", op, err, s.Status, s.Payment.Failure)
		}
		if diff := cmp.Diff([]string{payments.AlarmFailed}, d.alarms.raised); diff != "" {
			t.Errorf("%s: alarms (-want +got):\n%s", op, diff)
		}
		for _, e := range d.provider.Ledger() {
			if e.Status != payments.StatusCanceled {
				t.Errorf("%s: the object is %s", op, e.Status)
			}
		}
		d.does(t, booking.RetryPayment{At: d.clock})
		if s, err := d.hint(t); err != nil || s.Payment.Status != booking.PaymentIsAbandoned {
			t.Errorf("%s, retried: %v, the payment is %s", op, err, s.Payment.Status)
		}
		d.agrees(t)
	}
}

// A wrong API key of ours ends no booking, however long it lasts, and wakes somebody.
func TestAWrongKeyOfOursIsNoBookingsFault(t *testing.T) {
	t.Parallel()
	for name, s := range scenes {
		if name == "abandon" {
			continue // asks nobody
		}
		d := s.begin(t)
		before := d.history(t)
		d.alarms.raised = nil
		d.fault = func(gatewaytest.Call) gatewaytest.Fault { return gatewaytest.Refused() }
		for range 7 {
			if _, err := d.hint(t); err == nil {
				t.Fatalf("%s: no error", name)
			}
		}
		if diff := cmp.Diff(before, d.history(t)); diff != "" {
			t.Errorf("%s: history (-before +after):\n%s", name, diff)
		}
		if count(d.alarms.raised, payments.AlarmRefused) != 7 {
			t.Errorf("%s: alarms %v", name, d.alarms.raised)
		}
		d.fault = nil
		d.pursued(t)
		s.ends(t, d)
	}
}

// A build sent other parameters under the same key, hours ago.
func TestAKeyOfAnOlderBuildIsSpent(t *testing.T) {
	t.Parallel()
	d := scenes["capture"].begin(t)
	d.provider.Script(gatewaytest.Capture, gatewaytest.Broken(payments.CodeKeyReused))
	if _, err := d.hint(t); err != nil {
		t.Fatal(err)
	}
	if got := d.keys(gatewaytest.Capture); len(got) != 1 || got[0] != "pi_fake1/capture/2" {
		t.Errorf("captured under %v, want the key of the second group", got)
	}
	scenes["capture"].ends(t, d)
}

// A card that is refused without a word in the object, such as one that was detached.
func TestADeclineThatOnlyTheAnswerTells(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	refused := gatewaytest.DeclinedWithoutTrace("payment_method_invalid")
	d.provider.Script(gatewaytest.Confirm, refused)
	s, err := d.hint(t)
	if err != nil || s.Payment.Status != booking.PaymentIsDeclined || s.Payment.Failure != "payment_method_invalid" || s.Status != booking.Canceled {
		t.Errorf("%v, booking %s, payment %s: %s", err, s.Status, s.Payment.Status, s.Payment.Failure)
	}
	if got := d.provider.Ledger()[0].Status; got != payments.StatusCanceled {
		t.Errorf("the object is %s, want canceled", got)
	}
}

// An outage of ten minutes that the provider remembers, with a hint every ten
// seconds: the groups last longer than that.
func TestGroupsOutlastAnOutage(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]gatewaytest.Op{
		"authorize": gatewaytest.Confirm, "capture": gatewaytest.Capture, "void": gatewaytest.Cancel, "refund": gatewaytest.Refund,
	} {
		s := scenes[name]
		d := s.begin(t)
		began := d.clock
		d.fault = always(op, gatewaytest.Stored500())
		settled := false
		for !settled && d.clock.Sub(began) < 20*time.Minute {
			if d.clock.Sub(began) >= 10*time.Minute {
				d.fault = nil
			}
			_, err := d.Process(t.Context(), id, events.Trace{})
			settled = err == nil
			d.clock = d.clock.Add(10 * time.Second)
		}
		if len(d.alarms.raised) > 0 {
			t.Errorf("%s: alarms %v", name, d.alarms.raised)
		}
		s.ends(t, d)
	}
}
