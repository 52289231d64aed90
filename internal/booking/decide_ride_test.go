package booking_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// The events of a ride, one minute after the other.
var (
	at = func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

	assigned  = booking.DriverAssigned{At: at(1), DriverID: "d-1"}
	arrived   = booking.DriverArrived{At: at(2)}
	begun     = booking.RideStarted{At: at(3)}
	completed = booking.RideCompleted{At: at(4), DistanceM: 3300, DurationS: 480, Fare: eur(1084)}
	expired   = booking.BookingExpired{At: at(60), Overdue: booking.Requested}
)

func held(t *testing.T) given       { return given{requested(t), started, authorized, confirmed} }
func withDriver(t *testing.T) given { return after(held(t), assigned) }
func waiting(t *testing.T) given    { return after(withDriver(t), arrived) }
func driving(t *testing.T) given    { return after(waiting(t), begun) }
func over(t *testing.T) given       { return after(driving(t), completed) }

func canceledFor(by string, minute int, cause booking.CancelCause, fee int64, reason string) booking.BookingCanceled {
	return booking.BookingCanceled{At: at(minute), By: by, Cause: cause, Fee: eur(fee), Personal: booking.Remark{Reason: reason}}
}

func TestARide(t *testing.T) {
	t.Parallel()
	no := booking.CodeInvalidState
	assign := booking.Assign{At: at(1), DriverID: "d-1"}
	complete := booking.Complete{At: at(4), DistanceM: 3300, DurationS: 480}
	check(t, map[string]rule{
		"gets a driver":                   {held(t), assign, given{assigned}, ""},
		"gets none before it is paid for": {given{requested(t), started}, assign, nil, no},
		"gets no second driver":           {withDriver(t), assign, nil, no},
		"gets no driver without a name":   {held(t), booking.Assign{At: at(1)}, nil, booking.CodeValidationFailed},
		"gets a driver by a UUID": {
			held(t),
			booking.Assign{At: at(1), DriverID: "7D0F3A52-5A2F-4a3c-9B52-2F6B2C1F0E11"},
			given{booking.DriverAssigned{At: at(1), DriverID: "7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e11"}},
			"",
		},
		"loses its driver": {
			withDriver(t),
			booking.Unassign{At: at(2)},
			given{booking.DriverUnassigned{At: at(2), DriverID: "d-1", AssignBy: at(22)}},
			"",
		},
		"loses a driver who has arrived": {
			waiting(t),
			booking.Unassign{At: at(3)},
			given{booking.DriverUnassigned{At: at(3), DriverID: "d-1", AssignBy: at(23)}},
			"",
		},
		"loses no driver on the way":        {driving(t), booking.Unassign{At: at(4)}, nil, no},
		"sees its driver arrive":            {withDriver(t), booking.Arrive{At: at(2)}, given{arrived}, ""},
		"sees no arrival twice":             {waiting(t), booking.Arrive{At: at(3)}, nil, no},
		"starts":                            {waiting(t), booking.Start{At: at(3)}, given{begun}, ""},
		"does not start without its driver": {withDriver(t), booking.Start{At: at(3)}, nil, no},
		"costs what was driven":             {driving(t), complete, given{completed}, ""},
		"costs at most what is held": {
			driving(t),
			booking.Complete{At: at(4), DistanceM: 900_000, DurationS: 36_000},
			given{booking.RideCompleted{At: at(4), DistanceM: 900_000, DurationS: 36_000, Fare: eur(1308)}},
			"",
		},
		"costs at least the minimum": {
			driving(t), booking.Complete{At: at(4)}, given{booking.RideCompleted{At: at(4), Fare: eur(700)}}, "",
		},
		"is not completed twice":             {over(t), complete, nil, no},
		"is not completed before it started": {waiting(t), complete, nil, no},
		"has no negative distance":           {driving(t), booking.Complete{At: at(4), DistanceM: -1}, nil, booking.CodeValidationFailed},
		"has no endless distance":            {driving(t), booking.Complete{At: at(4), DistanceM: 2_000_001}, nil, booking.CodeValidationFailed},
		"takes less than two days":           {driving(t), booking.Complete{At: at(4), DurationS: 172_801}, nil, booking.CodeValidationFailed},
	})
}

func TestACancellation(t *testing.T) {
	t.Parallel()
	cancel := func(minute int) booking.Cancel {
		return booking.Cancel{At: at(minute), By: booking.ActorRider, Reason: "changed my mind"}
	}
	free := func(minute int) given {
		return given{canceledFor("rider", minute, booking.CauseCanceled, 0, "changed my mind")}
	}
	charged := func(minute int) given {
		return given{canceledFor("rider", minute, booking.CauseCanceled, 500, "changed my mind")}
	}
	check(t, map[string]rule{
		"is free before the payment":                {given{requested(t)}, cancel(0), free(0), ""},
		"is free before there is a driver":          {held(t), cancel(5), free(5), ""},
		"is free for two minutes with a driver":     {withDriver(t), cancel(3), free(3), ""},
		"costs its fee after that":                  {withDriver(t), cancel(4), charged(4), ""},
		"costs its fee when the driver is there":    {waiting(t), cancel(9), charged(9), ""},
		"counts from the last driver":               {after(withDriver(t), booking.DriverUnassigned{At: at(2), AssignBy: at(22)}), cancel(9), free(9), ""},
		"comes too late during the ride":            {driving(t), cancel(9), nil, booking.CodeInvalidState},
		"comes too late after it":                   {over(t), cancel(9), nil, booking.CodeInvalidState},
		"needs a reason":                            {held(t), booking.Cancel{At: noon, By: "rider"}, nil, booking.CodeValidationFailed},
		"needs a short reason":                      {held(t), booking.Cancel{At: noon, Reason: strings.Repeat("x", 201)}, nil, booking.CodeValidationFailed},
		"needs a reason without control characters": {held(t), booking.Cancel{At: noon, Reason: "a\x00b"}, nil, booking.CodeValidationFailed},
	})
}

