package repair_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Every status in which a booking may not stay for ever has a deadline, and the
// booking expires at it, not a moment before.
func TestOverdueBookingsExpire(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		commits int
		after   time.Duration
		overdue booking.Status
	}{
		"requested":       {1, booking.AuthorizeWithin, booking.Requested},
		"confirmed":       {3, booking.AssignWithin, booking.Confirmed},
		"has driver":      {4, booking.ArriveWithin, booking.HasDriver},
		"driver is there": {5, booking.StartWithin, booking.DriverIsThere},
		"in progress":     {6, booking.CompleteWithin, booking.InProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.books(tc.commits, 1)
			w.projects(1)
			w.now = start.Add(tc.after - time.Millisecond)
			if err := w.run(w.deadlines()); err != nil || w.state(1).Status != tc.overdue {
				t.Fatalf("before its time: %s (%v)", w.state(1).Status, err)
			}
			w.now = start.Add(tc.after)
			for range 2 { // the view is behind by then
				if err := w.run(w.deadlines()); err != nil {
					t.Fatal(err)
				}
			}
			s := w.state(1)
			if s.Status != booking.Expired || s.Version != int64(tc.commits)+versionsOfConfirmation(tc.commits)+1 {
				t.Errorf("it is %s at %d", s.Status, s.Version)
			}
			if holder, held, _ := w.log.Holder(t.Context(), booking.DriverLease(w.state(1).DriverID)); held {
				t.Errorf("the driver is still held by %s", holder)
			}
			if !w.says("expired") {
				t.Error("nobody is told")
			}
		})
	}
}

// versionsOfConfirmation: the authorization is one commit of two events.
func versionsOfConfirmation(commits int) int64 {
	if commits >= 3 {
		return 1
	}
	return 0
}

// The view is what names the booking; the log is what decides.
func TestAViewThatIsBehindExpiresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.projects(1)
	w.books(3, 1) // confirmed meanwhile; both hints were lost
	w.now = start.Add(booking.AuthorizeWithin - time.Minute)
	w.books(4, 1)
	w.now = start.Add(booking.AuthorizeWithin)
	if err := w.run(w.deadlines()); err != nil {
		t.Fatal(err)
	}
	if s := w.state(1); s.Status != booking.HasDriver {
		t.Errorf("it is %s", s.Status)
	}
	if diff := cmp.Diff([]booking.ID{id(1)}, w.hinted()); diff != "" {
		t.Errorf("views to be brought up to date (-want +got):\n%s", diff)
	}
}

// What is owed, and has not moved for a while, gets a note, and never a hint of its own.
func TestOwedPaymentsAreNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(7, 1) // the ride is over and not paid
	w.books(8, 2) // and this one is
	w.projects(1, 2)
	w.now = start.Add(readmodel.PaymentCheckAfter)
	for range 2 {
		if err := w.run(w.deadlines()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]booking.ID{id(1)}, w.owing()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if op := w.items.Items()[0].Operation; op != payments.Capture {
		t.Errorf("noted is %s", op)
	}
	if hinted := w.hinted(); len(hinted) > 0 {
		t.Errorf("%v was hinted", hinted)
	}
}

// What is owed since a moment ago has a hint on its way: its deadline is that of an old
// view, and a note would begin a second chain of hints.
func TestWhatIsOwedSinceAMomentAgoGetsNoNote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.projects(1)
	w.now = start.Add(booking.AuthorizeWithin)
	w.books(7, 1) // the ride is over and not paid, and the view does not know
	for _, after := range []time.Duration{0, readmodel.PaymentCheckAfter - time.Millisecond} {
		w.now = start.Add(booking.AuthorizeWithin + after)
		if err := w.run(w.deadlines()); err != nil {
			t.Fatal(err)
		}
		if got := w.owing(); len(got) != 0 {
			t.Errorf("%s after the ride %v are noted, want none", after, got)
		}
	}
	w.now = start.Add(booking.AuthorizeWithin + readmodel.PaymentCheckAfter)
	if err := w.run(w.deadlines()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]booking.ID{id(1)}, w.owing()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}

// Whoever brings work back has the note already: it stays as it is.
func TestANoteThatIsThereIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(7, 1)
	w.projects(1)
	w.now = start.Add(readmodel.PaymentCheckAfter)
	waiting := deferral.Deferral{Booking: id(1), Operation: payments.Capture, Reason: deferral.BreakerOpen, At: start, First: w.now.Add(time.Hour)}
	if err := w.items.Defer(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	before := w.items.Items()
	if err := w.run(w.deadlines()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.items.Items()); diff != "" {
		t.Errorf("the note (-before +after):\n%s", diff)
	}
}

// One booking that fails holds up no other, of however many.
func TestABookingThatFailsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 120 // more than a page, in every shard
	for i := 1; i <= n; i++ {
		w.books(1, i)
		w.projects(i)
	}
	w.loadFails[id(7).Stream()] = events.ErrUnavailable
	w.now = start.Add(booking.AuthorizeWithin)
	if err := w.run(w.deadlines()); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("error %v, want that of the one", err)
	}
	delete(w.loadFails, id(7).Stream())
	for i := 1; i <= n; i++ {
		if s := w.state(i); (s.Status == booking.Expired) == (i == 7) {
			t.Errorf("booking %d is %s", i, s.Status)
		}
	}
	if err := w.run(w.deadlines()); err != nil || w.state(7).Status != booking.Expired {
		t.Errorf("in the next lap it is %s (%v)", w.state(7).Status, err)
	}
}

// What was overdue in one run is not reported again by the next.
func TestTheLongestOverdueIsThatOfTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.projects(1)
	w.now = start.Add(booking.AuthorizeWithin + 7*time.Minute)
	p := w.deadlines()
	for i, want := range []time.Duration{7 * time.Minute, 0} {
		if err := w.run(p); err != nil || w.overdue != want {
			t.Errorf("run %d reports %s (%v), want %s", i+1, w.overdue, err, want)
		}
		w.projects(1)
	}
}

func TestTwoSweepersExpireOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.projects(1)
	w.now = start.Add(booking.AuthorizeWithin)
	w.rival = func() {
		if err := w.run(w.deadlines()); err != nil {
			t.Error(err)
		}
	}
	if err := w.run(w.deadlines()); err != nil {
		t.Error(err)
	}
	if s := w.state(1); s.Status != booking.Expired || s.Version != 2 {
		t.Errorf("it is %s at %d, want expired at 2", s.Status, s.Version)
	}
}

func TestWhatIsAwayIsTold(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world){
		"the list":  func(w *world) { w.listFails = errAway },
		"the queue": func(w *world) { w.books(3, 1); w.sendFails = errAway },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.books(1, 1)
			w.projects(1)
			w.now = start.Add(booking.AuthorizeWithin - time.Minute)
			spoil(w)
			w.now = start.Add(booking.AuthorizeWithin)
			if err := w.run(w.deadlines()); !errors.Is(err, errAway) {
				t.Errorf("error %v", err)
			}
			w.listFails, w.sendFails = nil, nil
			if err := w.run(w.deadlines()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
