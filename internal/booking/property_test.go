package booking_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// anyCommand draws commands that mostly fit together: a few refs, amounts that a
// provider could report in the given state, and time that goes on.
func anyCommand(t *rapid.T, asked booking.Request, s booking.State, now time.Time) booking.Command {
	ref := rapid.SampledFrom([]string{"pi_1", "pi_1", "pi_1", "", "pi_2", s.Payment.Ref}).Draw(t, "ref")
	refund := rapid.SampledFrom([]string{"rf_1", "rf_2", "rf_3"}).Draw(t, "refund")
	operation := rapid.SampledFrom([]booking.Operation{
		booking.OperationAuthorize, booking.OperationCapture, booking.OperationVoid, booking.OperationRefund,
	}).Draw(t, "operation")
	part := func(most int64) booking.Money { return eur(rapid.Int64Range(0, max(0, most)).Draw(t, "amount")) }
	amount := part(1500)
	return rapid.SampledFrom([]booking.Command{
		asked,
		booking.Assign{At: now, DriverID: "d-1"},
		booking.Assign{At: now, DriverID: "d-2"},
		booking.Unassign{At: now},
		booking.Arrive{At: now},
		booking.Start{At: now},
		booking.NoShow{At: now},
		booking.Expire{At: now},
		booking.Complete{At: now, DistanceM: rapid.Int64Range(-1, 90_000).Draw(t, "meters"), DurationS: 600},
		booking.Cancel{At: now, By: "rider", Reason: "x"},
		booking.Abort{At: now, Reason: "x", Fee: &amount},
		booking.RequestRefund{At: now, RefundID: refund, Reason: "x"},
		booking.RequestRefund{At: now, RefundID: refund, Amount: &amount, Reason: "x"},
		booking.RetryPayment{At: now},
		booking.RecordPaymentStarted{At: now, Ref: ref, Group: s.Payment.Group},
		booking.RecordAttemptSpent{At: now, Operation: operation, RefundID: refund, Group: s.Payment.Group},
		booking.RecordAuthorization{At: now, Ref: ref, Amount: s.Hold, CaptureBefore: now.AddDate(0, 0, 7)},
		booking.RecordDecline{At: now, Ref: ref, Group: s.Payment.Group, Code: "card_declined"},
		booking.RecordPaymentFailure{At: now, Ref: ref, Group: s.Payment.Group, Operation: operation, Reason: "x"},
		booking.RecordCapture{At: now, Ref: ref, Amount: part(s.Payment.Authorized)},
		booking.RecordVoid{At: now, Ref: ref},
		booking.RecordAbandoned{At: now, Ref: ref},
		booking.RecordAuthorizationLost{At: now, Ref: ref},
		booking.RecordRefund{At: now, RefundID: refund, Ref: "re_" + refund, Amount: refundAmount(s, refund)},
		booking.RecordRefundFailure{At: now, RefundID: refund, Ref: "re_" + refund, Code: "x"},
		booking.RecordRefundFailure{At: now, RefundID: refund, Group: 1, Code: "x"},
		booking.RecordDispute{At: now, DisputeID: "dp_1", Amount: amount, Status: "lost"},
	}).Draw(t, "command")
}

func refundAmount(s booking.State, id string) booking.Money {
	for _, r := range s.Payment.Refunds {
		if r.ID == id {
			return eur(r.Amount)
		}
	}
	return eur(1)
}

// Whatever is asked for, in whatever order, the rules hold.
func TestAnySequenceOfCommandsKeepsTheRules(t *testing.T) {
	t.Parallel()
	asked := request(t)
	rapid.Check(t, func(t *rapid.T) {
		s, now := booking.State{ID: id}, noon
		steps := rapid.IntRange(1, 40).Draw(t, "steps")
		for range steps {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			c := anyCommand(t, asked, s, now)
			decided, err := booking.Decide(s, c)
			if err != nil && len(decided) > 0 {
				t.Fatalf("%#v was both granted and rejected", c)
			}
			next := booking.Fold(s, decided)
			if broken := brokenRules(s, next, decided); broken != "" {
				t.Fatalf("%s after %#v\nbefore %+v\nafter %+v", broken, c, s, next)
			}
			if again, err := booking.Decide(next, c); err == nil && len(again) > 0 {
				t.Fatalf("%#v a second time led to %#v", c, again)
			}
			s = next
		}
	})
}

// brokenRules names the rules that a step broke.
func brokenRules(before, after booking.State, decided []booking.Event) string {
	var refunded, asked int64
	for _, r := range after.Payment.Refunds {
		if r.Status == booking.RefundDone {
			refunded += r.Amount
		}
		if r.Status != booking.RefundFailed {
			asked += r.Amount
		}
	}
	rules := map[string]bool{
		"a terminal status was left":              before.Status.Terminal() && after.Status != before.Status,
		"the version is not the number of events": after.Version != before.Version+int64(len(decided)),
		"more is captured than was authorized":    after.Payment.Captured > after.Payment.Authorized,
		"captured twice":                          before.Payment.Captured > 0 && after.Payment.Captured != before.Payment.Captured,
		"more is refunded than was captured":      refunded > after.Payment.Captured || asked > after.Payment.Captured,
		"the sum of refunds is off":               refunded != after.Payment.Refunded,
		"a settled payment was unsettled":         before.Payment.Status.Settled() && !after.Payment.Status.Settled(),
		"more is owed than was ever held":         after.Owed().Amount > max(after.Payment.Authorized, after.Hold.Amount),
		"a driver without a ride":                 after.Driver() != "" && after.Status.Terminal(),
		"a ride without a driver":                 after.Status == booking.InProgress && after.Driver() == "",
		"what is owed was settled without it":     after.OwesCharge() && after.Payment.Status.Settled() && after.Payment.Captured == 0,
		"no deadline":                             after.Exists() && !after.Status.Terminal() && after.Deadline().IsZero(),
		"time stood still":                        len(decided) > 0 && after.UpdatedAt.IsZero(),
	}
	var broken []string
	for name, is := range rules {
		if is {
			broken = append(broken, name)
		}
	}
	return strings.Join(broken, ", ")
}

// The fold takes every event in every order without a panic, since what is in the
// log has happened, and never changes memory that an older state can see.
func TestFoldIsTotal(t *testing.T) {
	t.Parallel()
	each := oneOfEach(t)
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOf(rapid.SampledFrom(each)).Draw(t, "events")
		whole := booking.Fold(booking.State{ID: id}, picked)
		cut := rapid.IntRange(0, len(picked)).Draw(t, "cut")
		first := booking.Fold(booking.State{ID: id}, picked[:cut])
		seen := first
		parts := booking.Fold(first, picked[cut:])
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Fatalf("folding in two parts differs (-whole +parts):\n%s", diff)
		}
		if again := booking.Fold(booking.State{ID: id}, picked[:cut]); !cmp.Equal(seen, again) {
			t.Fatalf("an older state changed:\n%s", cmp.Diff(again, seen))
		}
	})
}
