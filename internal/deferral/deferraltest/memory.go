package deferraltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Memory is a store in memory. Its zero value is empty and ready for use.
type Memory struct {
	mu    sync.Mutex
	items map[booking.ID]deferral.Item
	revs  int64
}

var _ deferral.Store = (*Memory)(nil)

// Items returns a copy of all items, those that wait longest first.
func (m *Memory) Items() []deferral.Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]deferral.Item, 0, len(m.items))
	for _, item := range m.items {
		all = append(all, item)
	}
	slices.SortFunc(all, func(a, b deferral.Item) int { return compare(a.Place(), b.Place()) })
	return all
}

func compare(a, b deferral.Place) int {
	return cmp.Or(a.Next.Compare(b.Next), cmp.Compare(a.Booking, b.Booking))
}

// change runs an operation on the item of a booking, which it may replace, delete
// by returning ok false, or leave.
func (m *Memory) change(ctx context.Context, what string, id booking.ID, op func(item deferral.Item, found bool) (deferral.Item, bool, error)) (deferral.Item, error) {
	if err := ctx.Err(); err != nil {
		return deferral.Item{}, fmt.Errorf("%s %s: %w: %w", what, id, deferral.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before, found := m.items[id]
	after, ok, err := op(before, found)
	switch {
	case err != nil:
		return deferral.Item{}, fmt.Errorf("%s %s: %w", what, id, err)
	case !ok:
		delete(m.items, id)
	default:
		if m.items == nil {
			m.items = map[booking.ID]deferral.Item{}
		}
		m.revs++
		after.Rev = m.revs
		m.items[id] = after
	}
	return after, nil
}

// Defer implements deferral.Store.
func (m *Memory) Defer(ctx context.Context, d deferral.Deferral) error {
	_, err := m.change(ctx, "defer", d.Booking, func(item deferral.Item, found bool) (deferral.Item, bool, error) {
		if !found {
			item = deferral.Item{Booking: d.Booking, Since: d.At, Next: d.First}
		}
		item.Operation, item.Reason = d.Operation, d.Reason
		item.Reconcile = item.Reconcile || d.Reconcile
		item.Attempts++
		return item, true, nil
	})
	return err
}

// Offer implements deferral.Store.
func (m *Memory) Offer(ctx context.Context, d deferral.Deferral) error {
	_, err := m.change(ctx, "offer", d.Booking, func(_ deferral.Item, found bool) (deferral.Item, bool, error) {
		if found {
			return deferral.Item{}, false, deferral.ErrChanged
		}
		return deferral.Item{
			Booking: d.Booking, Operation: d.Operation, Reason: d.Reason, Reconcile: d.Reconcile, Since: d.At, Next: d.First,
		}, true, nil
	})
	if errors.Is(err, deferral.ErrChanged) {
		return nil
	}
	return err
}

// Due implements deferral.Store.
func (m *Memory) Due(ctx context.Context, shard int, at time.Time, after deferral.Place, limit int) ([]deferral.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list shard %d: %w: %w", shard, deferral.ErrUnavailable, err)
	}
	return Due(m.Items(), shard, at, after, limit), nil
}

// Due is what deferral.Store.Due says of items, which are sorted as Items sorts them.
func Due(items []deferral.Item, shard int, at time.Time, after deferral.Place, limit int) []deferral.Item {
	var due []deferral.Item
	for _, item := range items {
		if deferral.ShardOf(item.Booking) == shard && !item.Next.After(at) && compare(item.Place(), after) > 0 && len(due) < limit {
			due = append(due, item)
		}
	}
	return due
}

// unchanged runs an operation on an item that is as it was read.
func (m *Memory) unchanged(ctx context.Context, what string, read deferral.Item, op func(deferral.Item) (deferral.Item, bool)) (deferral.Item, error) {
	return m.change(ctx, what, read.Booking, func(item deferral.Item, found bool) (deferral.Item, bool, error) {
		if !found || item.Rev != read.Rev {
			return item, false, deferral.ErrChanged
		}
		item, ok := op(item)
		return item, ok, nil
	})
}

// Advance implements deferral.Store.
func (m *Memory) Advance(ctx context.Context, read deferral.Item, due payments.Operation, next time.Time) (deferral.Item, error) {
	return m.unchanged(ctx, "advance", read, func(item deferral.Item) (deferral.Item, bool) {
		item.Operation, item.Next = due, next
		return item, true
	})
}

// Reconciled implements deferral.Store.
func (m *Memory) Reconciled(ctx context.Context, read deferral.Item) error {
	_, err := m.unchanged(ctx, "reconciled", read, func(item deferral.Item) (deferral.Item, bool) {
		item.Reconcile = false
		return item, true
	})
	return err
}

// Delete implements deferral.Store.
func (m *Memory) Delete(ctx context.Context, read deferral.Item) error {
	_, err := m.unchanged(ctx, "delete", read, func(item deferral.Item) (deferral.Item, bool) { return item, false })
	return err
}
