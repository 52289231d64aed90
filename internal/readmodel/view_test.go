package readmodel_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

var update = flag.Bool("update", false, "write the golden files")

const id = booking.ID("bk_tqobsl3diqe7pte4j3im6thr2pa5ctui")

var start = time.Date(2026, 11, 23, 9, 30, 0, 120_000_000, time.UTC)

// requested begins every story; the others go on from it.
var requested = booking.BookingRequested{
	At: start, RiderID: readmodeltest.Rider(), Product: "standard", Tariff: "standard-2026",
	Fare: booking.Money{Amount: 1043, Currency: "EUR"}, Hold: booking.Money{Amount: 1304, Currency: "EUR"},
	Fees: booking.Fees{Cancellation: 500, NoShow: 800}, AuthorizeBy: start.Add(30 * time.Minute),
	Personal: booking.Trip{
		Pickup:        booking.Place{Lat: 52.52, Lng: 13.405, Label: "Café „Straße“ <b> & 🚕"},
		Dropoff:       booking.Place{Lat: -33.868820123, Lng: 1e-7},
		PaymentMethod: "pm_card_visa",
	},
}

// stories are how bookings come to be in every status that there is, of their own
// and of their payment.
var stories = func() map[string][]booking.Event {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	euros := func(amount int64) booking.Money { return booking.Money{Amount: amount, Currency: "EUR"} }
	by := func(story []booking.Event, next ...booking.Event) []booking.Event { return slices.Concat(story, next) }

	begun := []booking.Event{requested}
	started := by(begun, booking.PaymentStarted{At: start.Add(time.Second), Ref: "pi_1", Group: 1})
	confirmed := by(started,
		booking.PaymentAuthorized{At: start.Add(2 * time.Second), Ref: "pi_1", Amount: euros(1304), CaptureBefore: start.Add(120 * time.Hour)},
		booking.BookingConfirmed{At: start.Add(2 * time.Second), AssignBy: start.Add(20 * time.Minute)},
	)
	assigned := by(confirmed, booking.DriverAssigned{At: at(3), DriverID: "d-42"})
	arrived := by(assigned, booking.DriverArrived{At: at(8)})
	riding := by(arrived, booking.RideStarted{At: at(9)})
	completed := by(riding, booking.RideCompleted{At: at(18), DistanceM: 3300, DurationS: 540, Fare: euros(1114)})
	captured := by(completed, booking.PaymentCaptured{At: at(19), Ref: "pi_1", Amount: euros(1114)})
	refunded := by(captured,
		booking.RefundRequested{At: at(60), RefundID: "rf_1", Amount: euros(300), Personal: booking.Remark{Reason: "a detour"}},
		booking.PaymentRefunded{At: at(61), RefundID: "rf_1", Amount: euros(300)},
	)
	canceled := by(assigned, booking.BookingCanceled{
		At: at(4), By: booking.ActorRider, Cause: booking.CauseCanceled, Fee: euros(0), Personal: booking.Remark{Reason: "found my bicycle 🚲"},
	})
	expired := by(started, booking.BookingExpired{At: at(30), Overdue: booking.Requested})
	return map[string][]booking.Event{
		"requested":       begun,
		"started":         started,
		"confirmed":       confirmed,
		"driver-assigned": assigned,
		// Nobody is on the way any more, and it waits again.
		"unassigned":      by(arrived, booking.DriverUnassigned{At: at(9), DriverID: "d-42", AssignBy: at(29)}),
		"driver-arrived":  arrived,
		"in-progress":     riding,
		"completed":       completed,
		"captured":        captured,
		"partly-refunded": refunded,
		"refunded": by(refunded,
			booking.RefundRequested{At: at(70), RefundID: "rf_2", Amount: euros(814), Personal: booking.Remark{Reason: "the rest"}},
			booking.PaymentRefunded{At: at(71), RefundID: "rf_2", Amount: euros(814)},
		),
		"declined": by(started,
			booking.PaymentDeclined{At: start.Add(2 * time.Second), Ref: "pi_1", Code: "insufficient_funds"},
			booking.BookingCanceled{At: start.Add(2 * time.Second), By: booking.ActorPayment, Cause: booking.CausePaymentDeclined, Fee: euros(0)},
		),
		"canceled": canceled,
		"voided":   by(canceled, booking.PaymentVoided{At: at(5), Ref: "pi_1", Waived: euros(0)}),
		"no-show": by(arrived, booking.BookingCanceled{
			At: at(13), By: booking.ActorDispatch, Cause: booking.CauseNoShow, Fee: euros(800),
		}),
		"expired":   expired,
		"abandoned": by(expired, booking.PaymentAbandoned{At: at(31), Ref: "pi_1"}),
		"lost":      by(completed, booking.PaymentAuthorizationLost{At: at(9000), Ref: "pi_1"}),
		// The rider had the places erased: the rest of the booking stays.
		"erased": {erased()},
	}
}()

