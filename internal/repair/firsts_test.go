package repair_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/repair"
)

// minutes lets time pass, with a run of the sweeper in each minute.
func (w *world) minutes(p *repair.Firsts, n int) {
	w.Helper()
	for range n {
		w.now = w.now.Add(time.Minute)
		if err := w.run(p); err != nil {
			w.Fatal(err)
		}
	}
}

// A booking whose first hints were lost, at whatever minute, is found within the time
// that is promised: its view is asked for, and its payment noted.
func TestALostFirstHintIsFoundInTime(t *testing.T) {
	t.Parallel()
	for minute := range 61 {
		t.Run(fmt.Sprint("minute ", minute), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.firsts()
			w.minutes(p, minute)
			w.books(1, 1)
			w.books(3, 2)
			w.projects(2)
			booked := w.now
			for len(w.sent) == 0 && w.now.Sub(booked) <= repair.LostFirstHint {
				w.minutes(p, 1)
			}
			if took := w.now.Sub(booked); took > repair.LostFirstHint {
				t.Fatalf("it was not found in %s", took)
			}
			if diff := cmp.Diff([]booking.ID{id(1)}, w.hinted()); diff != "" {
				t.Errorf("hinted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]booking.ID{id(1)}, w.owing()); diff != "" {
				t.Errorf("noted (-want +got):\n%s", diff)
			}
		})
	}
}

// Of a booking only the hint to the payment function may have been lost: its view is
// there, and shows that nothing was begun.
func TestAPaymentThatNobodyBeganIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.books(2, 2) // begun
	w.projects(1, 2)
	w.minutes(w.firsts(), int(repair.LostFirstHint/time.Minute))
	if diff := cmp.Diff([]booking.ID{id(1)}, w.owing()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if hinted := w.hinted(); len(hinted) > 0 {
		t.Errorf("%v was hinted", hinted)
	}
}

// As long as the view is missing, it is asked for again: hints get lost, too.
func TestAMissingViewIsAskedForUntilItIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.firsts()
	w.books(1, 1)
	w.minutes(p, 180)
	if n := len(w.hinted()); n < 30 {
		t.Errorf("it was asked for %d times in 3 hours", n)
	}
	w.projects(1)
	w.minutes(p, 180)
	if hinted := w.hinted(); len(hinted) > 0 {
		t.Errorf("with a view, %d hints", len(hinted))
	}
}

// A clock that is ahead puts a booking into the hour to come.
func TestABookingOfAClockThatIsAheadIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.now = start.Add(29 * time.Minute) // 9:59
	p := w.firsts()
	w.minutes(p, 1)
	w.now = w.now.Add(4 * time.Minute)
	w.books(1, 1)
	w.now = w.now.Add(-4 * time.Minute)
	w.minutes(p, int(repair.LostFirstHint/time.Minute)+4)
	if len(w.hinted()) == 0 {
		t.Error("it was not found")
	}
}

func TestManyBookingsTakeSeveralTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 1000 // more than a page in each shard
	for i := 1; i <= n; i++ {
		w.books(1, i)
	}
	w.minutes(w.firsts(), 10)
	found := map[booking.ID]bool{}
	for _, one := range w.hinted() {
		found[one] = true
	}
	if len(found) != n {
		t.Errorf("%d of %d were found", len(found), n)
	}
}

func TestAStreamThatCannotBeReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1, 2, 3)
	w.loadFails[id(2).Stream()] = events.ErrCorrupt
	w.books(1, 4)
	w.loadFails[id(4).Stream()] = booking.ErrUnfoldable
	w.minutes(w.firsts(), 10)
	if diff := cmp.Diff([]booking.ID{id(1), id(3)}, w.owing()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if n := strings.Count(w.logged.String(), "stream cannot be read"); n < 2 {
		t.Errorf("the log says so %d times", n)
	}
}

// In the minutes of a deployment an older release meets events of the newer one: that
// wakes nobody.
func TestAStreamOfANewerReleaseIsLeftToIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1, 2)
	w.loadFails[id(2).Stream()] = booking.ErrUnknownEvent
	w.minutes(w.firsts(), 10)
	if diff := cmp.Diff([]booking.ID{id(1)}, w.owing()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if !w.says("stream is of a newer release") || w.says("stream cannot be read") {
		t.Error("somebody is woken")
	}
}

