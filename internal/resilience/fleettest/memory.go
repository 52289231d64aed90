package fleettest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// Memory is a fleet.Store in memory, ready to use.
type Memory struct {
	mu     sync.Mutex
	record fleet.Record
	orders []fleet.Order
}

var _ fleet.Store = (*Memory)(nil)

// Read implements fleet.Store.
func (m *Memory) Read(ctx context.Context, _ bool) (fleet.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copy(), ctx.Err()
}

// copy is the record without memory in common.
func (m *Memory) copy() fleet.Record {
	r := m.record
	r.Counts = slices.Clone(r.Counts)
	return r
}

// Report implements fleet.Store.
func (m *Memory) Report(ctx context.Context, r fleet.Report) (now fleet.Record, done bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fleet.Record{}, false, err
	}
	if r.Version != m.record.Version {
		return m.copy(), false, nil
	}
	m.drop(r.Drop)
	for _, n := range r.Counts {
		i := m.place(n.Version, n.Epoch)
		if i < 0 {
			m.record.Counts = append(m.record.Counts, n)
			continue
		}
		m.record.Counts[i].Healthy += n.Healthy
		m.record.Counts[i].Failing += n.Failing
		m.record.Counts[i].Unaware += n.Unaware
	}
	return m.copy(), true, nil
}

// Change implements fleet.Store.
func (m *Memory) Change(ctx context.Context, c fleet.Change) (now fleet.Record, done bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fleet.Record{}, false, err
	}
	done = m.change(c)
	return m.copy(), done, nil
}

func (m *Memory) change(c fleet.Change) bool {
	lease := m.record.Lease
	if c.From != m.record.Version || c.Holder != "" && (lease.Owner != c.Holder || !millis(c.At).Before(lease.Until)) {
		return false
	}
	c.To.Until, c.To.Lease.Until = millis(c.To.Until), millis(c.To.Lease.Until)
	m.record.Stage = c.To
	m.drop(c.Drop)
	return true
}

// Give implements fleet.Store.
func (m *Memory) Give(ctx context.Context, c fleet.Change, o fleet.Order) (done bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if o.Number != int64(len(m.orders))+1 || !m.change(c) {
		return false, nil
	}
	o.At = millis(o.At)
	m.record.Mode, m.record.Orders, m.record.Order = o.Mode, o.Number, o
	m.orders = append(m.orders, o)
	return true, nil
}

// Given implements fleet.Store.
func (m *Memory) Given(ctx context.Context, number int64) (fleet.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number < 1 || number > int64(len(m.orders)) {
		return fleet.Order{}, fmt.Errorf("there is no order %d", number)
	}
	return m.orders[number-1], ctx.Err()
}

func (m *Memory) drop(counts []fleet.Count) {
	for _, c := range counts {
		if i := m.place(c.Version, c.Epoch); i >= 0 {
			m.record.Counts = slices.Delete(m.record.Counts, i, i+1)
		}
	}
}

func (m *Memory) place(version, epoch int64) int {
	return slices.IndexFunc(m.record.Counts, func(c fleet.Count) bool { return c.Version == version && c.Epoch == epoch })
}

// millis is a time as precise as it is kept; the zero time stays what it is.
func millis(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
