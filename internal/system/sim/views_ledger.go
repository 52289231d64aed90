package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Overdue implements readmodel.Ledger, of an index that lags behind. With nothing that
// is overdue, the answer does not matter.
func (s viewStore) Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error) {
	if found, _, err := s.Ledger.Overdue(ctx, q); err == nil && len(found) == 0 {
		return nil, readmodel.Place{}, nil
	}
	t := taskOf(ctx)
	s.travel(t)
	if s.fate("list overdue", throttled) != none || ctx.Err() != nil {
		return nil, readmodel.Place{}, s.err(ctx, "list overdue")
	}
	if s.strikes(shortPage, "overdue") {
		q.Limit = 1
	}
	return s.Ledger.Overdue(ctx, q)
}

// Records implements readmodel.Ledger.
func (s viewStore) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	t := taskOf(ctx)
	s.travel(t)
	if s.fate("records by "+t.inv.function, throttled) != none || ctx.Err() != nil {
		return nil, s.err(ctx, "records")
	}
	s.waitsForOthers(t, len(ids))
	found, err := s.Ledger.Records(ctx, ids)
	s.travel(t)
	return found, err
}

// Replace implements readmodel.Ledger.
func (s viewStore) Replace(ctx context.Context, v readmodel.View, seen *readmodel.Record) (done bool, err error) {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate("replace by "+t.inv.function, throttled, lostBefore, lostAfter)
	switch {
	case fate == throttled || fate == lostBefore || ctx.Err() != nil:
		return false, s.err(ctx, "replace")
	case s.canary == auditMendsNothing:
		return true, nil
	}
	s.stores(v, func() error {
		done, err = s.Ledger.Replace(s.ctx, v, seen)
		return err
	})
	if done {
		s.reach(viewWasMended)
		s.rebuilds.mendedIn(s.number)
		delete(s.spoiled, v.ID)
	}
	s.travel(t)
	if fate == lostAfter || s.canary == mendedThenNoted && done {
		return false, s.err(ctx, "replace")
	}
	return done, err
}

// Drop implements readmodel.Ledger.
func (s viewStore) Drop(ctx context.Context, id booking.ID) error {
	t := taskOf(ctx)
	s.travel(t)
	if s.fate("drop by "+t.inv.function, throttled) != none || ctx.Err() != nil {
		return s.err(ctx, "drop")
	}
	if s.number == s.active() {
		s.fail("5: what is read is not dropped", id, "%s drops its view of projection %d", t.name, s.number)
	}
	return s.Ledger.Drop(ctx, id)
}

// Walk implements readmodel.Ledger.
func (s viewStore) Walk(ctx context.Context, at readmodel.Segment, after string, limit int) ([]booking.ID, string, error) {
	t := taskOf(ctx)
	s.travel(t)
	if s.fate("walk views", throttled) != none || ctx.Err() != nil {
		return nil, "", s.err(ctx, "walk")
	}
	return s.Ledger.Walk(ctx, at, after, limit)
}
