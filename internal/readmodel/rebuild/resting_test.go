package rebuild_test

import (
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// rests brings a rebuild to where only an operator takes it on.
func (w *world) rests(phase rebuild.Phase, ids []booking.ID) {
	w.Helper()
	if phase == rebuild.Refused {
		w.unknownEvent(ids[3])
	}
	w.starts(phase == rebuild.Held)
	w.until(phase, nil)
}

// A rebuild that waits for an operator, for days, is no reason to audit nothing.
func TestAuditsGoOnWhileARebuildRests(t *testing.T) {
	t.Parallel()
	for _, phase := range []rebuild.Phase{rebuild.Held, rebuild.Refused} {
		t.Run(string(phase), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			ids := w.books(8)
			w.rests(phase, ids)
			w.ledger(1).Spoil(ids[1], func(r *readmodel.Record) { r.Body[20] ^= 1 })
			began := map[time.Time]bool{}
			for since := w.now; w.now.Sub(since) < 73*time.Hour; {
				w.sweeps()
				w.works()
				if a := w.state().Audit; a != nil && a.Phase == rebuild.Done {
					began[a.Began] = true
				}
			}
			if s := w.state(); len(began) < 3 || s.Rebuild.Phase != phase || s.UncleanFor(w.now) > 25*time.Hour {
				t.Errorf("%d audits in three days; the rebuild is %s, clean since %s", len(began), s.Rebuild.Phase, s.CleanSince)
			}
			if phase == rebuild.Held {
				w.equals(1)
			}
		})
	}
}

// An operator's word is obeyed at once, though an audit is at work: it goes on over the
// projection that was read when it began, which is kept up to date for that long.
func TestARestingRebuildGoesOnDuringAnAudit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		phase  rebuild.Phase
		order  func(w *world) error
		active int
	}{
		"switch":                   {rebuild.Held, func(w *world) error { return rebuild.Switch(w.Context(), w.control) }, 2},
		"abort":                    {rebuild.Held, func(w *world) error { return rebuild.Abort(w.Context(), w.control, w.now) }, 1},
		"give up what was refused": {rebuild.Refused, func(w *world) error { return rebuild.Abort(w.Context(), w.control, w.now) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			ids := w.books(30)
			w.rests(tc.phase, ids)
			for a := w.state().Audit; a == nil || a.Phase != rebuild.Done; a = w.state().Audit {
				w.sweeps()
				w.works()
			}
			if err := rebuild.StartAudit(t.Context(), w.control, w.now, rebuild.Plan{Segments: 3}, true); err != nil {
				t.Fatal(err)
			}
			w.sent()
			if err := tc.order(w); err != nil {
				t.Fatal(err)
			}
			w.sweeps()
			s := w.state()
			if s.Active != tc.active || s.Run == nil || s.Run.Projection != 1 || s.Audit.Phase != rebuild.Checking {
				t.Fatalf("active is %d, the walk is %+v", s.Active, s.Run)
			}
			for range 30 { // the audit takes its time
				w.sweeps()
			}
			if s := w.state(); tc.active == 2 && s.Feeding != 1 {
				t.Error("the projection under audit is no longer fed")
			}
			w.moves(ids[0], 1)
			w.projects(ids[0])
			w.until(rebuild.Done, nil)
			if s := w.state(); s.Audit.Phase != rebuild.Done || s.Audit.Counts.Streams != 30 || s.Audit.Counts.Differences != 0 || s.Active != tc.active {
				t.Errorf("active is %d, the audit ended with %+v", s.Active, s.Audit)
			}
			if dropped := w.stored(3 - tc.active); len(dropped) != 0 {
				t.Errorf("%d views are left that nothing reads", len(dropped))
			}
		})
	}
}
