package sim

import (
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// acknowledged judges a hint that the projector is done with: from then on, what it
// was about is shown.
func (o *oracle) acknowledged(id booking.ID, version int64) {
	o.shown[id] = max(o.shown[id], version)
	o.showsWhatWasAcknowledged(id)
}

func (o *oracle) showsWhatWasAcknowledged(id booking.ID) {
	v, _, err := o.projected(o.active()).Get(o.ctx, id)
	if err != nil || v.Version < o.shown[id] {
		o.fail("5: what the projector was done with is shown", id, "version %d in projection %d, after %d (%v)", v.Version, o.active(), o.shown[id], err)
	}
}

// showsAll tells whether what is stored of a booking is the fold of its stream, byte
// for byte, places in lists included.
func (o *oracle) showsAll(a *account) (bool, error) {
	p := o.projected(o.active())
	if a.record.Version != a.state.Version {
		want, err := a.model().stored(a.id)
		if err != nil {
			return false, err
		}
		a.record = want
	}
	got, err := p.Records(o.ctx, []booking.ID{a.id})
	return got[a.id].Digest() == a.record.Digest(), err
}

// moved judges a step of a rebuild or an audit.
func (r *rebuilds) moved(before, now rebuild.State) {
	r.progressed()
	if now.Active != before.Active {
		r.reach(projectionWasSwitched)
		r.isClean()
		r.tell("", "projection %d is read", now.Active)
		for _, a := range r.oracle.order {
			r.oracle.showsWhatWasAcknowledged(a.id)
		}
	}
	if now.Rebuild != nil && now.Rebuild.Aborted {
		r.reach(rebuildWasAborted)
	}
	switch {
	case now.Run != nil && (before.Run == nil || before.Run.ID != now.Run.ID):
		r.asked[now.Run.ID] = len(r.oracle.order)
		r.tell("", "%s begins", now.Run.ID)
		if now.Run.Work == rebuild.Check {
			r.checked = now.Run.ID
		}
		r.spoilNew(*now.Run, now.Rebuild)
	case before.Run != nil && now.Run == nil:
		r.arrived(*before.Run, now)
	}
}

// isMended judges a view that a walk says it mended. It may be newer by now, or spoiled
// after it was mended.
func (r *rebuilds) isMended(run rebuild.Run, f rebuild.Finding) {
	if r.projected(run.Projection).spoiled[f.Booking] {
		return
	}
	a := r.oracle.streams[f.Booking.Stream()]
	got, err := r.projected(run.Projection).Records(r.ctx, []booking.ID{f.Booking})
	if err != nil || got[f.Booking].Version < f.Wanted {
		r.fail("5: what is mended is right", f.Booking, "version %d, and %s mended it to %d (%v)", got[f.Booking].Version, run.ID, f.Wanted, err)
		return
	}
	want, err := a.models[got[f.Booking].Version].stored(f.Booking)
	if err != nil || got[f.Booking].Digest() != want.Digest() {
		r.fail("5: what is mended is right", f.Booking, "%s mended it to %+v (%v)", run.ID, got[f.Booking], err)
	}
}

// arrived judges a walk that is over.
func (r *rebuilds) arrived(run rebuild.Run, now rebuild.State) {
	all, err := rebuild.ReadAllProgress(r.ctx, r.documents, run)
	counts, findings, over := rebuild.Sum(all)
	switch {
	case err != nil || run.Work == rebuild.Drop || over < run.Segments: // dropped, or aborted
	case counts.Streams < int64(r.asked[run.ID]) || r.calm && counts.Streams > int64(len(r.oracle.order)):
		r.fail("5: a walk meets every stream", "", "%s met %d of %d", run.ID, counts.Streams, r.asked[run.ID])
	}
	if run.Work == rebuild.Drop && over == run.Segments {
		if left, _, err := r.projected(run.Projection).Walk(r.ctx, readmodel.Segment{Of: 1}, "", 1); err != nil || len(left) > 0 {
			r.fail("5: what is dropped is gone", "", "projection %d still has %v (%v)", run.Projection, left, err)
		}
	}
	for _, f := range findings {
		r.tell(string(f.Booking), "%s finds %+v", run.ID, f)
		if f.Kind == rebuild.Orphan || f.Kind == rebuild.StaleLease {
			r.fail("5: nothing is stored that has no stream", f.Booking, "%s found %+v", run.ID, f)
		}
		if f.Mended {
			r.isMended(run, f)
		}
	}
	if now.Audit != nil && run.Work == rebuild.Inspect && counts.Mended > 0 {
		r.reach(auditMended)
	}
}
