package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

// auditEvery is how often every view is compared with its fold.
const auditEvery = 24 * time.Hour

// repairPasses are the sweeper's passes over what is overdue and what was missed, as
// its main wires them.
func (w *World) repairPasses(env *environment) []sweeper.Pass {
	debts := repair.Debts{Work: workStore{w.deferred}, Now: env.now}
	documents := documentStore{w}
	return []sweeper.Pass{
		&repair.Deadlines{
			List: viewStore{w}, Bookings: w.service(), Debts: debts, Projection: repairs{sender{w.projection}}, Control: documents, Now: env.now, Log: w.log(),
		},
		&repair.Firsts{
			Commits: firstCommits{w}, Views: viewStore{w}, Projection: repairs{sender{w.projection}}, Debts: debts, Bookings: w.service(),
			Control: documents, Now: env.now, Log: w.log(),
		},
		&audit{World: w},
	}
}

// repairs is the projection queue as the passes see it.
type repairs struct{ sender }

// Send implements queue.Sender.
func (r repairs) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	r.reach(viewWasMissed)
	return r.sender.Send(ctx, hints)
}

// Overdue implements repair.DeadlineList. What waits for nothing is answered at once:
// nothing could come between.
func (s viewStore) Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error) {
	places, next, err := s.shown.Overdue(ctx, q)
	if err != nil || len(places) == 0 {
		return places, next, err
	}
	t := taskOf(ctx)
	s.travel(t)
	if s.fate("list overdue", throttled) != none || ctx.Err() != nil {
		return nil, readmodel.Place{}, s.err(ctx, "list overdue bookings")
	}
	return places, next, nil
}

// Records implements repair.StoredViews.
func (s viewStore) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	t := taskOf(ctx)
	s.travel(t)
	if s.fate("get views", throttled) != none || ctx.Err() != nil {
		return nil, s.err(ctx, "get views")
	}
	return s.shown.Records(ctx, ids)
}

// firstCommits is the list of new bookings as the sweeper sees it.
type firstCommits struct{ *World }

// Firsts implements repair.FirstCommits.
func (f firstCommits) Firsts(ctx context.Context, q events.FirstsQuery) ([]events.First, events.First, error) {
	found, next, err := f.truth.Firsts(ctx, q)
	if err != nil || len(found) == 0 {
		return found, next, err
	}
	t := taskOf(ctx)
	f.travel(t)
	if f.fate("list first commits", throttled) != none || ctx.Err() != nil {
		return nil, events.First{}, fmt.Errorf("first commits: %w: %w", events.ErrUnavailable, errInjected)
	}
	return found, next, nil
}

// documentStore is the store of control documents as a function sees it.
type documentStore struct{ *World }

var _ control.Store = documentStore{}

func (s documentStore) call(ctx context.Context, what string, op func() error, possible ...fault) error {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate(what, possible...)
	if fate == throttled || fate == lostBefore || ctx.Err() != nil {
		return fmt.Errorf("%s: %w: %w", what, control.ErrUnavailable, errInjected)
	}
	err := op()
	if fate == lostAfter {
		return fmt.Errorf("%s: %w: %w", what, control.ErrUnavailable, errInjected)
	}
	return err
}

// Get implements control.Store.
func (s documentStore) Get(ctx context.Context, id string) (d control.Document, err error) {
	err = s.call(ctx, "get document", func() error {
		d, err = s.documents.Get(s.ctx, id)
		return err
	}, throttled)
	return d, err
}

// Put implements control.Store.
func (s documentStore) Put(ctx context.Context, id string, d control.Document) error {
	return s.call(ctx, "put document", func() error { return s.documents.Put(s.ctx, id, d) }, throttled, lostBefore, lostAfter)
}

// audit stands in for the daily comparison of every view with its fold. It knows which
// records the stream lost; what else is owed because of that, the passes find by the
// view that it has made.
type audit struct {
	*World
	last time.Time
}

// Name implements sweeper.Pass.
func (*audit) Name() string { return "audit" }

// Run implements sweeper.Pass.
func (a *audit) Run(ctx context.Context) (again time.Time, err error) {
	if a.last.IsZero() {
		a.last = time.Now()
	}
	a.lost = slices.DeleteFunc(a.lost, func(id events.StreamID) bool { return a.oracle.unsettled(a.oracle.streams[id]) == "" })
	if len(a.lost) == 0 || time.Since(a.last) < auditEvery {
		return time.Time{}, nil
	}
	var hints []queue.Hint
	for _, id := range a.lost {
		hints = append(hints, queue.NewHint(id, a.oracle.streams[id].state.Version, ""))
	}
	if _, err := (sender{a.projection}).Send(ctx, hints); err != nil {
		return time.Time{}, err
	}
	a.last = time.Now()
	return time.Time{}, nil
}
