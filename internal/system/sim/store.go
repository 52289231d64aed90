package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

var errInjected = errors.New("injected by the simulator")

// Faults of every store, of the log and others.
const (
	throttled  fault = "throttled"
	lostBefore fault = "lost before" // the caller does not know, nothing happened
	lostAfter  fault = "lost after"  // the caller does not know, it happened
	late       fault = "late"        // the caller does not know, it is still on its way
	repeated   fault = "repeated"    // the client library repeats what it got no answer to
	contended  fault = "contended"   // another transaction is at the item
	stale      fault = "stale"       // an eventually consistent read
)

func logPart() part {
	return part{
		faults:   odds{throttled: 0.1, lostBefore: 0.1, lostAfter: 0.1, late: 0.05, repeated: 0.2, contended: 0.2, stale: 0.5},
		canaries: logCanaries(),
		wire: func(w *World) error {
			w.truth = eventstest.NewMemory(w.stamp)
			return nil
		},
	}
}

func (w *World) stamp() events.Stamp {
	s := events.Stamp{CommitID: fmt.Sprintf("cm_%06d", w.stamps)}
	copy(s.Salt[:], s.CommitID)
	return s
}

// eventLog is the log as a function sees it: far away.
type eventLog struct{ *World }

var _ events.Store = eventLog{}

// Load implements events.Store: strongly consistent, or not at all.
func (l eventLog) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	t := taskOf(ctx)
	l.counts("load by " + t.inv.function)
	t.inv.loads(id)
	l.travel(t)
	if err := l.reads(ctx, t, "load", string(id)); err != nil {
		return events.History{}, err
	}
	h, err := l.truth.Load(ctx, id)
	if err == nil {
		h, err = l.canaryLoad(h)
	}
	if err == nil && l.behind(t.inv.environment) {
		h, err = l.seenByOlder(h)
	}
	l.travel(t)
	return h, err
}

// Holder implements events.Store.
func (l eventLog) Holder(ctx context.Context, lease string) (events.StreamID, bool, error) {
	t := taskOf(ctx)
	l.travel(t)
	if err := l.reads(ctx, t, "holder", lease); err != nil {
		return "", false, err
	}
	return l.truth.Holder(ctx, lease)
}

func (l eventLog) reads(ctx context.Context, t *task, op, what string) error {
	if l.fate(op+" by "+t.inv.function, throttled) != none {
		l.tell(what, "%s: %s %s is throttled", t.name, op, what)
		return fmt.Errorf("%s %s: %w: %w", op, what, events.ErrUnavailable, errInjected)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s: %w: %w", op, what, events.ErrUnavailable, err)
	}
	return nil
}

// Append implements events.Store.
func (l eventLog) Append(ctx context.Context, at events.Position, draft events.Draft) (events.Appended, error) {
	t := taskOf(ctx)
	l.counts("append by " + t.inv.function)
	l.travel(t)
	l.overtake(t, at, draft)
	draft = l.canaryFact(draft)
	if l.behind(t.inv.environment) {
		draft = l.asOlder(draft)
	}
	possible := []fault{throttled, lostBefore, lostAfter, late, repeated, contended}
	unknown := fmt.Errorf("append to %s: %w: %w", at.Stream(), events.ErrUnavailable, errInjected)
	fate := l.fate("append by "+t.inv.function, possible...)
	if fate != none {
		l.tell(string(at.Stream()), "%s: append at %d: %s", t.name, at.Version(), fate)
	}
	if ctx.Err() != nil {
		return events.Appended{}, fmt.Errorf("append to %s: %w: %w", at.Stream(), events.ErrUnavailable, ctx.Err())
	}
	switch fate {
	case throttled, lostBefore:
		return events.Appended{}, unknown
	case contended:
		l.reach(transactionsMet)
		if draft.Lease.Change == events.LeaseKept {
			l.reach(plainWriteMetOne)
		}
		t.inv.lostRace(at.Stream())
		if l.canary == contendedTakenForDown {
			return events.Appended{}, unknown
		}
		return events.Appended{}, fmt.Errorf("append to %s: %w: %w", at.Stream(), events.ErrConflict, errInjected)
	case late:
		l.later("append", func() {
			if appended, err := l.store(t.name+" (late)", at, draft); err == nil && !appended.Replayed {
				l.reach(appendCameLate)
			}
		})
		return events.Appended{}, unknown
	default:
	}
	appended, err := l.canaryStore(t, at, draft)
	if err == nil && fate == repeated && !appended.Replayed {
		appended, err = l.storeAgain(t, at, draft)
	}
	if errors.Is(err, events.ErrConflict) {
		t.inv.lostRace(at.Stream())
	}
	t.inv.appended = err == nil
	owing := alarmsOf(appended, err)
	l.travel(t)
	t.inv.appended = false
	if err == nil && (fate == lostAfter || ctx.Err() != nil) {
		l.reach(appendWasLostAfter)
		return events.Appended{}, unknown
	}
	t.inv.alarms = append(t.inv.alarms, owing...)
	return appended, err
}

