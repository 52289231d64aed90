package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

func TestARebuildMakesTheSameViewsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(40)
	w.starts(false)
	var phases []rebuild.Phase
	w.until(rebuild.Done, func() {
		if p := w.state().Rebuild.Phase; len(phases) == 0 || p != phases[len(phases)-1] {
			phases = append(phases, p)
		}
	})
	want := []rebuild.Phase{rebuild.Feeding, rebuild.Scanning, rebuild.Checking, rebuild.Switched, rebuild.Retired, rebuild.Dropping, rebuild.Done}
	if diff := cmp.Diff(want, phases); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
	w.equals(2)
	if old := w.stored(1); len(old) != 0 {
		t.Errorf("%d views of the old projection are left", len(old))
	}
	s := w.state()
	if s.Projections != (readmodel.Projections{Active: 2}) || s.Rebuild.Built.Streams != 40 || s.Rebuild.Checked != (rebuild.Counts{Streams: 40, Commits: s.Rebuild.Built.Commits}) {
		t.Errorf("in the end: %+v, %+v", s.Projections, s.Rebuild)
	}
	w.starts(false) // and once more
	w.until(rebuild.Done, nil)
	w.equals(3)
}

// However often its workers are killed, and whatever happens meanwhile.
func TestAKilledRebuildGoesOn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			ids := w.books(40)
			w.kill = 0.05
			moved := map[booking.ID]int{}
			w.starts(false)
			w.until(rebuild.Done, func() {
				id := ids[w.random.IntN(len(ids))] // life goes on
				if moved[id] < 8 {
					for commit := range moved[id] + 1 {
						w.moves(id, commit)
					}
					moved[id]++
					w.projects(id)
				}
				if v, ok, err := w.live.Get(t.Context(), id); err != nil || !ok || v.Version == 0 {
					t.Errorf("%s cannot be read meanwhile: %v, %v", id, ok, err)
				}
			})
			w.equals(2)
			if r := w.state().Rebuild; r.Built.Streams != 40 || r.Checked.Differences != 0 {
				t.Errorf("built %+v, checked %+v; want each stream counted once", r.Built, r.Checked)
			}
		})
	}
}

// Nothing is scanned before every environment must know that the new projection is
// fed, and nothing is dropped before none can read the old one.
func TestARebuildWaitsForStaleEnvironments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(5)
	stale := &readmodel.Live{Pointer: &readmodel.Pointer{Control: w.control, Now: func() time.Time { return w.now }}, In: w.in}
	if _, err := stale.Pointer.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.starts(false)
	w.until(rebuild.Feeding, nil)
	w.moves(ids[0], 1)
	if _, err := (&readmodel.Projector{Log: w.log, Views: stale}).Project(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	since := w.now
	w.until(rebuild.Scanning, nil)
	if waited := w.now.Sub(since); waited < readmodel.PointerTTL {
		t.Errorf("scanned after %s", waited)
	}
	w.until(rebuild.Switched, nil)
	switched := w.now
	w.until(rebuild.Retired, func() {
		if len(w.stored(1)) != 5 {
			t.Error("the old projection lost views that may be read")
		}
	})
	if waited := w.now.Sub(switched); waited < rebuild.Wait-time.Minute {
		t.Errorf("both were fed for %s", waited)
	}
	w.until(rebuild.Done, nil)
	w.equals(2)
}

func TestAHeldRebuildWaitsForItsSwitch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(5)
	w.starts(true)
	w.until(rebuild.Held, nil)
	for range 10 {
		w.sweeps()
	}
	if s := w.state(); s.Active != 1 || s.Feeding != 2 {
		t.Errorf("held with %+v", s.Projections)
	}
	w.moves(ids[0], 1)
	w.projects(ids[0])
	w.equals(2)
	if err := rebuild.Switch(t.Context(), w.control); err != nil {
		t.Fatal(err)
	}
	w.until(rebuild.Done, nil)
	w.equals(2)
}

func TestAnAbortedRebuildLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, phase := range []rebuild.Phase{rebuild.Requested, rebuild.Feeding, rebuild.Scanning, rebuild.Checking, rebuild.Held} {
		t.Run(string(phase), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.books(20)
			w.starts(true)
			w.until(phase, nil)
			for range 2 { // twice is once
				if err := rebuild.Abort(t.Context(), w.control, w.now); err != nil && w.state().Rebuild.Phase != rebuild.Done {
					t.Fatal(err)
				}
			}
			w.until(rebuild.Done, nil)
			w.equals(1)
			if s := w.state(); s.Projections != (readmodel.Projections{Active: 1}) || len(w.stored(2)) != 0 || !s.Rebuild.Aborted {
				t.Errorf("left: %+v and %d views of the new projection", s.Projections, len(w.stored(2)))
			}
			w.starts(false)
			if got := w.state().Rebuild.Target; got != 3 {
				t.Errorf("the next rebuild makes projection %d, want a number that was never used", got)
			}
		})
	}
}

func TestRequestsThatDoNotFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(3)
	ctx := t.Context()
	refuses := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, rebuild.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", what, err)
		}
	}
	refuses("abort nothing", rebuild.Abort(ctx, w.control, w.now))
	refuses("switch nothing", rebuild.Switch(ctx, w.control))
	refuses("no segments", rebuild.Start(ctx, w.control, w.now, rebuild.Plan{Segments: -1}, false))
	refuses("too many segments", rebuild.StartAudit(ctx, w.control, w.now, rebuild.Plan{Segments: 201}, false))
	refuses("negative rate", rebuild.Start(ctx, w.control, w.now, rebuild.Plan{Rate: -1}, false))
	w.starts(false)
	refuses("a second rebuild", rebuild.Start(ctx, w.control, w.now, rebuild.Plan{}, false))
	refuses("switch one that does not hold", rebuild.Switch(ctx, w.control))
	w.until(rebuild.Switched, nil)
	refuses("abort after the switch", rebuild.Abort(ctx, w.control, w.now))
	w.until(rebuild.Done, nil)
	for !w.state().Over() { // the daily audit
		w.sweeps()
		w.works()
	}
	if err := rebuild.StartAudit(ctx, w.control, w.now, rebuild.Plan{}, false); err != nil {
		t.Error(err)
	}
	refuses("a second audit", rebuild.StartAudit(ctx, w.control, w.now, rebuild.Plan{}, false))
}

// What the new projection lacks is mended before it is read; what cannot be mended
// keeps it from being read.
func TestOnlyACheckedProjectionIsRead(t *testing.T) {
	t.Parallel()
	t.Run("mended", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		ids := w.books(20)
		w.starts(false)
		w.until(rebuild.Checking, nil)
		w.ledger(2).Spoil(ids[7], func(r *readmodel.Record) { r.InWaiting = "2026-11-23T09:50:00.000Z#x" })
		if err := w.ledger(2).Drop(t.Context(), ids[8]); err != nil {
			t.Fatal(err)
		}
		w.until(rebuild.Switched, nil)
		w.equals(2)
		if r := w.state().Rebuild; r.Round < 2 || r.Checked.Differences != 0 {
			t.Errorf("round %d found %+v, want a second one that finds nothing", r.Round, r.Checked)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		ids := w.books(20)
		h, err := w.log.Load(t.Context(), ids[3].Stream())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.log.Append(t.Context(), h.Position(), events.Draft{CommandID: "x", Events: []events.Event{{Type: "RideShared", Schema: 1, Data: []byte(`{}`)}}, RecordedAt: start}); err != nil {
			t.Fatal(err)
		}
		w.starts(false)
		w.until(rebuild.Refused, nil)
		s := w.state()
		if s.Active != 1 || len(s.Rebuild.Findings) == 0 || s.Rebuild.Findings[0] != (rebuild.Finding{Kind: rebuild.Unreadable, Booking: ids[3]}) {
			t.Errorf("%+v with %+v", s.Projections, s.Rebuild.Findings)
		}
		if err := rebuild.Abort(t.Context(), w.control, w.now); err != nil {
			t.Fatal(err)
		}
		w.until(rebuild.Done, nil)
	})
}

// Commits of a stream that do not come in one piece, or do not begin with the first,
// are no reason to believe them.
func TestAStreamInPiecesIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(20)
	w.worker.Catalog = forgetful{w.log}
	w.starts(false)
	w.until(rebuild.Done, nil)
	w.equals(2)
	if r := w.state().Rebuild; r.Built.Queried == 0 {
		t.Error("no stream was read again")
	}
}

// forgetful is a catalog that leaves the beginning of streams out.
type forgetful struct{ *eventstest.Memory }

func (f forgetful) Walk(ctx context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	commits, next, err := f.Memory.Walk(ctx, q)
	var kept []events.Commit
	for i, c := range commits {
		if c.Version > 1 || i+1 == len(commits) || commits[i+1].Stream != c.Stream {
			kept = append(kept, c)
		}
	}
	return kept, next, err
}

func TestMessagesOfNoUseAreDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(5)
	work := func(task rebuild.Task) {
		t.Helper()
		if done, err := w.worker.Work(t.Context(), task, w.now); !done || err != nil {
			t.Errorf("%+v: done %v, %v", task, done, err)
		}
	}
	work(rebuild.Task{V: 1, Run: "rebuild-2-scanning-0"})
	w.starts(false)
	w.until(rebuild.Checking, nil)
	work(rebuild.Task{V: 1, Run: "rebuild-2-scanning-0"})
	work(rebuild.Task{V: 1, Run: w.state().Run.ID, Segment: 99})
	w.until(rebuild.Done, nil)
}

