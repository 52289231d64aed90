package readmodel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// counting is a store of documents that counts its reads and may be away.
type counting struct {
	controltest.Memory
	reads int
	err   error
}

func (c *counting) Get(ctx context.Context, id string) (control.Document, error) {
	c.reads++
	if c.err != nil {
		return control.Document{}, c.err
	}
	return c.Memory.Get(ctx, id)
}

// live is a store of views whose pointer looks at a clock of the test's own.
func live(documents control.Store, now *time.Time) (*readmodel.Live, map[int]*readmodeltest.Memory) {
	projections := map[int]*readmodeltest.Memory{}
	return &readmodel.Live{
		Pointer: &readmodel.Pointer{Control: documents, Now: func() time.Time { return *now }},
		In: func(n int) readmodel.Ledger {
			if projections[n] == nil {
				projections[n] = &readmodeltest.Memory{}
			}
			return projections[n]
		},
	}, projections
}

func setProjections(t *testing.T, s control.Store, p readmodel.Projections, revision int64) {
	t.Helper()
	if err := control.Write(t.Context(), s, readmodel.ProjectionDocument, p, revision); err != nil {
		t.Fatal(err)
	}
}

func TestNewsGoToEveryProjectionThatIsFed(t *testing.T) {
	t.Parallel()
	now, documents := start, &counting{}
	views, projections := live(documents, &now)
	put := func(version int64) {
		t.Helper()
		if err := views.Put(t.Context(), readmodeltest.View(id, version)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(projection int, want int64) {
		t.Helper()
		var got int64
		if m := projections[projection]; m != nil {
			v, _, err := m.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			got = v.Version
		}
		if got != want {
			t.Errorf("projection %d has version %d, want %d", projection, got, want)
		}
	}
	put(1)
	holds(1, 1)

	setProjections(t, documents, readmodel.Projections{Active: 1, Feeding: 2}, 0)
	put(2) // still with what was read before
	holds(2, 0)
	now = now.Add(readmodel.PointerTTL)
	put(3)
	holds(1, 3)
	holds(2, 3)

	setProjections(t, documents, readmodel.Projections{Active: 2, Feeding: 1}, 1)
	now = now.Add(readmodel.PointerTTL)
	put(4)
	holds(1, 4)
	holds(2, 4)
	setProjections(t, documents, readmodel.Projections{Active: 2}, 2)
	now = now.Add(readmodel.PointerTTL)
	put(5)
	holds(1, 4)
	if v, ok, err := views.Get(t.Context(), id); v.Version != 5 || !ok || err != nil {
		t.Errorf("read version %d, %v, %v; want 5", v.Version, ok, err)
	}
}

func TestThePointerIsReadOnceInAWhile(t *testing.T) {
	t.Parallel()
	now, documents := start, &counting{}
	views, _ := live(documents, &now)
	for range 5 {
		if _, _, err := views.Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		now = now.Add(readmodel.PointerTTL / 4)
	}
	if documents.reads != 2 {
		t.Errorf("%d reads in 1 ¼ times its life, want 2", documents.reads)
	}
	now = now.Add(-time.Hour) // the clock was set back: how old it is cannot be told
	if _, _, err := views.Get(t.Context(), id); err != nil || documents.reads != 3 {
		t.Errorf("%d reads (%v), want 3", documents.reads, err)
	}
}

// Without a pointer nothing is written or read: a guess could leave a hole in a new
// projection, or a list empty that is not.
func TestWithoutAPointerViewsAreUnavailable(t *testing.T) {
	t.Parallel()
	now, documents := start, &counting{err: control.ErrUnavailable}
	views, projections := live(documents, &now)
	_, _, get := views.Get(t.Context(), id)
	_, _, rider := views.ByRider(t.Context(), readmodeltest.Rider(), readmodel.Place{}, 1)
	_, _, waiting := views.Waiting(t.Context(), readmodel.Place{}, 1)
	_, records := views.Records(t.Context(), nil)
	_, _, overdue := views.Overdue(t.Context(), readmodel.OverdueQuery{Limit: 1})
	for what, err := range map[string]error{
		"put": views.Put(t.Context(), readmodeltest.View(id, 1)), "get": get, "a rider's list": rider, "the waiting list": waiting, "overdue": overdue, "records": records,
	} {
		if !errors.Is(err, readmodel.ErrUnavailable) || !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", what, err)
		}
	}
	if len(projections) != 0 {
		t.Errorf("projections were used: %v", projections)
	}
}

// A put that did not get everywhere has failed: the hint comes again.
func TestAHalfPutIsAnError(t *testing.T) {
	t.Parallel()
	now, documents := start, &counting{}
	setProjections(t, documents, readmodel.Projections{Active: 1, Feeding: 2}, 0)
	views, _ := live(documents, &now)
	in, full := views.In, errors.New("full")
	views.In = func(n int) readmodel.Ledger {
		if n == 2 {
			return refusing{in(n), full}
		}
		return in(n)
	}
	if err := views.Put(t.Context(), readmodeltest.View(id, 1)); !errors.Is(err, full) {
		t.Errorf("put: %v, want the error of the second projection", err)
	}
	if v, _, err := views.Get(t.Context(), id); v.Version != 1 || err != nil {
		t.Errorf("the first has version %d (%v), want 1", v.Version, err)
	}
}

type refusing struct {
	readmodel.Ledger
	err error
}

func (r refusing) Put(context.Context, readmodel.View) error { return r.err }
