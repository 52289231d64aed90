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
	return booking.Request{At: noon, RiderID: "alice", Trip: trip(), Product: "standard", Tariff: tariff(t)}
}

// requested is the event that request leads to.
func requested(t testing.TB) booking.BookingRequested {
	return booking.BookingRequested{
		At: noon, RiderID: "alice", Product: "standard", Tariff: "standard-2026",
		Fare: eur(1046), Hold: eur(1308), Fees: tariff(t).Fees,
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
	canceled      = booking.BookingCanceled{At: noon, By: "payment", Reason: booking.ReasonPaymentDeclined, Fee: eur(0)}

	start     = booking.RecordPaymentStarted{At: noon, Ref: "pi_1"}
	authorize = booking.RecordAuthorization{At: noon, Ref: "pi_1", Amount: eur(1308), CaptureBefore: captureBefore}
	decline   = booking.RecordDecline{At: noon, Ref: "pi_1", Code: "insufficient_funds"}
)

type given = []booking.Event

func TestDecide(t *testing.T) {
	t.Parallel()
	other := func(c booking.RecordAuthorization) booking.RecordAuthorization { c.Ref = "pi_2"; return c }
	tests := map[string]struct {
		given given
		when  booking.Command
		then  []booking.Event
		code  booking.Code
	}{
		"a request begins a booking": {nil, request(t), given{requested(t)}, ""},
		"a second request is refused": {
			given{requested(t)}, request(t), nil, booking.CodeInvalidState,
		},
		"nothing can be recorded for a booking that does not exist": {nil, authorize, nil, booking.CodeNotFound},
		"a payment object becomes known":                            {given{requested(t)}, start, given{started}, ""},
		"only the first payment object counts": {
			given{requested(t), started}, booking.RecordPaymentStarted{At: noon, Ref: "pi_2"}, nil, "",
		},
		"no payment starts for a canceled booking": {
			given{requested(t), booking.PaymentDeclined{At: noon, Code: "x"}, canceled}, start, nil, "",
		},
		"an authorization confirms the booking": {given{requested(t), started}, authorize, given{authorized, confirmed}, ""},
		"an authorization is recorded once":     {given{requested(t), started, authorized, confirmed}, authorize, nil, ""},
		"an authorization of another object is not this booking's": {
			given{requested(t), started}, other(authorize), nil, "",
		},
		"an authorization after the end is recorded, and confirms nothing": {
			given{requested(t), started, canceled}, authorize, given{authorized}, "",
		},
		"a decline cancels the booking without a fee": {given{requested(t), started}, decline, given{declined, canceled}, ""},
		"a decline before there is an object, too": {
			given{requested(t)},
			booking.RecordDecline{At: noon, Code: "resource_missing"},
			given{booking.PaymentDeclined{At: noon, Code: "resource_missing"}, canceled},
			"",
		},
		"a decline is recorded once":               {given{requested(t), started, declined, canceled}, decline, nil, ""},
		"a decline after the authorization is old": {given{requested(t), started, authorized, confirmed}, decline, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := booking.Decide(booking.Fold(booking.State{ID: id}, tt.given), tt.when)
			if diff := cmp.Diff(tt.then, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if code := codeOf(err); code != tt.code {
				t.Errorf("rejected with %q (%v), want %q", code, err, tt.code)
			}
		})
	}
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

func TestEvolveShowsTheWholeStory(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Second)
	authorized, confirmed := authorized, confirmed
	authorized.At, confirmed.At = later, later
	got := booking.Fold(booking.State{ID: id}, given{requested(t), started, authorized, confirmed})
	want := booking.State{
		ID: id, Version: 4, Status: booking.Confirmed, RiderID: "alice", Product: "standard", Tariff: "standard-2026", Trip: trip(),
		Fare: eur(1046), Hold: eur(1308), Fees: tariff(t).Fees, Deadline: confirmed.AssignBy,
		Payment: booking.Payment{
			Status: booking.PaymentIsAuthorized, Ref: "pi_1", Group: 1, Authorized: 1308, CaptureBefore: captureBefore,
		},
		RequestedAt: noon, UpdatedAt: later,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}
