package sim

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// documentStore is the control documents as a function sees them: far away.
type documentStore struct{ *World }

var _ control.Store = documentStore{}

func (s documentStore) unavailable(what, id string) error {
	return fmt.Errorf("%s %s: %w: %w", what, id, control.ErrUnavailable, errInjected)
}

// Get implements control.Store: strongly consistent, or not at all. Where a pass of
// the sweeper goes on concerns nobody else, and so takes no time.
func (s documentStore) Get(ctx context.Context, id string) (control.Document, error) {
	t := taskOf(ctx)
	own := strings.HasPrefix(id, "sweeper/")
	if !own {
		s.counts("document by " + t.inv.function)
	}
	if !own {
		s.travel(t)
	}
	if s.fate("get document by "+t.inv.function, throttled) != none {
		return control.Document{}, s.unavailable("get", id)
	}
	d, err := s.documents.Get(ctx, id)
	if !own {
		s.travel(t)
	}
	return d, err
}

// Put implements control.Store.
func (s documentStore) Put(ctx context.Context, id string, d control.Document) error {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate("put document by "+t.inv.function, throttled, lostBefore, lostAfter, late, repeated, contended)
	d = s.rebuilds.canaryPut(id, d)
	switch {
	case fate == throttled || fate == lostBefore || ctx.Err() != nil:
		return s.unavailable("put", id)
	case fate == contended:
		return fmt.Errorf("put %s: %w: %w", id, control.ErrConflict, errInjected)
	case fate == late:
		s.later("document", func() { _ = s.happens(id, d) })
		return s.unavailable("put", id)
	}
	err := s.happens(id, d)
	if fate == repeated { // by the client library, which got no answer to the first
		err = s.happens(id, d)
	}
	s.travel(t)
	if fate == lostAfter {
		return s.unavailable("put", id)
	}
	return err
}

// happens lets a write come about, and judges it.
func (s documentStore) happens(id string, d control.Document) error {
	before := s.state()
	err := s.documents.Put(s.ctx, id, d)
	if err == nil && id == readmodel.ProjectionDocument {
		s.rebuilds.moved(before, s.state())
	}
	return err
}

// known is the state of projections as it was at a revision of its document.
type known struct {
	rebuild.State
	revision int64
}

// state is which projections there are, and what is done about them.
func (w *World) state() rebuild.State {
	d, err := w.documents.Get(w.ctx, readmodel.ProjectionDocument)
	if err == nil && d.Revision != w.projections.revision {
		w.projections.revision = d.Revision
		w.projections.State, _, err = rebuild.ReadState(w.ctx, w.documents)
	}
	if err != nil {
		w.fail("the state of projections can be read", "", "%v", err)
	}
	return w.projections.State
}

// active is the projection that is read.
func (w *World) active() int { return w.state().Active }

// decoded reads a document.
func decoded[T any](d control.Document) (v T, ok bool) { return v, json.Unmarshal(d.Body, &v) == nil }
