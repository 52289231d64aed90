package booking_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	id   = booking.ID("bk_" + strings.Repeat("a", 32))
	// alice is the rider of the stories.
	alice = booking.Caller{Issuer: "https://issuer.example", Subject: "alice"}
)

func tariff(t testing.TB) booking.Tariff {
	t.Helper()
	tr, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func trip() booking.Trip {
	return booking.Trip{
		Pickup:        booking.Place{Lat: 52.5219, Lng: 13.4132, Label: "Alexanderplatz"},
		Dropoff:       booking.Place{Lat: 52.5163, Lng: 13.3777, Label: "Brandenburger Tor"},
		PaymentMethod: "pm_card_visa",
	}
}

func request(t testing.TB) booking.Request {
	return booking.Request{At: noon, RiderID: alice.RiderID(), Trip: trip(), Product: "standard", Tariff: tariff(t)}
}

// requested is the event that request leads to.
func requested(t testing.TB) booking.BookingRequested {
	return booking.BookingRequested{
		At: noon, RiderID: alice.RiderID(), Product: "standard", Tariff: "standard-2026",
		Prices: tariff(t).Products["standard"], Fees: tariff(t).Fees, Fare: eur(1046), Hold: eur(1308),
		AuthorizeBy: noon.Add(30 * time.Minute), Personal: trip(),
	}
}

func eur(amount int64) booking.Money { return booking.Money{Amount: amount, Currency: "EUR"} }

var (
	started       = booking.PaymentStarted{At: noon, Ref: "pi_1", Group: 1}
	captureBefore = noon.AddDate(0, 0, 7)
	authorized    = booking.PaymentAuthorized{At: noon, Ref: "pi_1", Amount: eur(1308), CaptureBefore: captureBefore}
	confirmed     = booking.BookingConfirmed{At: noon, AssignBy: noon.Add(20 * time.Minute)}
	declined      = booking.PaymentDeclined{At: noon, Ref: "pi_1", Code: "insufficient_funds"}
	canceled      = booking.BookingCanceled{At: noon, By: "payment", Cause: booking.CausePaymentDeclined, Fee: eur(0)}

	start     = booking.RecordPaymentStarted{At: noon, Ref: "pi_1", Group: 1}
	authorize = booking.RecordAuthorization{At: noon, Ref: "pi_1", Amount: eur(1308), CaptureBefore: captureBefore}
	decline   = booking.RecordDecline{At: noon, Ref: "pi_1", Code: "insufficient_funds"}
)

type given = []booking.Event

// rule is one line of a table: given these events, when this is asked, then that
// happens, or it is refused.
type rule struct {
	given given
	when  booking.Command
	then  []booking.Event
	code  booking.Code
}

func check(t *testing.T, rules map[string]rule) {
	t.Helper()
	for name, tt := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := booking.Fold(booking.State{ID: id}, tt.given)
			got, err := booking.Decide(before, tt.when)
			if diff := cmp.Diff(tt.then, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if code := codeOf(err); code != tt.code {
				t.Errorf("rejected with %q (%v), want %q", code, err, tt.code)
			}
		})
	}
}

func after(parts ...any) given {
	var all given
	for _, p := range parts {
		switch p := p.(type) {
		case booking.Event:
			all = append(all, p)
		case given:
			all = append(all, p...)
		}
	}
	return all
}

func TestARequest(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"begins a booking":         {nil, request(t), given{requested(t)}, ""},
		"is refused a second time": {given{requested(t)}, request(t), nil, booking.CodeInvalidState},
		"must come first":          {nil, booking.Arrive{At: noon}, nil, booking.CodeNotFound},
	})
}

func codeOf(err error) booking.Code {
	var rejected *booking.Rejection
	if errors.As(err, &rejected) {
		return rejected.Code
	}
	return ""
}

func TestARequestIsValidated(t *testing.T) {
	t.Parallel()
	nan := func() float64 { zero := 0.0; return zero / zero }()
	tests := map[string]struct {
		spoil   func(*booking.Request)
		pointer string
	}{
		"latitude too large":        {func(c *booking.Request) { c.Trip.Pickup.Lat = 90.01 }, "/pickup/lat"},
		"latitude not a number":     {func(c *booking.Request) { c.Trip.Pickup.Lat = nan }, "/pickup/lat"},
		"longitude too small":       {func(c *booking.Request) { c.Trip.Dropoff.Lng = -180.5 }, "/dropoff/lng"},
		"longitude not a number":    {func(c *booking.Request) { c.Trip.Dropoff.Lng = nan }, "/dropoff/lng"},
		"label too long":            {func(c *booking.Request) { c.Trip.Pickup.Label = strings.Repeat("ä", 121) }, "/pickup/label"},
		"label with a line break":   {func(c *booking.Request) { c.Trip.Pickup.Label = "a\nb" }, "/pickup/label"},
		"unknown product":           {func(c *booking.Request) { c.Product = "helicopter" }, "/product"},
		"payment method of a card":  {func(c *booking.Request) { c.Trip.PaymentMethod = "4242424242424242" }, "/payment_method"},
		"payment method of nothing": {func(c *booking.Request) { c.Trip.PaymentMethod = "pm_" }, "/payment_method"},
		"negative expected fare":    {func(c *booking.Request) { m := eur(-1); c.ExpectedFare = &m }, "/expected_fare/amount"},
		"the other side of the globe": {func(c *booking.Request) {
			c.Trip.Dropoff = booking.Place{Lat: -c.Trip.Pickup.Lat, Lng: c.Trip.Pickup.Lng - 180}
		}, "/dropoff"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := request(t)
			tt.spoil(&c)
			events, err := booking.Decide(booking.State{}, c)
			var rejected *booking.Rejection
			if !errors.As(err, &rejected) || rejected.Code != booking.CodeValidationFailed || len(events) > 0 {
				t.Fatalf("got %v and %v, want validation-failed", events, err)
			}
			if len(rejected.Fields) != 1 || rejected.Fields[0].Pointer != tt.pointer {
				t.Errorf("fields %v, want just %s", rejected.Fields, tt.pointer)
			}
		})
	}
}

func TestTheExpectedFareGuardsAgainstAnotherTariff(t *testing.T) {
	t.Parallel()
	c := request(t)
	fare := requested(t).Fare
	c.ExpectedFare = &fare
	if _, err := booking.Decide(booking.State{}, c); err != nil {
		t.Errorf("the right fare: %v", err)
	}
	for name, m := range map[string]booking.Money{
		"other amount": eur(fare.Amount + 1), "other currency": {Amount: fare.Amount, Currency: "USD"},
	} {
		c.ExpectedFare = &m
		if _, err := booking.Decide(booking.State{}, c); codeOf(err) != booking.CodeFareChanged {
			t.Errorf("%s: %v, want fare-changed", name, err)
		}
	}
}
