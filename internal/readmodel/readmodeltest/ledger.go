package readmodeltest

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Overdue implements readmodel.Ledger.
func (m *Memory) Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, readmodel.Place{}, fmt.Errorf("list overdue bookings: %w: %w", readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	places, next := m.places(q.Limit, func(s stored) (readmodel.Place, bool) {
		due := s.InDeadlines != "" && !s.deadline.Time.After(q.By)
		return s.deadline, due && readmodel.DeadlineShard(s.ID) == q.Shard && compare(s.deadline, q.After) > 0
	}, compare)
	return places, next, nil
}

// Records implements readmodel.Ledger.
func (m *Memory) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("get %d views: %w: %w", len(ids), readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[booking.ID]readmodel.Record{}
	for _, id := range ids {
		if s, ok := m.records[id]; ok {
			s.Body = bytes.Clone(s.Body)
			found[id] = s.Record
		}
	}
	return found, nil
}

// Spoil changes what is stored of a booking behind the store's back, as no part of
// the product does.
func (m *Memory) Spoil(id booking.ID, change func(*readmodel.Record)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.records[id]
	s.Body = bytes.Clone(s.Body)
	change(&s.Record)
	m.records[id] = s
}

// Drop implements readmodel.Ledger.
func (m *Memory) Drop(ctx context.Context, id booking.ID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("drop the view of %s: %w: %w", id, readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	return nil
}

// Walk implements readmodel.Ledger.
func (m *Memory) Walk(ctx context.Context, at readmodel.Segment, after string, limit int) ([]booking.ID, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fmt.Errorf("walk views: %w: %w", readmodel.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []booking.ID
	for id := range m.records {
		h := fnv.New32a()
		_, _ = h.Write([]byte(id))
		if int(h.Sum32())%at.Of == at.Index && string(id) > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) <= limit {
		return ids, "", nil
	}
	return ids[:limit], string(ids[limit-1]), nil
}
