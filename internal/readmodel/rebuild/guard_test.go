package rebuild_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// loads is a log whose loads can answer something else, and which knows how often each
// stream was loaded.
type loads struct {
	*world
	events.Store
	answer func(n int, h events.History, err error) (events.History, error)
	counts map[events.StreamID]int
}

func (l *loads) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	l.mu.Lock()
	l.counts[id]++
	n := l.counts[id]
	l.mu.Unlock()
	h, err := l.Store.Load(ctx, id)
	if l.answer == nil {
		return h, err
	}
	return l.answer(n, h, err)
}

// overtakes spoils the view of a booking, so that an audit looks at it twice, and lets
// something happen after it has read the log and before it reads the view again: it then
// holds an older fold than what is stored.
func (w *world) overtakes(id booking.ID, happens func()) *loads {
	w.Helper()
	w.ledger(1).Spoil(id, func(r *readmodel.Record) { r.Body[20] ^= 1 })
	log := &loads{world: w, Store: w.log, counts: map[events.StreamID]int{}}
	w.worker.Log = log
	var once bool
	w.worker.In = func(int) readmodel.Ledger {
		return read{w.ledger(1), func() {
			if !once && log.counts[id.Stream()] == 1 {
				once = true
				happens()
			}
		}}
	}
	w.Cleanup(func() {
		if !once {
			w.Error("nothing overtook the audit")
		}
	})
	return log
}

func (w *world) movesOn(id booking.ID, commit int) func() {
	return func() {
		w.moves(id, commit)
		w.projects(id)
	}
}

// A view that is newer than what the audit has read is never taken back.
func TestANewerViewIsNotTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(4) // the second is at version 2
	w.overtakes(ids[1], w.movesOn(ids[1], 2))
	a := w.audits(true)
	if a.Counts.Differences != 0 {
		t.Errorf("found %+v", a.Findings)
	}
	w.equals(1)
}

// A load that fails says nothing about the log: the audit ends there, and the same message
// comes again.
func TestAFailedLoadIsNoShorterLog(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"away": events.ErrUnavailable, "corrupt": events.ErrCorrupt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			ids := w.books(4)
			log := w.overtakes(ids[1], w.movesOn(ids[1], 2))
			log.answer = func(n int, h events.History, err error) (events.History, error) {
				if n == 2 && h.Stream() == ids[1].Stream() {
					return events.History{}, failure
				}
				return h, err
			}
			if err := rebuild.StartAudit(t.Context(), w.control, w.now, rebuild.Plan{Segments: 1}, true); err != nil {
				t.Fatal(err)
			}
			w.sent()
			done, err := w.worker.Work(t.Context(), w.tasks[0], w.now.Add(1e12))
			if done || !errors.Is(err, failure) {
				t.Errorf("done %v, %v; want the error of the load", done, err)
			}
			w.equals(1)
			for w.state().Audit.Phase != rebuild.Done {
				w.works()
				w.sweeps()
			}
			if a := w.state().Audit; a.Counts.Differences != 0 {
				t.Errorf("in the end it found %+v", a.Findings)
			}
			w.equals(1)
		})
	}
}

// A newer release may have moved the booking on by events that this one cannot fold. The
// stream has a length all the same.
func TestAViewOfUnknownEventsIsNotTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(4)
	before := w.stored(1)[ids[1]]
	w.overtakes(ids[1], func() {
		w.unknownEvent(ids[1])
		newer := before
		newer.Version++
		w.ledger(1).Spoil(ids[1], func(r *readmodel.Record) { *r = newer })
	})
	if a := w.audits(true); a.Counts.Differences != 0 {
		t.Errorf("found %+v", a.Findings)
	}
	if got := w.stored(1)[ids[1]].Version; got != before.Version+1 {
		t.Errorf("the view is at %d, want %d as the newer release left it", got, before.Version+1)
	}
}

// checks lets time pass until the first check of a new projection is about to begin.
func (w *world) checks() {
	w.Helper()
	for w.state().Rebuild.Phase != rebuild.Checking {
		w.works()
		w.sweeps()
	}
}

// unknownEvent appends what only a newer release can read.
func (w *world) unknownEvent(id booking.ID) {
	w.Helper()
	h, err := w.log.Load(w.Context(), id.Stream())
	if err != nil {
		w.Fatal(err)
	}
	draft := events.Draft{CommandID: "x", Events: []events.Event{{Type: "RideShared", Schema: 1, Data: []byte(`{}`)}}, RecordedAt: start}
	if _, err := w.log.Append(w.Context(), h.Position(), draft); err != nil {
		w.Fatal(err)
	}
}

// adds a member to a stored view, as a newer release does.
func (w *world) addsMember(n int, id booking.ID, member string) {
	w.ledger(n).Spoil(id, func(r *readmodel.Record) {
		r.Body = []byte(strings.Replace(string(r.Body), `{`, `{`+member+`,`, 1))
	})
}

// What a newer release wrote is left to it, whether it is an event or a part of a view.
func TestWhatANewerReleaseWroteIsNoDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(8)
	w.unknownEvent(ids[2])
	w.addsMember(1, ids[3], `"rating":5`)
	w.ledger(1).Spoil(ids[4], func(r *readmodel.Record) {
		r.Body = []byte(strings.Replace(string(r.Body), `"fare":{`, `"fare":{"tax":19,`, 1))
	})
	before := w.stored(1)
	a := w.audits(true)
	if a.Counts.Differences != 0 || a.Counts.Newer != 3 {
		t.Errorf("found %+v %+v", a.Counts, a.Findings)
	}
	for id, r := range before {
		if got := w.stored(1)[id]; !bytes.Equal(got.Body, r.Body) {
			t.Errorf("the view of %s was changed to %s", id, got.Body)
		}
	}
	// A known part that is wrong is a difference, whatever was added.
	w.ledger(1).Spoil(ids[3], func(r *readmodel.Record) {
		r.Body = []byte(strings.Replace(string(r.Body), `"currency":"EUR"`, `"currency":"USD"`, 1))
	})
	w.ledger(1).Spoil(ids[4], func(r *readmodel.Record) { r.Rider = "mallory" })
	if a := w.audits(true); a.Counts.Differences != 2 || a.Counts.Mended != 2 {
		t.Errorf("found %+v %+v", a.Counts, a.Findings)
	}
}

// A new projection is read although a newer release wrote into it, and only where it did.
func TestACheckWantsTheViewsOfANewerRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(8)
	w.addsMember(1, ids[3], `"rating":5`)
	w.unknownEvent(ids[2])
	length := w.stored(1)[ids[2]].Version + 1
	view, err := readmodel.Decode(w.stored(1)[ids[2]].Body)
	if err != nil {
		t.Fatal(err)
	}
	w.starts(false)
	w.checks()
	w.addsMember(2, ids[3], `"rating":5`)
	puts := func(version int64) {
		view.Version = version
		if err := w.ledger(2).Put(t.Context(), view); err != nil {
			t.Fatal(err)
		}
	}
	puts(length - 1) // older than the stream: it is not to be read
	for w.state().Rebuild.Round == 1 {
		w.works()
		w.sweeps()
	}
	if r := w.state().Rebuild; r.Phase != rebuild.Checking || r.Checked.Differences != 1 {
		t.Errorf("%s with %+v", r.Phase, r.Checked)
	}
	puts(length)
	w.until(rebuild.Switched, nil)
	if r := w.state().Rebuild; r.Checked.Newer != 2 {
		t.Errorf("checked %+v", r.Checked)
	}
}