// mostLate is how long something that was sent may be on its way.
const mostLate = 90 * time.Second

// later lets something that a function sent arrive after the function gave up.
func (w *World) later(what string, effect func()) {
	w.arrives(what, time.Duration(1+w.src.pick("late", int(mostLate/time.Second)))*time.Second, effect)
}

// arrives lets it arrive after some time.
func (w *World) arrives(what string, delay time.Duration, effect func()) {
	w.running++
	t := w.sched.newTask("late "+what, nil)
	w.sched.start(t, func(t *task) {
		w.sched.park(t, time.Now().Add(delay))
		w.running--
		effect()
	})
}

// store is what happens to the log itself.
func (w *World) store(by string, at events.Position, draft events.Draft) (events.Appended, error) {
	w.stamps++
	appended, err := w.truth.Append(w.ctx, at, draft)
	switch {
	case err == nil && !appended.Replayed:
		w.tell(string(at.Stream()), "%s: appends %s at %d", by, types(appended.Commit), appended.Commit.Version)
		w.commit(appended.Commit, draft)
	case err == nil:
		w.reach(appendFoundItsCommand)
	case errors.Is(err, events.ErrConflict):
		w.reach(appendLostARace)
	case errors.Is(err, events.ErrLeaseHeld):
		w.reach(driverWasBusy)
	}
	return appended, err
}

func (w *World) commit(c events.Commit, draft events.Draft) {
	w.progressed()
	w.oracle.appended(c, draft)
	r := relay.Record{Stream: c.Stream, Last: c.Last(), Traceparent: c.Trace.Traceparent}
	for _, e := range c.Events {
		r.EventTypes = append(r.EventTypes, e.Type)
		w.src.mixText(e.Type)
	}
	if last := r.EventTypes[len(r.EventTypes)-1]; last == booking.TypeRideCompleted || last == booking.TypeBookingCanceled {
		w.cancelAtTheEnd(c.Stream)
	}
	for _, reader := range w.readers {
		reader.add(r)
	}
}

// storeAgain is the client library's own repeat of a write: the same commit.
func (w *World) storeAgain(t *task, at events.Position, draft events.Draft) (events.Appended, error) {
	w.reach(ownWriteCameTwice)
	if w.canary == ownWriteTakenForRival {
		return events.Appended{}, fmt.Errorf("append to %s: %w", at.Stream(), events.ErrConflict)
	}
	appended, err := w.truth.Append(w.ctx, at, draft) // with the stamp of the first time
	w.tell(string(at.Stream()), "%s: the client library repeats the append", t.name)
	return appended, err
}

func types(c events.Commit) []string {
	var all []string
	for _, e := range c.Events {
		all = append(all, e.Type)
	}
	return all
}