func TestANoShow(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"costs its fee after five minutes": {
			waiting(t), booking.NoShow{At: at(7)}, given{canceledFor("dispatch", 7, booking.CauseNoShow, 800, "")}, "",
		},
		"cannot be known sooner":             {waiting(t), booking.NoShow{At: at(7).Add(-time.Second)}, nil, booking.CodeInvalidState},
		"cannot be known without the driver": {withDriver(t), booking.NoShow{At: at(60)}, nil, booking.CodeInvalidState},
	})
}

func TestAFeeIsAtMostWhatIsHeld(t *testing.T) {
	t.Parallel()
	small := authorized
	small.Amount = eur(300)
	given := given{requested(t), started, small, confirmed, assigned, arrived}
	check(t, map[string]rule{
		"no-show": {given, booking.NoShow{At: at(9)}, []booking.Event{canceledFor("dispatch", 9, booking.CauseNoShow, 300, "")}, ""},
		"cancellation": {
			given,
			booking.Cancel{At: at(9), By: "rider", Reason: "x"},
			[]booking.Event{canceledFor("rider", 9, booking.CauseCanceled, 300, "x")},
			"",
		},
	})
}

func TestAnAbort(t *testing.T) {
	t.Parallel()
	fee := func(m booking.Money) *booking.Money { return &m }
	check(t, map[string]rule{
		"ends a ride on its way": {
			driving(t), booking.Abort{At: at(9), Reason: "accident"}, given{canceledFor("ops", 9, booking.CauseAborted, 0, "accident")}, "",
		},
		"may cost up to what is held": {
			driving(t), booking.Abort{At: at(9), Reason: "x", Fee: fee(eur(1308))}, given{canceledFor("ops", 9, booking.CauseAborted, 1308, "x")}, "",
		},
		"costs no more":                   {driving(t), booking.Abort{At: at(9), Reason: "x", Fee: fee(eur(1309))}, nil, booking.CodeValidationFailed},
		"costs nothing before it is held": {given{requested(t)}, booking.Abort{At: at(9), Reason: "x", Fee: fee(eur(1))}, nil, booking.CodeValidationFailed},
		"costs in the fare's currency": {
			driving(t), booking.Abort{At: at(9), Reason: "x", Fee: fee(booking.Money{Amount: 1, Currency: "USD"})}, nil, booking.CodeValidationFailed,
		},
		"needs a reason": {driving(t), booking.Abort{At: at(9)}, nil, booking.CodeValidationFailed},
		"comes too late": {over(t), booking.Abort{At: at(9), Reason: "x"}, nil, booking.CodeInvalidState},
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	soon := authorized
	soon.CaptureBefore = at(1).Add(booking.CaptureMargin + 30*time.Minute)
	lapsing := given{requested(t), started, soon, confirmed, assigned}
	cases := map[string]struct {
		given    given
		deadline time.Time
		overdue  booking.Status
	}{
		"an authorization within 30 minutes": {given{requested(t), started}, at(30), booking.Requested},
		"a driver within 20 minutes":         {held(t), at(20), booking.Confirmed},
		"an arrival within 2 hours":          {withDriver(t), at(121), booking.HasDriver},
		"a start within an hour":             {waiting(t), at(62), booking.DriverIsThere},
		"an end within a day":                {driving(t), at(3 + 24*60), booking.InProgress},
		"a start while the hold lasts":       {lapsing, at(31), booking.HasDriver},
	}
	rules := map[string]rule{
		"never after the end": {over(t), booking.Expire{At: noon.AddDate(1, 0, 0)}, nil, ""},
	}
	for name, c := range cases {
		rules[name+", not sooner"] = rule{c.given, booking.Expire{At: c.deadline.Add(-time.Second)}, nil, ""}
		rules[name+", then expired"] = rule{
			c.given, booking.Expire{At: c.deadline}, given{booking.BookingExpired{At: c.deadline, Overdue: c.overdue}}, "",
		}
	}
	check(t, rules)
}

func TestEvolveShowsTheWholeStory(t *testing.T) {
	t.Parallel()
	captured := booking.PaymentCaptured{At: at(5), Ref: "pi_1", Amount: eur(1084)}
	got := booking.Fold(booking.State{ID: id}, after(over(t), captured))
	want := booking.State{
		ID: id, Version: 9, Status: booking.Completed, RiderID: alice.RiderID(), Product: "standard", Tariff: "standard-2026",
		Prices: tariff(t).Products["standard"], Fees: tariff(t).Fees, Trip: trip(), Fare: eur(1084), Hold: eur(1308), DriverID: "d-1",
		Payment: booking.Payment{
			Status: booking.PaymentIsCaptured, Ref: "pi_1", Group: 1, Asked: 1308, Authorized: 1308, Captured: 1084, CaptureBefore: captureBefore,
		},
		AuthorizeBy: at(30), AssignBy: at(20), AssignedAt: at(1), ArrivedAt: at(2), StartedAt: at(3),
		RequestedAt: noon, UpdatedAt: at(5),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if got.Driver() != "" || !got.Deadline().IsZero() || !got.Payment.Status.Settled() {
		t.Errorf("over, and still driver %q, deadline %v, settled %v", got.Driver(), got.Deadline(), got.Payment.Status.Settled())
	}
}
