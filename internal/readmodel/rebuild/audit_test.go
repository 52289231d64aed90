package rebuild_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// audits runs an audit to its end.
func (w *world) audits(repair bool) rebuild.Audit {
	w.Helper()
	if err := rebuild.StartAudit(w.Context(), w.control, w.now, rebuild.Plan{Segments: 3}, repair); err != nil {
		w.Fatal(err)
	}
	const endless = 2000
	for range endless {
		w.sweeps()
		w.works()
		if a := w.state().Audit; a.Phase == rebuild.Done {
			return *a
		}
	}
	w.Fatalf("the audit does not end: %+v", w.state())
	return rebuild.Audit{}
}

// spoils makes one difference of each kind and returns what an audit is to find.
func (w *world) spoils(ids []booking.ID) []rebuild.Finding {
	w.Helper()
	if err := w.ledger(1).Drop(w.Context(), ids[0]); err != nil {
		w.Fatal(err)
	}
	v5 := w.stored(1)[ids[5]].Version
	w.ledger(1).Spoil(ids[1], func(r *readmodel.Record) { r.Body[20] ^= 1 })
	w.ledger(1).Spoil(ids[2], func(r *readmodel.Record) { r.Rider = "mallory" })
	w.ledger(1).Spoil(ids[3], func(r *readmodel.Record) { r.InDeadlines = "" })
	w.ledger(1).Spoil(ids[4], func(r *readmodel.Record) { r.Version += 10 })
	w.moves(ids[5], 6) // nobody is told
	nobody := booking.IDFor(booking.Caller{Subject: "nobody"}, "x")
	if err := w.ledger(1).Put(w.Context(), readmodeltest.View(nobody, 3)); err != nil {
		w.Fatal(err)
	}
	versions := w.stored(1)
	found := []rebuild.Finding{
		{Kind: rebuild.Missing, Booking: ids[0], Wanted: 1},
		{Kind: rebuild.Behind, Booking: ids[5], Stored: v5, Wanted: v5 + 1},
		{Kind: rebuild.Orphan, Booking: nobody},
	}
	for _, id := range ids[1:5] {
		found = append(found, rebuild.Finding{Kind: rebuild.Differs, Booking: id, Stored: versions[id].Version, Wanted: versions[id].Version})
	}
	found[6].Wanted -= 10
	return found
}

var anyOrder = cmpopts.SortSlices(func(a, b rebuild.Finding) bool { return fmt.Sprint(a) < fmt.Sprint(b) })

func TestAnAuditFindsEveryKindOfDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(30)
	if a := w.audits(false); a.Counts.Differences != 0 || a.Counts.Streams != 30 || a.Counts.Views != 30 {
		t.Errorf("nothing was wrong, and it found %+v %+v", a.Counts, a.Findings)
	}
	want := w.spoils(ids)
	before := w.stored(1)
	a := w.audits(false)
	if diff := cmp.Diff(want, a.Findings, anyOrder); diff != "" || a.Counts.Mended != 0 {
		t.Errorf("found, and mended %d (-want +got):\n%s", a.Counts.Mended, diff)
	}
	if diff := cmp.Diff(before, w.stored(1)); diff != "" {
		t.Errorf("an audit that is not to repair changed views (-before +after):\n%s", diff)
	}
}

func TestAnAuditRepairs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(30)
	want := w.spoils(ids)
	for i := range want {
		want[i].Mended = want[i].Kind != rebuild.Orphan
	}
	a := w.audits(true)
	if diff := cmp.Diff(want, a.Findings, anyOrder); diff != "" || a.Counts.Differences != 7 || a.Counts.Mended != 6 {
		t.Errorf("found %d and mended %d (-want +got):\n%s", a.Counts.Differences, a.Counts.Mended, diff)
	}
	if err := w.ledger(1).Drop(t.Context(), want[2].Booking); err != nil { // the orphan, by hand
		t.Fatal(err)
	}
	w.equals(1)
	if a := w.audits(true); a.Counts.Differences != 0 {
		t.Errorf("the next one found %+v", a.Findings)
	}
}

// A repair changes nothing that was changed since it looked.
func TestARepairLosesAgainstNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(4)
	w.ledger(1).Spoil(ids[1], func(r *readmodel.Record) { r.Body[20] ^= 1 })
	w.worker.In = func(int) readmodel.Ledger {
		return overtaken{w.ledger(1), func() {
			w.moves(ids[1], 2)
			w.projects(ids[1])
		}}
	}
	if a := w.audits(true); a.Counts.Differences != 1 || a.Counts.Mended != 0 {
		t.Errorf("found %+v", a.Findings)
	}
	w.equals(1)
}

// overtaken is a ledger before whose repairs something happens.
type overtaken struct {
	readmodel.Ledger
	happens func()
}

func (o overtaken) Replace(ctx context.Context, v readmodel.View, seen *readmodel.Record) (bool, error) {
	o.happens()
	return o.Ledger.Replace(ctx, v, seen)
}

