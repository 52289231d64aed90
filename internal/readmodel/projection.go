package readmodel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
)

// Projections says which projections there are: the numbers of the whole sets of
// views that are kept side by side while the views are rebuilt.
type Projections struct {
	// Active is what queries read.
	Active int `json:"active"`
	// Feeding is kept up to date beside it; 0 for none.
	Feeding int `json:"feeding,omitzero"`
}

// Fed returns the projections that every news is written to.
func (p Projections) Fed() []int {
	if p.Feeding == 0 {
		return []int{p.Active}
	}
	return []int{p.Active, p.Feeding}
}

// FirstProjection is the one that there is before any rebuild.
const FirstProjection = 1

// ProjectionDocument is the control document that holds the Projections, and more
// that is the rebuild's.
const ProjectionDocument = "projection"

// PointerTTL is how long an environment goes on with the Projections that it read.
// A rebuild waits longer than that wherever it matters.
const PointerTTL = 10 * time.Second

// Pointer knows the Projections, and reads them again when they have grown old. It
// is safe for concurrent use.
type Pointer struct {
	Control control.Store
	// Now is the wall clock.
	Now func() time.Time

	mu     sync.Mutex
	known  Projections
	readAt time.Time
}

// Current returns the Projections as they were at most PointerTTL ago. It returns
// ErrUnavailable when they could not be read: whoever went on with older ones
// could leave a hole in a new projection, or read one that is gone.
func (p *Pointer) Current(ctx context.Context) (Projections, error) {
	// Without its monotonic part: that one may stand still while an environment is
	// frozen.
	now := p.Now().Round(0)
	p.mu.Lock()
	known, age := p.known, now.Sub(p.readAt)
	p.mu.Unlock()
	if known.Active != 0 && age >= 0 && age < PointerTTL {
		return known, nil
	}
	// Not under the lock: several may read at the same time, and none waits for
	// another's call.
	read, err := ReadProjections(ctx, p.Control)
	if err != nil {
		return Projections{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.readAt = read, now
	return read, nil
}

// ReadProjections returns the Projections as they are.
func ReadProjections(ctx context.Context, s control.Store) (Projections, error) {
	read, revision, err := control.Read[Projections](ctx, s, ProjectionDocument)
	if err != nil {
		return Projections{}, fmt.Errorf("which projection is active: %w: %w", ErrUnavailable, err)
	}
	if revision == 0 {
		read.Active = FirstProjection
	}
	return read, nil
}

// Live is the store of views as everybody but a rebuild and an audit uses it: it
// reads the active projection and writes all that are fed.
type Live struct {
	Pointer *Pointer
	// In returns the store of one projection.
	In func(projection int) Ledger
}

var _ Store = (*Live)(nil)

// Put implements Store. The pointer is asked after v was folded: an environment
// that does not know of a projection yet has folded what its rebuild, which begins
// later, is going to read.
func (l *Live) Put(ctx context.Context, v View) error {
	now, err := l.Pointer.Current(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range now.Fed() {
		errs = append(errs, l.In(n).Put(ctx, v))
	}
	return errors.Join(errs...)
}

// Get implements Store.
func (l *Live) Get(ctx context.Context, id booking.ID) (View, bool, error) {
	s, err := l.active(ctx)
	if err != nil {
		return View{}, false, err
	}
	return s.Get(ctx, id)
}

// ByRider implements Store.
func (l *Live) ByRider(ctx context.Context, rider booking.RiderID, after Place, limit int) ([]View, Place, error) {
	s, err := l.active(ctx)
	if err != nil {
		return nil, Place{}, err
	}
	return s.ByRider(ctx, rider, after, limit)
}

// Waiting implements Store.
func (l *Live) Waiting(ctx context.Context, after Place, limit int) ([]View, Place, error) {
	s, err := l.active(ctx)
	if err != nil {
		return nil, Place{}, err
	}
	return s.Waiting(ctx, after, limit)
}

// Overdue returns what Ledger.Overdue says of the active projection.
func (l *Live) Overdue(ctx context.Context, q OverdueQuery) ([]Place, Place, error) {
	s, err := l.active(ctx)
	if err != nil {
		return nil, Place{}, err
	}
	return s.Overdue(ctx, q)
}

// Records returns what Ledger.Records says of the active projection.
func (l *Live) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]Record, error) {
	s, err := l.active(ctx)
	if err != nil {
		return nil, err
	}
	return s.Records(ctx, ids)
}

func (l *Live) active(ctx context.Context) (Ledger, error) {
	now, err := l.Pointer.Current(ctx)
	if err != nil {
		return nil, err
	}
	return l.In(now.Active), nil
}
