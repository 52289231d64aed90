package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// shortPage is a page that is cut off early, by its size for instance.
const shortPage fault = "short page"

// spoiled is a view that a hand or a bug has changed, where only an audit looks.
const spoiled fault = "spoiled"

func viewsPart() part {
	return part{
		faults: odds{shortPage: 0.5}, onceAWorld: odds{spoiled: 0.2}, canaries: []Canary{viewWrittenBlindly, listOfEverybody, listEndsEarly},
		wire: func(w *World) error {
			w.views, w.documents = map[int]*projected{}, &controltest.Memory{}
			w.spoilOne()
			return nil
		},
	}
}

// projected is what is stored of one projection.
type projected struct {
	readmodel.Ledger
	memory *readmodeltest.Memory
	older  map[booking.ID][]readmodel.View // what was stored before
	// spoiled are views that a hand has changed, and nobody has written since.
	spoiled map[booking.ID]bool
}

// projection returns what is stored of a projection, nothing at first.
func (w *World) projected(n int) *projected {
	if w.views[n] == nil {
		m := &readmodeltest.Memory{}
		p := &projected{Ledger: m, memory: m, older: map[booking.ID][]readmodel.View{}, spoiled: map[booking.ID]bool{}}
		if w.canary == viewWrittenBlindly || w.canary == streamOrderTrusted {
			blind := &blindViews{}
			p.Ledger, p.memory = blind, &blind.Memory
		}
		w.views[n] = p
	}
	return w.views[n]
}

// spoilOne has a view be spoiled some time, in many worlds.
func (w *World) spoilOne() {
	if !w.strikes(spoiled, "views") {
		return
	}
	t := w.sched.newTask("a hand", nil)
	after := time.Duration(1+w.src.pick("spoiled after", 120)) * time.Minute
	w.sched.start(t, func(t *task) {
		w.sched.park(t, time.Now().Add(after))
		for _, a := range w.oracle.order {
			p := w.projected(w.active())
			if _, ok, err := p.Get(w.ctx, a.id); ok && err == nil {
				w.tell(string(a.id), "somebody spoils its view")
				p.memory.Spoil(a.id, func(r *readmodel.Record) { r.InRider = "nowhere" })
				p.spoiled[a.id] = true
				w.lost = append(w.lost, a.id.Stream()) // until an audit finds it
				return
			}
		}
	})
}

// live is the views as a function uses them, in one of its environments.
func (w *World) live(env *environment) *readmodel.Live {
	now := env.now
	if began := time.Now(); w.canary == pointerNeverRead && env.function == "projector" {
		now = func() time.Time { return began } // what it knows is never old
	}
	return &readmodel.Live{
		Pointer: &readmodel.Pointer{Control: documentStore{w}, Now: now},
		In:      func(n int) readmodel.Ledger { return viewStore{w, w.projected(n), n} },
	}
}

// viewStore is a projection as a function sees it: far away, and sometimes not up to
// date.
type viewStore struct {
	*World
	*projected
	number int
}

var _ readmodel.Ledger = viewStore{}

func (s viewStore) err(ctx context.Context, what string) error {
	cause := errInjected
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	return fmt.Errorf("%s: %w: %w", what, readmodel.ErrUnavailable, cause)
}

// Put implements readmodel.Store.
func (s viewStore) Put(ctx context.Context, v readmodel.View) error {
	t := taskOf(ctx)
	s.travel(t)
	s.counts("put by " + t.inv.function)
	fate := s.fate("put by "+t.inv.function, throttled, lostBefore, lostAfter, late)
	if fate != none {
		s.tell(string(v.ID), "%s: put view %d: %s", t.name, v.Version, fate)
	}
	switch {
	case fate == throttled || fate == lostBefore || ctx.Err() != nil:
		return s.err(ctx, "put")
	case fate == late:
		s.later("view", func() { s.show(v) })
		return s.err(ctx, "put")
	}
	s.show(v)
	s.travel(t)
	if fate == lostAfter {
		return s.err(ctx, "put")
	}
	return nil
}

