package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// dyingRepair is a ledger whose worker is killed before or after a view is replaced.
type dyingRepair struct {
	readmodel.Ledger
	before, after *bool
}

func (d dyingRepair) Replace(ctx context.Context, v readmodel.View, seen *readmodel.Record) (bool, error) {
	if *d.before {
		*d.before = false
		return false, errKilled
	}
	mended, err := d.Ledger.Replace(ctx, v, seen)
	if *d.after {
		*d.after = false
		return false, errKilled
	}
	return mended, err
}

// A worker that is killed at a repair, before or after it, forgets nothing: the difference
// was noted before.
func TestAKilledRepairIsNotForgotten(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(before, after *bool){
		"before": func(before, _ *bool) { *before = true },
		"after":  func(_, after *bool) { *after = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			ids := w.books(8)
			w.ledger(1).Spoil(ids[2], func(r *readmodel.Record) { r.Body[20] ^= 1 })
			w.ledger(1).Spoil(ids[5], func(r *readmodel.Record) { r.Body[20] ^= 1 })
			var before, after bool
			kill(&before, &after)
			w.worker.In = func(int) readmodel.Ledger { return dyingRepair{w.ledger(1), &before, &after} }
			a := w.audits(true)
			if a.Counts.Differences != 2 || a.Counts.Mended != 2 || len(a.Findings) != 2 {
				t.Errorf("found %+v %+v; want each difference once", a.Counts, a.Findings)
			}
			for _, f := range a.Findings {
				if f.Kind != rebuild.Differs || !f.Mended {
					t.Errorf("found %+v", f)
				}
			}
			w.equals(1)
		})
	}
}

// A check whose worker was killed after a repair is no clean check: another one follows.
func TestAKilledCheckIsNotClean(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(8)
	w.starts(false)
	w.checks()
	if err := w.ledger(2).Drop(t.Context(), ids[7]); err != nil {
		t.Fatal(err)
	}
	var before, after bool
	after = true
	w.worker.In = func(n int) readmodel.Ledger { return dyingRepair{w.ledger(n), &before, &after} }
	w.until(rebuild.Switched, nil)
	if r := w.state().Rebuild; r.Round != 2 || after {
		t.Errorf("switched after round %d, which found %+v; want a second one", r.Round, r.Checked)
	}
}

// Nothing is mended whose note could not be stored: another worker may be at the segment.
func TestWithoutANoteNothingIsMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(4)
	w.ledger(1).Spoil(ids[2], func(r *readmodel.Record) { r.Body[20] ^= 1 })
	if err := rebuild.StartAudit(t.Context(), w.control, w.now, rebuild.Plan{Segments: 1}, true); err != nil {
		t.Fatal(err)
	}
	w.sent()
	w.worker.Page = 0
	var puts int
	w.worker.Control = refusingDocuments{w.control, func() bool { puts++; return puts == 2 }} // the first begins the slice
	if done, err := w.worker.Work(t.Context(), w.tasks[0], w.now); done || !errors.Is(err, errKilled) {
		t.Errorf("done %v, %v", done, err)
	}
	if got := w.stored(1)[ids[2]]; got.Body[20]^1 != mustEncode(t, w, ids[2])[20] {
		t.Error("the view was replaced without a note")
	}
}

func mustEncode(t *testing.T, w *world, id booking.ID) []byte {
	t.Helper()
	h, err := w.log.Load(t.Context(), id.Stream())
	if err != nil {
		t.Fatal(err)
	}
	s, err := booking.StateOf(h)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := readmodel.ViewOf(s).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// refusingDocuments fail at some writes.
type refusingDocuments struct {
	control.Store
	fails func() bool
}

func (r refusingDocuments) Put(ctx context.Context, id string, d control.Document) error {
	if r.fails() {
		return errKilled
	}
	return r.Store.Put(ctx, id, d)
}

// However often audits are killed, each difference is found and counted, and all are mended.
func TestAKilledAuditGoesOn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			ids := w.books(40)
			for _, id := range ids[:12] {
				w.ledger(1).Spoil(id, func(r *readmodel.Record) { r.Body[20] ^= 1 })
			}
			w.kill = 0.05
			var before, after bool
			w.worker.In = func(n int) readmodel.Ledger {
				before, after = w.random.IntN(8) == 0, w.random.IntN(8) == 0
				return dyingRepair{w.dyingIn(n), &before, &after}
			}
			if a := w.audits(true); a.Counts.Differences < 12 || a.Counts.Mended != a.Counts.Differences || a.Counts.Streams != 40 {
				t.Errorf("found %+v %+v; want 12 differences, all mended", a.Counts, a.Findings)
			}
			w.equals(1)
		})
	}
}

// What no walk mends is for people: it has a line of its own, by which an alarm goes off.
// What was mended has one for the curious.
func TestFindingsAreLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(30)
	var out strings.Builder
	w.worker.Logger = slog.New(slog.NewTextHandler(&out, nil))
	w.audits(true)
	if out.Len() > 0 {
		t.Errorf("nothing was wrong, and it says %s", &out)
	}
	want := w.spoils(ids)
	w.audits(true)
	for _, f := range want {
		line := fmt.Sprintf(`level=INFO msg="view differed" kind=%s booking_id=%s`, f.Kind, f.Booking)
		if f.Kind == rebuild.Orphan {
			line = fmt.Sprintf(`level=ERROR msg="audit finding" kind=%s booking_id=%s`, f.Kind, f.Booking)
		}
		if strings.Count(out.String(), line) != 1 {
			t.Errorf("the log does not say %s once:\n%s", line, &out)
		}
	}
}

// An audit that found what it could not mend is not clean, nor is one that does not mend.
func TestTheLastCleanAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(30)
	var unclean time.Duration
	w.director.Tell = func(_ context.Context, d time.Duration) { unclean = d }
	if w.sweeps(); unclean != 0 {
		t.Errorf("before the first audit ended, none was clean for %s", unclean)
	}
	for w.state().Audit.Phase != rebuild.Done { // the first one, by itself
		w.works()
		w.sweeps()
	}
	first := w.state().Audit.Began
	is := func(what string, began time.Time) {
		t.Helper()
		if s := w.state(); !s.CleanSince.Equal(began) {
			t.Errorf("%s: clean since %v, want %v", what, s.CleanSince, began)
		}
		w.sweeps()
		if unclean != w.now.Sub(began) {
			t.Errorf("%s: none was clean for %s, want %s", what, unclean, w.now.Sub(began))
		}
	}
	is("a clean one", first)
	want := w.spoils(ids)
	w.audits(false)
	is("one that does not mend", first)
	w.audits(true) // the orphan stays
	is("one with an orphan", first)
	if err := w.ledger(1).Drop(t.Context(), want[2].Booking); err != nil {
		t.Fatal(err)
	}
	is("the next one", w.audits(true).Began)
}
