package readmodel_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

var update = flag.Bool("update", false, "write the golden files")

const id = booking.ID("bk_tqobsl3diqe7pte4j3im6thr2pa5ctui")

var start = time.Date(2026, 11, 23, 9, 30, 0, 120_000_000, time.UTC)

// requested begins every story; the others go on from it.
var requested = booking.BookingRequested{
	At: start, RiderID: "7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e11", Product: "standard", Tariff: "standard-2026",
	Fare: booking.Money{Amount: 1043, Currency: "EUR"}, Hold: booking.Money{Amount: 1304, Currency: "EUR"},
	Fees: booking.Fees{Cancellation: 500, NoShow: 800}, AuthorizeBy: start.Add(30 * time.Minute),
	Personal: booking.Trip{
		Pickup:        booking.Place{Lat: 52.52, Lng: 13.405, Label: "Café „Straße“ <b> & 🚕"},
		Dropoff:       booking.Place{Lat: -33.868820123, Lng: 1e-7},
		PaymentMethod: "pm_card_visa",
	},
}

var stories = map[string][]booking.Event{
	"requested": {requested},
	"started":   {requested, booking.PaymentStarted{At: start.Add(time.Second), Ref: "pi_1", Group: 1}},
	"confirmed": {
		requested,
		booking.PaymentStarted{At: start.Add(time.Second), Ref: "pi_1", Group: 1},
		booking.PaymentAuthorized{At: start.Add(2 * time.Second), Ref: "pi_1", Amount: booking.Money{Amount: 1304, Currency: "EUR"}, CaptureBefore: start.Add(120 * time.Hour)},
		booking.BookingConfirmed{At: start.Add(2 * time.Second), AssignBy: start.Add(20 * time.Minute)},
	},
	"declined": {
		requested,
		booking.PaymentStarted{At: start.Add(time.Second), Ref: "pi_1", Group: 1},
		booking.PaymentDeclined{At: start.Add(2 * time.Second), Ref: "pi_1", Code: "insufficient_funds"},
		booking.BookingCanceled{At: start.Add(2 * time.Second), By: "payment", Reason: booking.ReasonPaymentDeclined, Fee: booking.Money{Currency: "EUR"}},
	},
	// The rider had the places erased: the rest of the booking stays.
	"erased": {erased()},
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

// What a newer build stored is refused, not misread: the log is asked instead.
func TestAViewOfAnotherShapeIsRefused(t *testing.T) {
	t.Parallel()
	raw, err := readmodel.ViewOf(booking.Fold(booking.State{ID: id}, stories["requested"])).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{``, `{`, `[]`, `"x"`, strings.Replace(string(raw), `{`, `{"rating":5,`, 1), strings.Replace(string(raw), `"version":1`, `"version":"1"`, 1), string(raw) + string(raw)} {
		if v, err := readmodel.Decode([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, v)
		}
	}
}