// A booking that cannot be looked at for a while holds up no other, and is not forgotten: the
// watermark waits for it.
func TestABookingThatFailsHoldsUpNoLap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.firsts()
	for i := 1; i <= 40; i++ { // in every shard
		w.books(1, i)
	}
	w.loadFails[id(7).Stream()] = events.ErrUnavailable
	failed := 0
	for range 50 {
		w.now = w.now.Add(time.Minute)
		if err := w.run(p); errors.Is(err, events.ErrUnavailable) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.owing()); n != 39 || failed < 5 {
		t.Errorf("%d of 39 are noted, %d runs said that one could not be", n, failed)
	}
	delete(w.loadFails, id(7).Stream())
	for i := 1; i <= 40; i++ {
		w.projects(i)
	}
	w.minutes(p, 10)
	if n := len(w.owing()); n != 40 {
		t.Errorf("in the end %d are noted", n)
	}
}

func TestFirstsTellWhatIsAway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(*world)
		want  error
	}{
		"the views": {func(w *world) { w.viewsFail = errAway }, errAway},
		"the queue": {func(w *world) { w.sendFails = errAway }, errAway},
		"the log":   {func(w *world) { w.loadFails[id(1).Stream()] = events.ErrUnavailable }, events.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.books(1, 1)
			w.now = start.Add(5 * time.Minute)
			tc.spoil(w)
			p := w.firsts()
			if err := w.run(p); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			w.viewsFail, w.sendFails = nil, nil
			clear(w.loadFails)
			w.minutes(p, 1) // the lap goes on where it failed
			if len(w.hinted()) == 0 {
				t.Error("afterwards it was not found")
			}
		})
	}
}

func TestTwoSweepersAreHarmless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.now = start.Add(5 * time.Minute)
	w.rival = func() {
		if err := w.run(w.firsts()); err != nil {
			t.Error(err)
		}
	}
	if err := w.run(w.firsts()); err != nil {
		t.Error(err)
	}
	if len(w.hinted()) == 0 || len(w.owing()) != 1 {
		t.Error("it was not found")
	}
}

// A lap that is interrupted between two pages, for however long, passes over nothing that was
// booked meanwhile: the watermark stays behind what the lap could not have seen.
func TestAnInterruptedLapPassesOverNothing(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{26 * time.Minute, 50 * time.Minute, 3 * time.Hour} {
		t.Run(pause.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			shard := events.FirstShard(id(1).Stream())
			var late []int
			for i := 2; len(late) < 10; i++ {
				if events.FirstShard(id(i).Stream()) == shard {
					late = append(late, i)
				}
			}
			p := w.firsts()
			w.minutes(p, 30)
			w.books(1, 1)
			w.projects(1)
			// The last page of an hour was read. Bookings of clocks that are a little behind come
			// into it then, and the sweeper stands still before the next page.
			interrupted := false
			hour := w.now.Truncate(time.Hour)
			w.between = func(q events.FirstsQuery) {
				if interrupted || q.Shard != shard || !q.From.Truncate(time.Hour).After(hour) {
					return
				}
				interrupted = true
				now := w.now
				w.now = q.From.Truncate(time.Hour).Add(-30 * time.Second)
				w.books(1, late...)
				w.now = now.Add(pause)
			}
			for !interrupted {
				w.minutes(p, 1)
			}
			for range 60 {
				w.minutes(p, 1)
			}
			found := map[booking.ID]bool{}
			for _, one := range w.hinted() {
				found[one] = true
			}
			for _, n := range late {
				if !found[id(n)] {
					t.Fatalf("%d of %d bookings were found, %d is not among them", len(found), len(late), n)
				}
			}
		})
	}
}

// A view of another release says nothing about the payment: the log is asked.
func TestAViewThatCannotBeReadHidesNoDebt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.books(1, 1)
	w.projects(1)
	w.views.Spoil(id(1), func(r *readmodel.Record) { r.Body = []byte(`{"version":"1"}`) })
	w.minutes(w.firsts(), int(repair.LostFirstHint/time.Minute))
	if diff := cmp.Diff([]booking.ID{id(1)}, w.owing()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}
