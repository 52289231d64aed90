// Package readmodeltest holds an in-memory readmodel.Store and the contract that
// every store of views passes.
package readmodeltest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Memory is a readmodel.Ledger in memory. The zero value is ready to use.
type Memory struct {
	mu      sync.Mutex
	records map[booking.ID]stored
}

// stored is a view as bytes, and where its lists have it.
type stored struct {
	readmodel.Record
	inRider, waiting, deadline readmodel.Place
}

var _ readmodel.Ledger = (*Memory)(nil)

// Put implements readmodel.Store.
func (m *Memory) Put(ctx context.Context, v readmodel.View) error {
	_, err := m.put(ctx, v, func(old stored) bool { return old.Version < v.Version })
	return err
}

// Replace implements readmodel.Ledger.
func (m *Memory) Replace(ctx context.Context, v readmodel.View, seen *readmodel.Record) (bool, error) {
	return m.put(ctx, v, func(old stored) bool {
		if seen == nil {
			return old.Version == 0
		}
		return old.Version == seen.Version && bytes.Equal(old.Body, seen.Body)
	})
}

func (m *Memory) put(ctx context.Context, v readmodel.View, condition func(old stored) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("put the view of %s: %w: %w", v.ID, readmodel.ErrUnavailable, err)
	}
	r, err := readmodel.RecordOf(v)
	if err != nil {
		return false, err
	}
	s := stored{Record: r, inRider: v.InRiderList()}
	s.waiting, _ = v.InWaitingList()
	s.deadline, _ = v.InDeadlineList()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !condition(m.records[v.ID]) {
		return false, nil
	}
	if m.records == nil {
		m.records = map[booking.ID]stored{}
	}
	m.records[v.ID] = s
	return true, nil
}

// Get implements readmodel.Store.
func (m *Memory) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	if err := ctx.Err(); err != nil {
		return readmodel.View{}, false, fmt.Errorf("get the view of %s: %w: %w", id, readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.records[id]
	if !ok {
		return readmodel.View{}, false, nil
	}
	v, err := readmodel.Decode(s.Body)
	return v, err == nil, err
}

// ByRider implements readmodel.Store.
func (m *Memory) ByRider(ctx context.Context, rider booking.RiderID, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	return m.list(ctx, limit, func(s stored) (readmodel.Place, bool) {
		older := after == readmodel.Place{} || compare(s.inRider, after) < 0
		return s.inRider, s.Rider == string(rider) && older
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
	places, next := m.places(limit, pick, order)
	var views []readmodel.View
	for _, at := range places {
		v, err := readmodel.Decode(m.records[at.ID].Body)
		if err != nil {
			v = readmodel.Unreadable(at.ID)
		}
		views = append(views, v)
	}
	return views, next, nil
}

// places returns the first places of those that pick knows, in order.
func (m *Memory) places(limit int, pick func(stored) (readmodel.Place, bool), order func(a, b readmodel.Place) int) (places []readmodel.Place, next readmodel.Place) {
	for _, s := range m.records {
		if at, ok := pick(s); ok {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, order)
	if len(places) <= limit {
		return places, readmodel.Place{}
	}
	return places[:limit], places[limit-1]
}