func TestTasksAreParsedStrictly(t *testing.T) {
	t.Parallel()
	body, err := rebuild.Task{V: 1, Run: "r", Segment: 2}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if task, err := rebuild.ParseTask(body); err != nil || task != (rebuild.Task{V: 1, Run: "r", Segment: 2}) {
		t.Errorf("%+v, %v", task, err)
	}
	for _, bad := range []string{``, `{`, `{"v":2,"run":"r","segment":0}`, `{"v":1,"segment":0}`, `{"v":1,"run":"r","segment":-1}`, `{"v":1,"run":"r","segment":0,"x":1}`} {
		if task, err := rebuild.ParseTask([]byte(bad)); !errors.Is(err, rebuild.ErrMalformed) {
			t.Errorf("%s was read as %+v (%v)", bad, task, err)
		}
	}
}

// Two messages for one segment: the later worker takes over, the earlier notes nothing
// more.
func TestOneWorkerIsAtASegment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(40)
	w.starts(false)
	w.sent()
	task := w.tasks[0]
	rival := *w.worker
	first := *w.worker
	first.Catalog = between{w.log, func() {
		if _, err := rival.Work(t.Context(), task, w.now); err != nil {
			t.Error(err)
		}
	}}
	if done, err := first.Work(t.Context(), task, w.now.Add(time.Hour)); done || !errors.Is(err, rebuild.ErrLost) {
		t.Errorf("done %v, %v; want ErrLost", done, err)
	}
	w.until(rebuild.Done, nil)
	w.equals(2)
}

// between is a catalog during whose walks something happens.
type between struct {
	*eventstest.Memory
	happens func()
}

func (b between) Walk(ctx context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	b.happens()
	return b.Memory.Walk(ctx, q)
}

func TestLostMessagesAreSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(10)
	w.sendFails = true // the director is killed before it has sent them
	w.starts(false)
	w.until(rebuild.Scanning, nil)
	for len(w.tasks) == 0 {
		w.sweeps()
	}
	w.tasks = nil // and these are lost
	began := w.now
	for len(w.tasks) == 0 {
		w.sweeps()
	}
	if waited := w.now.Sub(began); waited < 10*time.Minute || waited > 20*time.Minute {
		t.Errorf("sent again after %s", waited)
	}
	w.until(rebuild.Done, nil)
	w.equals(2)
}

// Two directors at once advance a rebuild as one does.
func TestTwoDirectors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(20)
	rival := &rebuild.Director{Control: w.control, Tasks: w, Now: w.director.Now, Wait: rebuild.Wait}
	w.director.Control = meddled{w.control, func() {
		if w.random.IntN(3) == 0 {
			if _, err := rival.Run(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}}
	w.starts(false)
	w.until(rebuild.Done, nil)
	w.equals(2)
	if s := w.state(); s.Projections != (readmodel.Projections{Active: 2}) {
		t.Errorf("%+v", s.Projections)
	}
}

// meddled is a control store before whose writes something happens.
type meddled struct {
	control.Store
	happens func()
}

func (m meddled) Put(ctx context.Context, id string, d control.Document) error {
	m.happens()
	return m.Store.Put(ctx, id, d)
}

func TestARebuildKeepsToItsRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(60)
	if err := rebuild.Start(t.Context(), w.control, w.now, rebuild.Plan{Segments: 2, Rate: 10}, false); err != nil {
		t.Fatal(err)
	}
	w.sent()
	for _, task := range w.tasks {
		began := w.now
		if done, err := w.worker.Work(t.Context(), task, w.now.Add(time.Hour)); !done || err != nil {
			t.Fatal(done, err)
		}
		p, _, err := rebuild.ReadProgress(t.Context(), w.control, *w.state().Run, task.Segment)
		if err != nil {
			t.Fatal(err)
		}
		if took, least := w.now.Sub(began), time.Duration(p.Counts.Streams-3)*time.Second/5; took < least {
			t.Errorf("%d bookings took %s, want 5 a second", p.Counts.Streams, took)
		}
	}
}

// Side by side is as good as one after the other.
func TestBookingsAreHandledSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(200)
	w.worker.Parallel, w.worker.Page = 8, 0
	w.starts(false)
	w.until(rebuild.Done, nil)
	w.equals(2)
}

func TestAFailureSideBySideIsAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(50)
	w.worker.Parallel, w.worker.Page = 8, 0
	full := errors.New("full")
	w.worker.In = func(int) readmodel.Ledger { return refusing{w.ledger(2), full} }
	w.starts(false)
	w.sent()
	if done, err := w.worker.Work(t.Context(), w.tasks[0], w.now); done || !errors.Is(err, full) {
		t.Errorf("done %v, %v; want the failure", done, err)
	}
}

type refusing struct {
	readmodel.Ledger
	err error
}

func (r refusing) Put(context.Context, readmodel.View) error { return r.err }
