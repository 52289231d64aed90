// Package readmodeltest holds an in-memory readmodel.Store and the contract that
// every store of views passes.
package readmodeltest

import (
	"context"
	"fmt"
	"sync"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Memory is a readmodel.Store in memory. The zero value is ready to use.
type Memory struct {
	mu    sync.Mutex
	views map[booking.ID]stored
}

type stored struct {
	version int64
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
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.views == nil {
		m.views = map[booking.ID]stored{}
	}
	if m.views[v.ID].version < v.Version {
		m.views[v.ID] = stored{version: v.Version, raw: raw}
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
