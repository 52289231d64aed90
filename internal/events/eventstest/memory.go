package eventstest

import (
	"context"
	"fmt"
	"sync"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// Memory is an events.Store in memory, for tests and the simulator. The zero
// value is not usable, see NewMemory.
type Memory struct {
	stamp func() events.Stamp

	mu      sync.Mutex
	streams map[events.StreamID][]events.Commit
	leases  map[string]events.StreamID
	// contended is how many of the next appends meet a transaction.
	contended int
}

var _ events.Store = (*Memory)(nil)

// NewMemory returns an empty store that draws its stamps from stamp.
func NewMemory(stamp func() events.Stamp) *Memory {
	return &Memory{stamp: stamp, streams: map[events.StreamID][]events.Commit{}, leases: map[string]events.StreamID{}}
}

// Load implements events.Store.
func (m *Memory) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	if err := ctx.Err(); err != nil {
		return events.History{}, fmt.Errorf("load %s: %w: %w", id, events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var commits []events.Commit
	for _, c := range m.streams[id] {
		commits = append(commits, c.Clone())
	}
	return events.NewHistory(id, commits)
}

// Append implements events.Store.
func (m *Memory) Append(ctx context.Context, at events.Position, draft events.Draft) (events.Appended, error) {
	attempted, err := at.Seal(draft, m.stamp())
	if err != nil {
		return events.Appended{}, err
	}
	if err := ctx.Err(); err != nil {
		return events.Appended{}, fmt.Errorf("append to %s: %w: %w", at.Stream(), events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.contended > 0 {
		m.contended--
		return events.Appended{}, fmt.Errorf("append to %s at %d: %w: a transaction is at the items", attempted.Stream, attempted.Version, events.ErrConflict)
	}
	for _, c := range m.streams[at.Stream()] {
		if c.Version != attempted.Version {
			continue
		}
		appended, err := events.Resolve(c.Clone(), attempted, draft)
		if err != nil {
			return events.Appended{}, fmt.Errorf("append to %s at %d: %w", attempted.Stream, attempted.Version, err)
		}
		return appended, nil
	}
	if err := m.change(draft.Lease, at.Stream()); err != nil {
		return events.Appended{}, fmt.Errorf("append to %s at %d: %w", attempted.Stream, attempted.Version, err)
	}
	m.streams[at.Stream()] = append(m.streams[at.Stream()], attempted)
	return events.Appended{Commit: attempted.Clone()}, nil
}

// Contend lets each of the next n appends meet another's transaction at its items.
func (m *Memory) Contend(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contended += n
}

func (m *Memory) change(l events.Lease, stream events.StreamID) error {
	holder, held := m.leases[l.Name]
	switch {
	case l.Change == events.LeaseKept:
	case held && holder != stream:
		return fmt.Errorf("lease %s of %s: %w", l.Name, holder, events.ErrLeaseHeld)
	case l.Change == events.LeaseTaken:
		m.leases[l.Name] = stream
	default:
		delete(m.leases, l.Name)
	}
	return nil
}

// Holder implements events.Store.
func (m *Memory) Holder(ctx context.Context, lease string) (events.StreamID, bool, error) {
	if err := ctx.Err(); err != nil {
		return "", false, fmt.Errorf("holder of %s: %w: %w", lease, events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	holder, held := m.leases[lease]
	return holder, held, nil
}