// show is what happens to the view itself.
func (s viewStore) show(v readmodel.View) {
	s.stores(v, func() error { return s.Ledger.Put(s.ctx, v) })
}

// stores lets a write of a view come about, and judges it.
func (s viewStore) stores(v readmodel.View, write func() error) {
	old, known, err := s.Ledger.Get(s.ctx, v.ID)
	if err == nil {
		err = write()
	}
	if err != nil {
		s.fail("views are readable", v.ID, "%v", err)
		return
	}
	now, _, err := s.Ledger.Get(s.ctx, v.ID)
	if err != nil {
		s.fail("views are readable", v.ID, "%v", err)
		return
	}
	if known && now.Version == old.Version {
		s.reach(viewWasNewer)
	} else {
		s.progressed()
		s.older[v.ID] = append(s.older[v.ID], old)
		delete(s.spoiled, v.ID)
	}
	s.oracle.viewPut(old, now)
	if s.number == s.active() {
		s.oracle.shows(v.ID, now.Version)
	}
}

// Get implements readmodel.Store: eventually consistent.
func (s viewStore) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	t := taskOf(ctx)
	s.travel(t)
	s.counts("get by " + t.inv.function)
	fate := s.fate("get view", throttled, stale)
	if fate == throttled || ctx.Err() != nil {
		s.reach(viewStoreWasAway)
		return readmodel.View{}, false, s.err(ctx, "get")
	}
	v, ok, err := s.Ledger.Get(ctx, id)
	if fate == stale && ok {
		s.reach(viewWasStale)
		v = s.before(v)
		ok = v.Version > 0
	}
	s.travel(t)
	if ok && s.meetsNewerForm(t, id) {
		return readmodel.View{}, false, readmodel.ErrUnreadable
	}
	return v, ok, err
}

// before returns the view as it was one write ago, which is none for the first.
func (s viewStore) before(v readmodel.View) readmodel.View {
	old := s.older[v.ID]
	if len(old) == 0 {
		return readmodel.View{}
	}
	return old[len(old)-1]
}

// ByRider implements readmodel.Store.
func (s viewStore) ByRider(ctx context.Context, rider booking.RiderID, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return s.list(ctx, limit, func(limit int) ([]readmodel.View, readmodel.Place, error) {
		if s.canary == listOfEverybody {
			return s.Ledger.Waiting(ctx, after, limit)
		}
		return s.Ledger.ByRider(ctx, rider, after, limit)
	})
}

// Waiting implements readmodel.Store.
func (s viewStore) Waiting(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return s.list(ctx, limit, func(limit int) ([]readmodel.View, readmodel.Place, error) {
		return s.Ledger.Waiting(ctx, after, limit)
	})
}

// list reads an index, and then views that may be older than it.
func (s viewStore) list(
	ctx context.Context, limit int, find func(limit int) ([]readmodel.View, readmodel.Place, error),
) ([]readmodel.View, readmodel.Place, error) {
	t := taskOf(ctx)
	s.travel(t)
	s.counts("list by " + t.inv.function)
	fate := s.fate("list", throttled, stale)
	if fate == throttled || ctx.Err() != nil {
		return nil, readmodel.Place{}, s.err(ctx, "list")
	}
	short := limit > 1 && s.strikes(shortPage, "list")
	if short {
		limit = 1 + s.src.pick("length of a page", limit-1)
		s.reach(pageWasShort)
	}
	found, next, err := find(limit)
	if short && s.canary == listEndsEarly {
		next = readmodel.Place{}
	}
	s.travel(t)
	if err != nil {
		return nil, readmodel.Place{}, err
	}
	if fate == stale {
		var seen []readmodel.View
		for _, v := range found {
			if old := s.before(v); old.Version > 0 {
				seen = append(seen, old)
			}
		}
		found = seen
	}
	found, err = s.asRead(t, found)
	return found, next, err
}
