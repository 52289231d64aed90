package deferral_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// measures runs a gauge once.
func (w *world) measures() (deferral.Measure, error) {
	w.Helper()
	var got []deferral.Measure
	g := &deferral.Gauge{
		Items: store{w}, Bookings: w, Breaker: w, Now: func() time.Time { return w.now }, Log: w.logger(),
		Tell: func(_ context.Context, m deferral.Measure) { got = append(got, m) },
	}
	again, err := g.Run(w.Context())
	if len(got) != 1 || !again.IsZero() {
		w.Fatalf("told %v, and again at %s", got, again)
	}
	return got[0], err
}

// owes is a completed ride whose fare is held and not captured.
func (w *world) owes(n int, lapses time.Time) {
	id := deferraltest.ID(n)
	w.bookings[id] = booking.State{
		ID: id, Version: 6, Status: booking.Completed,
		Fare:    booking.Money{Amount: 1000, Currency: "EUR"},
		Payment: booking.Payment{Status: booking.PaymentIsAuthorized, Ref: "pi_1", Authorized: 1308, CaptureBefore: lapses},
	}
}

func TestTheGaugeTellsHowMuchWaitsAndForHowLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if m, err := w.measures(); err != nil || m != (deferral.Measure{Breaker: resilience.Closed}) {
		t.Errorf("with nothing there: %+v, %v", m, err)
	}
	for n := range 20 { // in several shards; one is not due before 10 minutes are over
		at := noon.Add(time.Duration(n) * time.Minute)
		if err := w.Defer(t.Context(), deferral.Deferral{Booking: w.owing(n), At: at, First: at.Add(10 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	w.now, w.status = noon.Add(20*time.Minute), fleet.Status{State: resilience.Open}
	if m, err := w.measures(); err != nil || m != (deferral.Measure{Waiting: 20, Oldest: 20 * time.Minute, Breaker: resilience.Open}) {
		t.Errorf("%+v, %v", m, err)
	}
	w.storeFails["due"] = errAway
	if _, err := w.measures(); err == nil {
		t.Error("a store that is away is no error")
	}
}

func TestAHoldThatLapsesSoonIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.now = noon.Add(5 * 24 * time.Hour)
	w.owes(1, w.now.Add(47*time.Hour))
	w.owes(2, w.now.Add(49*time.Hour))
	w.settled(3)
	w.loadFails[deferraltest.ID(4)] = errAway
	for n := range 4 {
		if err := w.Defer(t.Context(), deferral.Deferral{Booking: deferraltest.ID(n + 1), At: noon, First: noon}); err != nil {
			t.Fatal(err)
		}
	}
	w.owes(5, w.now.Add(time.Hour)) // too young to be looked at: it is tried every few minutes
	if err := w.Defer(t.Context(), deferral.Deferral{Booking: deferraltest.ID(5), At: w.now, First: w.now}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.measures(); err == nil {
		t.Error("a log that is away is no error")
	}
	said := w.log.String()
	if strings.Count(said, "capture deadline near") != 1 || !strings.Contains(said, "booking_id="+string(deferraltest.ID(1))) {
		t.Errorf("the log says %s", said)
	}
}
