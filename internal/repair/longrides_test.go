package repair_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Of bookings in every state, those count that are in progress, from 12 hours on and until the ride is nearly let expire.
func TestLongRidesAreCounted(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{
		0:                          0,
		12*time.Hour - 1e6:         0,
		12 * time.Hour:             2,
		22*time.Hour - 1e6:         2,
		22*time.Hour + time.Second: 0,
	} {
		w := newWorld(t)
		const inProgress = 6
		for commits := 1; commits <= 8; commits++ {
			w.books(commits, commits)
			w.projects(commits)
		}
		w.books(inProgress, 9)
		w.projects(9)
		w.now = start.Add(after)
		if err := w.countsRides(); err != nil || w.longRides != want {
			t.Errorf("after %s: %d, want %d (%v)", after, w.longRides, want, err)
		}
		for _, n := range []int{inProgress, 9} {
			if w.says(fmt.Sprintf("ride is long\" booking_id=%s", id(n))) != (want > 0) {
				t.Errorf("after %s: said was %s", after, w.logged.String())
			}
		}
	}
}

// The view names the booking, the log decides; and one that cannot be read hides no other.
func TestTheLogSaysWhichRidesAreLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(6, 1, 2, 3)
	w.projects(1, 2, 3)
	w.now = start.Add(13 * time.Hour)
	w.books(7, 2) // over, and its view does not show it
	w.loadFails[id(3).Stream()] = events.ErrUnavailable
	if err := w.countsRides(); !errors.Is(err, events.ErrUnavailable) || w.longRides != 1 {
		t.Errorf("%d (%v)", w.longRides, err)
	}
	w.listFails = errors.New("no list")
	if err := w.countsRides(); !errors.Is(err, w.listFails) || w.longRides != 0 {
		t.Errorf("%d (%v)", w.longRides, err)
	}
	if s := w.state(1); s.Status != booking.InProgress || s.Version != 7 {
		t.Errorf("it is %s at %d", s.Status, s.Version)
	}
}

// What stays past its deadline is told with its age, minute by minute; what ends is told of once.
func TestTheLongestOverdueIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1, 2)
	w.projects(1, 2)
	w.books(7, 3) // owes a payment, and has no deadline
	w.projects(3)
	laps := func(want time.Duration) {
		t.Helper()
		w.overdue = -1
		_ = w.run(w.deadlines())
		if w.overdue != want {
			t.Errorf("at %s the longest is overdue for %s, want %s", w.now.Sub(start), w.overdue, want)
		}
		w.projects(1, 3) // the relay and the projector are quick
	}
	laps(0)
	w.loadFails[id(2).Stream()] = events.ErrCorrupt
	w.now = start.Add(booking.AuthorizeWithin + time.Minute)
	laps(time.Minute)
	w.now = w.now.Add(time.Hour)
	laps(time.Hour + time.Minute)
	delete(w.loadFails, id(2).Stream())
	laps(time.Hour + time.Minute)
	w.projects(2)
	laps(0)
	if w.state(1).Status != booking.Expired || w.state(2).Status != booking.Expired {
		t.Errorf("they are %s and %s", w.state(1).Status, w.state(2).Status)
	}
}