// A hint that is on its way is no difference, and neither is a view that is newer than
// the walk.
func TestWhatIsOnItsWayIsNoDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(8)
	w.rides.At = w.now.Add(time.Minute) // when the audit is at it
	w.moves(ids[0], 1)
	var once bool
	w.worker.In = func(int) readmodel.Ledger {
		return read{w.ledger(1), func() {
			if !once {
				once = true
				w.moves(ids[1], 2)
				w.projects(ids[1])
			}
		}}
	}
	if a := w.audits(true); a.Counts.Differences != 0 || a.Counts.Late != 1 {
		t.Errorf("found %+v %+v", a.Counts, a.Findings)
	}
	if got := w.stored(1)[ids[0]].Version; got != 1 {
		t.Errorf("the view whose hint is on its way was brought to version %d", got)
	}
}

// read is a ledger before whose reads something happens.
type read struct {
	readmodel.Ledger
	happens func()
}

func (r read) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	r.happens()
	return r.Ledger.Records(ctx, ids)
}

func TestAnAuditFindsStaleLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(12) // some of them with a driver
	id := booking.IDFor(booking.Caller{Subject: w.Name()}, "0")
	h, err := w.log.Load(t.Context(), id.Stream())
	if err != nil {
		t.Fatal(err)
	}
	paid := events.Draft{CommandID: "x", Events: []events.Event{{Type: booking.TypePaymentStarted, Schema: 1, Data: []byte(`{}`)}}, RecordedAt: start.Add(-time.Hour)}
	paid.Lease = events.Lease{Name: "driver/forgotten", Change: events.LeaseTaken}
	if _, err := w.log.Append(t.Context(), h.Position(), paid); err != nil {
		t.Fatal(err)
	}
	w.projects(id)
	other := events.Draft{CommandID: "x", Events: paid.Events, RecordedAt: paid.RecordedAt, Lease: events.Lease{Name: "driver/odd", Change: events.LeaseTaken}}
	if _, err := w.log.Append(t.Context(), events.NewStream("something/else"), other); err != nil {
		t.Fatal(err)
	}
	a := w.audits(true)
	want := []rebuild.Finding{
		{Kind: rebuild.StaleLease, Lease: "driver/forgotten", Booking: id},
		{Kind: rebuild.StaleLease, Lease: "driver/odd"},
		{Kind: rebuild.Unreadable, Booking: "something/else"},
	}
	if diff := cmp.Diff(want, a.Findings, anyOrder); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// An audit that repairs also has somebody look at what bookings owe that have been
// still for long.
func TestAnAuditSeesToDebts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.books(6)
	w.rides.At = w.now
	fresh := booking.IDFor(booking.Caller{Subject: w.Name()}, "fresh")
	w.moves(fresh, 0)
	w.projects(fresh)
	var o owed
	w.worker.Owed = o.look
	w.audits(false)
	if len(o.ids) != 0 {
		t.Errorf("an audit that is not to repair asked about %v", o.ids)
	}
	w.audits(true)
	slices.Sort(o.ids)
	slices.Sort(ids)
	if diff := cmp.Diff(ids, o.ids); diff != "" {
		t.Errorf("asked about (-want +got):\n%s", diff)
	}
}

func TestAnAuditIsDueEveryDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(4)
	var begun []time.Time
	for w.now.Sub(start) < 73*time.Hour {
		w.sweeps()
		w.works()
		if a := w.state().Audit; a != nil && !slices.Contains(begun, a.Began) {
			begun = append(begun, a.Began)
			if !a.Repair || a.Rate == 0 {
				t.Errorf("audited with %+v", a)
			}
		}
	}
	if len(begun) != 4 || begun[3].Sub(begun[0]) > 72*time.Hour+time.Hour {
		t.Errorf("audits began at %v, want one a day", begun)
	}
}

// One walk at a time: an audit waits for a rebuild, and a rebuild for an audit.
func TestOneWalkAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.books(30)
	if err := rebuild.StartAudit(t.Context(), w.control, w.now, rebuild.Plan{Segments: 3}, false); err != nil {
		t.Fatal(err)
	}
	w.sweeps()
	w.starts(false)
	kinds := map[string]bool{}
	w.until(rebuild.Done, func() {
		s := w.state()
		kinds[fmt.Sprint(s.Audit.Phase, " ", s.Rebuild.Phase)] = true
		if s.Audit.Phase == rebuild.Checking && s.Rebuild.Phase != rebuild.Requested && s.Rebuild.Phase != rebuild.Done {
			t.Errorf("a rebuild is %s during an audit", s.Rebuild.Phase)
		}
		if s.Rebuild.Phase == rebuild.Scanning && s.Audit.Phase == rebuild.Done {
			if err := rebuild.StartAudit(t.Context(), w.control, w.now, rebuild.Plan{Segments: 3}, false); err != nil {
				t.Fatal(err)
			}
		}
		if s.Rebuild.Phase != rebuild.Requested && s.Rebuild.Phase != rebuild.Done && s.Run != nil && strings.HasPrefix(s.Run.ID, "audit") {
			t.Errorf("an audit walks while a rebuild is %s", s.Rebuild.Phase)
		}
	})
	for _, want := range []string{"checking requested", "done feeding", "requested switched"} {
		if !kinds[want] {
			t.Errorf("it never was %q, only %v", want, slices.Sorted(maps.Keys(kinds)))
		}
	}
}
