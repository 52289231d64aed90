package sim

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

const (
	// walkOvertaken is a walk that looks at a view some time after it has read its log.
	walkOvertaken fault = "walk overtaken"
	// spoiledNew is a view of a new projection that a bug has changed before it is checked.
	spoiledNew fault = "spoiled anew"
	// heldLong is an operator who starts a rebuild that is to be held, and leaves for days.
	heldLong fault = "held long"
)

// Bugs of audits and checks.
const (
	failedLoadIsShorter Canary = "a load that fails is taken for a shorter log"
	heldStopsAudits     Canary = "a rebuild that is held or refused stops audits"
	mendedThenNoted     Canary = "a difference is noted after it is mended"
)

// auditIsDue is how long after the last one another audit has begun at the latest: a day, the
// longest that the sweeper rests, and the longest that a walk takes under faults.
const auditIsDue = 40 * time.Hour

func auditsPart() part {
	return part{
		onceAWorld: odds{walkOvertaken: 0.5, spoiledNew: 0.2, heldLong: 0.05},
		canaries:   []Canary{failedLoadIsShorter, heldStopsAudits, mendedThenNoted},
	}
}

// waitsForOthers lets a walk be overtaken between its two reads: the more so where it looks
// at one view again.
func (s viewStore) waitsForOthers(t *task, ids int) {
	if t.inv.function != "rebuild" || ids != 1 && s.src.pick("overtaken page", 8) != 1 {
		return
	}
	if s.strikes(walkOvertaken, "records") {
		s.sched.park(t, time.Now().Add(time.Duration(1+s.src.pick("overtaken", 90))*time.Second))
	}
}

// holdForDays has an operator start a rebuild that is held, and be away for three days.
func (r *rebuilds) holdForDays(t *task) {
	if !r.strikes(heldLong, "operations") {
		return
	}
	err := rebuild.Start(r.ctx, r.documents, time.Now().UTC(), rebuild.Plan{Segments: rebuildSegments}, true)
	r.tell("", "an operator starts a rebuild that is to be held, and leaves: %v", err)
	r.morning = time.Now().Add(3 * 24 * time.Hour)
	r.sched.park(t, r.morning)
	r.isAudited()
}

// forgetfulLog is the log of a worker that takes what it read first for all that there is,
// whenever it loads a stream again.
type forgetfulLog struct {
	eventLog
	read map[events.StreamID]events.History
}

// Load implements events.Store.
func (l forgetfulLog) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	if h, ok := l.read[id]; ok {
		return h, nil
	}
	h, err := l.eventLog.Load(ctx, id)
	if err == nil {
		l.read[id] = h
	}
	return h, err
}

// workersLog is the log of a worker, with a bug if there is to be one.
func (r *rebuilds) workersLog() events.Store {
	if r.canary == failedLoadIsShorter {
		return forgetfulLog{eventLog{r.World}, map[events.StreamID]events.History{}}
	}
	return eventLog{r.World}
}

// restingDirector does nothing while a rebuild waits for an operator.
type restingDirector struct {
	*rebuild.Director
	*World
}

// Run implements sweeper.Pass.
func (d restingDirector) Run(ctx context.Context) (time.Time, error) {
	if b := d.state().Rebuild; b != nil && (b.Phase == rebuild.Held && b.Hold || b.Phase == rebuild.Refused) {
		return time.Time{}, nil
	}
	return d.Director.Run(ctx)
}

// isAudited judges after days in which nobody did anything: audits went on.
func (r *rebuilds) isAudited() {
	s := r.state()
	if s.Rebuild != nil && s.Rebuild.Phase == rebuild.Held {
		r.reach(heldForDays)
	}
	if since := time.Since(r.began); since < auditIsDue {
		return
	}
	if s.Audit == nil || time.Since(s.Audit.Began) > auditIsDue {
		r.fail("5: an audit is due every day", "", "the last one is %+v; the rebuild is %+v", s.Audit, s.Rebuild)
	}
}

// spoilNew changes a view of a new projection that is about to be checked for the first time.
func (r *rebuilds) spoilNew(run rebuild.Run, b *rebuild.Rebuild) {
	if run.Work != rebuild.Check || b.Round != 1 || !r.strikes(spoiledNew, "views") {
		return
	}
	p := r.projected(run.Projection)
	for _, a := range r.oracle.order {
		if _, ok, err := p.Get(r.ctx, a.id); ok && err == nil {
			r.tell(string(a.id), "a bug spoils its view in projection %d", run.Projection)
			p.memory.Spoil(a.id, func(record *readmodel.Record) { record.InRider = "nowhere" })
			p.spoiled[a.id] = true
			return
		}
	}
}

// mendedIn notes a view that a walk has replaced.
func (r *rebuilds) mendedIn(projection int) {
	if run := r.state().Run; run != nil && run.Projection == projection {
		r.replaced[run.ID]++
	}
}

// isClean judges a projection that is about to be read: the last check of it mended nothing.
func (r *rebuilds) isClean() {
	if n := r.replaced[r.checked]; n > 0 {
		r.fail("5: only what needed no mending is read", "", "%s replaced %d views, and was the last", r.checked, n)
	}
}

// withoutNotes returns the progress of a worker that forgets to note what it is going to mend.
func withoutNotes(d control.Document) control.Document {
	p, ok := decoded[rebuild.Progress](d)
	if !ok || p.OpenCount == 0 {
		return d
	}
	p.Open, p.OpenCount = nil, 0
	if body, err := json.Marshal(p, json.Deterministic(true)); err == nil {
		d.Body = body
	}
	return d
}
