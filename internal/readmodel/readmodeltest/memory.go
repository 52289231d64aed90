// Package readmodeltest holds an in-memory readmodel.Store and the contract that
// every store of views passes.
package readmodeltest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Memory is a readmodel.Store in memory. The zero value is ready to use.
type Memory struct {
	mu    sync.Mutex
	views map[booking.ID]stored
}

// stored is a view as bytes, and what its indexes know of it.
type stored struct {
	version int64
	rider   string
	inRider readmodel.Place
	waiting readmodel.Place
	raw     []byte
}

var _ readmodel.Store = (*Memory)(nil)

// Put implements readmodel.Store.
func (m *Memory) Put(ctx context.Context, v readmodel.View) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put the view of %s: %w: %w", v.ID, readmodel.ErrUnavailable, err)
	}
	raw, err := v.Encode()
	if err != nil {
		return err
	}
	waiting, _ := v.InWaitingList()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.views == nil {
		m.views = map[booking.ID]stored{}
	}
	if m.views[v.ID].version < v.Version {
		m.views[v.ID] = stored{version: v.Version, rider: v.RiderID, inRider: v.InRiderList(), waiting: waiting, raw: raw}
	}
	return nil
}

// Get implements readmodel.Store.
func (m *Memory) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	if err := ctx.Err(); err != nil {
		return readmodel.View{}, false, fmt.Errorf("get the view of %s: %w: %w", id, readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.views[id]
	if !ok {
		return readmodel.View{}, false, nil
	}
	v, err := readmodel.Decode(s.raw)
	return v, err == nil, err
}

// ByRider implements readmodel.Store.
func (m *Memory) ByRider(ctx context.Context, riderID string, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return m.list(ctx, limit, func(s stored) (readmodel.Place, bool) {
		older := after == readmodel.Place{} || compare(s.inRider, after) < 0
		return s.inRider, s.rider == riderID && older
	}, func(a, b readmodel.Place) int { return compare(b, a) })
}

// Waiting implements readmodel.Store.
func (m *Memory) Waiting(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return m.list(ctx, limit, func(s stored) (readmodel.Place, bool) {
		return s.waiting, s.waiting.Time != time.Time{} && compare(s.waiting, after) > 0
	}, compare)
}

func compare(a, b readmodel.Place) int { return cmp.Compare(a.String(), b.String()) }

// list returns the first views of those that pick knows a place for, in order.
func (m *Memory) list(ctx context.Context, limit int, pick func(stored) (readmodel.Place, bool), order func(a, b readmodel.Place) int) ([]readmodel.View, readmodel.Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, readmodel.Place{}, fmt.Errorf("list views: %w: %w", readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[readmodel.Place]stored{}
	for _, s := range m.views {
		if at, ok := pick(s); ok {
			found[at] = s
		}
	}
	places := slices.SortedFunc(maps.Keys(found), order)
	var views []readmodel.View
	for i, at := range places {
		if i == limit {
			return views, places[i-1], nil
		}
		v, err := readmodel.Decode(found[at].raw)
		if err != nil {
			return nil, readmodel.Place{}, err
		}
		views = append(views, v)
	}
	return views, readmodel.Place{}, nil
}