// The stories leave no status out.
func TestTheStoriesTellOfEveryStatus(t *testing.T) {
	t.Parallel()
	var statuses, payments []string
	for _, story := range stories {
		v := readmodel.ViewOf(booking.Fold(booking.State{ID: id}, story))
		statuses, payments = append(statuses, string(v.State)), append(payments, string(v.Payment.State))
	}
	for _, want := range booking.Statuses() {
		if !slices.Contains(statuses, string(want)) {
			t.Errorf("no story ends %s", want)
		}
	}
	for _, want := range []booking.PaymentStatus{
		booking.PaymentPending, booking.PaymentIsStarted, booking.PaymentIsAuthorized, booking.PaymentIsCaptured, booking.PaymentIsRefunded,
		booking.PaymentIsDeclined, booking.PaymentIsVoided, booking.PaymentIsAbandoned, booking.PaymentHasFailed,
	} {
		if !slices.Contains(payments, string(want)) {
			t.Errorf("no story ends with a payment that is %s", want)
		}
	}
}

// Only a confirmed booking waits, by when it is to be assigned: the list of those
// that wait has its order from there.
func TestWhoWaitsForADriver(t *testing.T) {
	t.Parallel()
	for name, story := range stories {
		s := booking.Fold(booking.State{ID: id}, story)
		place, waits := readmodel.ViewOf(s).InWaitingList()
		if want := s.Status == booking.Confirmed; waits != want || waits && place != (readmodel.Place{Time: s.AssignBy, ID: id}) {
			t.Errorf("%s waits: %v, at %s; want %v", name, waits, place, want)
		}
		if place := readmodel.ViewOf(s).InRiderList(); place != (readmodel.Place{Time: start, ID: id}) {
			t.Errorf("%s is at %s of its rider's list", name, place)
		}
	}
}

// Whatever is not settled has a deadline, so that nothing can be stuck unseen: that
// of its status, or some time after its payment's last event.
func TestWhatIsNotSettledHasADeadline(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for name, story := range stories {
		s := booking.Fold(booking.State{ID: id}, story)
		place, due := readmodel.ViewOf(s).InDeadlineList()
		refunding := slices.ContainsFunc(s.Payment.Refunds, func(r booking.Refund) bool { return r.Status == booking.RefundOpen })
		want, kind := time.Time{}, "settled"
		switch {
		case !s.Status.Terminal():
			want, kind = s.Deadline(), "under way"
		case refunding || !s.Payment.Status.Settled():
			want, kind = s.UpdatedAt.Add(15*time.Minute), "over, and its payment is not"
		}
		kinds[kind]++
		if due == want.IsZero() || due && place != (readmodel.Place{Time: want, ID: id}) {
			t.Errorf("%s is %s and has a deadline: %v, at %s; want %s", name, kind, due, place, want)
		}
	}
	if len(kinds) != 3 {
		t.Errorf("the stories are %v: some kind is missing", kinds)
	}
}

func erased() booking.Event {
	e := requested
	e.Personal = booking.Trip{}
	return e
}

// A view's JSON is what clients get and what is stored: it may gain fields, with
// a new generation of views, and never change them.
func TestTheFormOfAView(t *testing.T) {
	t.Parallel()
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := readmodel.ViewOf(booking.Fold(booking.State{ID: id}, story))
			got, err := view.Encode()
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "view-"+name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
			back, err := readmodel.Decode(want)
			view.AssignBy, view.Deadline = time.Time{}, time.Time{} // no part of the form
			if diff := cmp.Diff(view, back); err != nil || diff != "" {
				t.Errorf("read back: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAViewTellsNothingOfTheProvider(t *testing.T) {
	t.Parallel()
	for name, story := range stories {
		raw, err := readmodel.ViewOf(booking.Fold(booking.State{ID: id}, story)).Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"pi_1", "pm_card", "payment_method", "ref"} {
			if strings.Contains(strings.ReplaceAll(string(raw), "refunded", ""), secret) {
				t.Errorf("%s tells %q: %s", name, secret, raw)
			}
		}
	}
}

// A view shares no memory with the state that it shows.
func TestAViewIsACopy(t *testing.T) {
	t.Parallel()
	s := booking.Fold(booking.State{ID: id}, stories["declined"])
	v := readmodel.ViewOf(s)
	*v.Payment.Failure, v.Cancellation.By = "x", "x"
	if s.Payment.Failure != "insufficient_funds" || s.Cancellation.By != "payment" {
		t.Errorf("the state changed with its view: %+v", s)
	}
}
