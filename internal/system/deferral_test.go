package system_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

const month = 30 * 24 * time.Hour

// waits expects the payment of these bookings to be put off, and of no others.
func (s *story) waits(ids ...booking.ID) {
	s.Helper()
	want, got := map[booking.ID]int{}, map[booking.ID]int{}
	for _, id := range ids {
		want[id]++
	}
	for _, item := range s.world.Waiting.Items() {
		got[item.Booking]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("who waits (-want +got):\n%s", diff)
	}
}

// sweeps lets minutes pass, and the sweeper run in each, until nothing waits.
func (s *story) sweeps() {
	s.Helper()
	for range 120 {
		s.later(time.Minute)
		if err := s.world.Sweep(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.settles()
		if len(s.world.Waiting.Items()) == 0 {
			return
		}
	}
	s.Fatalf("still waiting after two hours: %+v", s.world.Waiting.Items())
}

// redrives sends the first hint of a booking again, from a dead-letter queue in which it
// has been lying.
func (s *story) redrives(id booking.ID) {
	s.Helper()
	body, err := queue.NewHint(id.Stream(), 1, "").Encode()
	if err != nil {
		s.Fatal(err)
	}
	for _, message := range []string{"redriven", "redriven again"} {
		s.world.Owe(message, body)
		s.settles()
	}
}

func TestInALongOutageEachBookingWaitsOnce(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	calls := 0
	s.world.Outage = func(gatewaytest.Call) gatewaytest.Fault {
		calls++
		s.later(time.Second) // which it takes to fail
		return gatewaytest.Unreachable()
	}
	var ids []booking.ID
	for _, key := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		_, booked := alice.requests(key, "pm_card_visa")
		s.settles()
		ids = append(ids, booked.ID)
	}
	s.waits(ids...)
	for range 20 { // of which the breaker lets through a probe now and then
		s.later(time.Minute)
		if err := s.world.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.settles()
	}
	s.waits(ids...)
	if calls > 60 {
		t.Errorf("%d calls to a provider that is down for 20 minutes", calls)
	}
	s.world.Outage = nil
	s.sweeps()
	for _, id := range ids {
		alice.sees(id, booking.Confirmed)
	}
	if n := len(s.world.Provider.Ledger()); n != len(ids) {
		t.Errorf("%d payments for %d bookings", n, len(ids))
	}
}

// A month later the provider has forgotten every key, and the ride is over and paid.
func TestARedriveAfterAMonthChangesNothing(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice, dora := s.rider("alice"), s.dispatcher()
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	for _, step := range [][2]string{{"assign", `{"driver_id":"d-1"}`}, {"arrive", ``}, {"start", ``}, {"complete", `{"distance_m":3300,"duration_s":480}`}} {
		dora.commands(booked.ID, step[0], step[1])
		s.settles()
	}
	paid, history := s.paid(), s.version(booked.ID)
	s.later(month)
	s.redrives(booked.ID)
	if diff := cmp.Diff(paid, s.paid()); diff != "" {
		t.Errorf("the payment (-before +after):\n%s", diff)
	}
	if got := s.version(booked.ID); got != history {
		t.Errorf("the booking is at version %d, was at %d", got, history)
	}
	s.waits()
}

// The function died after the hold was made and before it was recorded, and its hint
// went astray. A month later the hold has lapsed by itself: nobody is charged, and no
// second payment is made.
func TestARedriveAfterAMonthFindsALapsedHold(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	s.world.Provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	s.world.Provider.Script(gatewaytest.Retrieve, gatewaytest.Unreachable(), gatewaytest.Unreachable(), gatewaytest.Unreachable())
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	s.waits(booked.ID)
	if held := s.paid(); !held.OpenHold {
		t.Fatalf("the payment is %+v, want one that is held", held)
	}
	s.later(month)
	s.redrives(booked.ID)
	s.sweeps()
	if paid := s.paid(); paid.OpenHold || paid.Captured != 0 || paid.Status != payments.StatusCanceled {
		t.Errorf("the payment is %+v, want one that holds nothing", paid)
	}
	alice.sees(booked.ID, booking.Canceled)
}

// version returns that of a booking in the log.
func (s *story) version(id booking.ID) int64 {
	s.Helper()
	h, err := s.world.Log.Load(context.WithoutCancel(s.Context()), id.Stream())
	if err != nil {
		s.Fatal(err)
	}
	return h.Position().Version()
}
