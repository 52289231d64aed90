package sim

import (
	"context"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/repair"
)

// shortPage is a page that is cut off early, by its size for instance.
const shortPage fault = "short page"

func viewsPart() part {
	return part{faults: odds{shortPage: 0.5}, canaries: []Canary{viewWrittenBlindly, listOfEverybody}, wire: func(w *World) error {
		w.shown, w.older = &readmodeltest.Memory{}, map[booking.ID][]readmodel.View{}
		if w.canary == viewWrittenBlindly || w.canary == streamOrderTrusted {
			w.shown = &blindViews{}
		}
		return nil
	}}
}

// views is the store itself: near, and always there.
type views interface {
	readmodel.Store
	repair.DeadlineList
	repair.StoredViews
}

// viewStore is the store of views as a function sees it: far away, and sometimes
// not up to date.
type viewStore struct{ *World }

var _ readmodel.Store = viewStore{}

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
	old, known, err := s.shown.Get(s.ctx, v.ID)
	if err == nil {
		err = s.shown.Put(s.ctx, v)
	}
	if err != nil {
		s.fail("views are readable", v.ID, "%v", err)
		return
	}
	now, _, err := s.shown.Get(s.ctx, v.ID)
	if err != nil {
		s.fail("views are readable", v.ID, "%v", err)
		return
	}
	if known && now.Version == old.Version {
		s.reach(viewWasNewer)
	} else {
		s.progressed()
		s.older[v.ID] = append(s.older[v.ID], old)
	}
	s.oracle.viewPut(old, now)
}

// Get implements readmodel.Store: eventually consistent.
func (s viewStore) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate("get view", throttled, stale)
	if fate == throttled || ctx.Err() != nil {
		s.reach(viewStoreWasAway)
		return readmodel.View{}, false, s.err(ctx, "get")
	}
	v, ok, err := s.shown.Get(ctx, id)
	if fate == stale && ok {
		s.reach(viewWasStale)
		v = s.before(v)
		ok = v.Version > 0
	}
	s.travel(t)
	return v, ok, err
}

// before returns the view as it was one write ago, which is none for the first.
func (s viewStore) before(v readmodel.View) readmodel.View {
	old := s.older[v.ID]
	return old[len(old)-1]
}

// ByRider implements readmodel.Store.
func (s viewStore) ByRider(ctx context.Context, riderID string, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return s.list(ctx, limit, func(limit int) ([]readmodel.View, readmodel.Place, error) {
		if s.canary == listOfEverybody {
			return s.shown.Waiting(ctx, after, limit)
		}
		return s.shown.ByRider(ctx, riderID, after, limit)
	})
}

// Waiting implements readmodel.Store.
func (s viewStore) Waiting(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return s.list(ctx, limit, func(limit int) ([]readmodel.View, readmodel.Place, error) {
		return s.shown.Waiting(ctx, after, limit)
	})
}

// list reads an index, and then views that may be older than it.
func (s viewStore) list(
	ctx context.Context, limit int, find func(limit int) ([]readmodel.View, readmodel.Place, error),
) ([]readmodel.View, readmodel.Place, error) {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate("list", throttled, stale)
	if fate == throttled || ctx.Err() != nil {
		return nil, readmodel.Place{}, s.err(ctx, "list")
	}
	if limit > 1 && s.strikes(shortPage, "list") {
		limit = 1 + s.src.pick("length of a page", limit-1)
		s.reach(pageWasShort)
	}
	found, next, err := find(limit)
	s.travel(t)
	if fate != stale {
		return found, next, err
	}
	var seen []readmodel.View
	for _, v := range found {
		if old := s.before(v); old.Version > 0 {
			seen = append(seen, old)
		}
	}
	return seen, next, err
}
