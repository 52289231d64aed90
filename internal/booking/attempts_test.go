package booking_test

import (
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// The groups of attempts last longer and longer, and together about as long as a
// booking waits for its authorization.
func TestGroupsOfAttemptsLast(t *testing.T) {
	t.Parallel()
	lasts := []time.Duration{0, time.Minute, 4 * time.Minute, 10 * time.Minute, 10 * time.Minute}
	history := given{requested(t), started}
	for i, want := range lasts {
		began := noon.Add(time.Duration(i) * time.Hour)
		if i > 0 {
			history = after(history, booking.PaymentAttemptSpent{At: began, Operation: booking.OperationAuthorize, Group: i + 1})
		}
		pay := booking.Fold(booking.State{ID: id}, history).Payment
		a := pay.Attempts(booking.OperationAuthorize)
		if a.Spent != i || a.Last() != (i == len(lasts)-1) || pay.Group != i+1 {
			t.Errorf("group %d: %+v, last %t", pay.Group, a, a.Last())
		}
		if i > 0 && (a.Ripe(began.Add(want-time.Millisecond)) || !a.Ripe(began.Add(want))) {
			t.Errorf("group %d does not last %s", i+1, want)
		}
		if i == 0 && !a.Ripe(noon) {
			t.Error("the first group lasts")
		}
		for _, other := range []booking.Operation{booking.OperationCapture, booking.OperationVoid, booking.OperationRefund} {
			if pay.Attempts(other) != (booking.Attempts{}) {
				t.Errorf("attempts at %s: %+v", other, pay.Attempts(other))
			}
		}
	}
	var all time.Duration
	for _, d := range lasts {
		all += d
	}
	if all <= 20*time.Minute || all >= booking.AuthorizeWithin {
		t.Errorf("all groups last %s", all)
	}
}

func TestARetryBeginsWithNoAttemptSpent(t *testing.T) {
	t.Parallel()
	history := after(over(t),
		booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationCapture, Group: 2},
		booking.PaymentAuthorizationLost{At: noon, Ref: "pi_1"},
		booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 3, NewObject: true})
	pay := booking.Fold(booking.State{ID: id}, history).Payment
	if pay.Attempts(booking.OperationCapture) != (booking.Attempts{}) || pay.Group != 3 {
		t.Errorf("group %d, %+v", pay.Group, pay.Capturing)
	}
}
