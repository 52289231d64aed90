package eventstest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
)

// unreliable is a store that its client reaches over a bad line: some appends are
// lost on the way there, some answers on the way back.
type unreliable struct {
	events.Store
	random *rand.Rand
}

func (u *unreliable) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	n := u.random.IntN(100)
	if n < 3 {
		return events.Appended{}, fmt.Errorf("lost on the way: %w", events.ErrUnavailable)
	}
	appended, err := u.Store.Append(ctx, at, d)
	if n < 6 {
		return events.Appended{}, fmt.Errorf("lost on the way back: %w", events.ErrUnavailable)
	}
	return appended, err
}

func TestMemoryIsLinearizable(t *testing.T) {
	t.Parallel()
	store := eventstest.NewMemory(events.NewStamp)
	eventstest.Linearizable(t, 20, func(seed uint64, client int) events.Store {
		return &unreliable{store, rand.New(rand.NewPCG(seed, uint64(100+client)))}
	})
}

// The check finds what it is there to find.
func TestTheCheckFindsBrokenStores(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*eventstest.Memory) events.Store{
		"one that acknowledges without storing": func(m *eventstest.Memory) events.Store { return &forgetful{Store: m} },
		"one that reads a moment ago": func(m *eventstest.Memory) events.Store {
			return &late{Store: m, seen: map[events.StreamID]events.History{}}
		},
		"one that stores without a condition": func(*eventstest.Memory) events.Store {
			return &careless{streams: map[events.StreamID][]events.Commit{}}
		},
		"one that calls a repeat a conflict":        func(m *eventstest.Memory) events.Store { return &strict{m} },
		"one that takes every request for a repeat": func(m *eventstest.Memory) events.Store { return &trusting{m} },
		"one that gives a lease to whoever asks":    func(m *eventstest.Memory) events.Store { return &generous{Store: m} },
		"one that stores without taking the lease":  func(m *eventstest.Memory) events.Store { return &stingy{m} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := broken(eventstest.NewMemory(events.NewStamp))
			eventstest.FindsFault(t, func(uint64, int) events.Store { return store })
		})
	}
}

// forgetful acknowledges every tenth append that it could store, and forgets it.
type forgetful struct {
	events.Store
	mu sync.Mutex
	n  int
}

func (f *forgetful) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	f.mu.Lock()
	f.n++
	forgets := f.n%10 == 0
	f.mu.Unlock()
	if !forgets {
		return f.Store.Append(ctx, at, d)
	}
	c, err := at.Seal(d, events.NewStamp())
	return events.Appended{Commit: c}, err
}

// late answers every second load with what the one before it saw.
type late struct {
	events.Store
	mu   sync.Mutex
	n    int
	seen map[events.StreamID]events.History
}

func (l *late) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	h, err := l.Store.Load(ctx, id)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if before, ok := l.seen[id]; ok && l.n%2 == 0 {
		return before, nil
	}
	l.seen[id] = h
	return h, err
}

// careless puts every commit where it was meant to go, whatever stands there.
type careless struct {
	mu      sync.Mutex
	streams map[events.StreamID][]events.Commit
}

func (c *careless) Load(_ context.Context, id events.StreamID) (events.History, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return events.NewHistory(id, c.streams[id])
}

func (c *careless) Append(_ context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	commit, err := at.Seal(d, events.NewStamp())
	if err != nil {
		return events.Appended{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var kept []events.Commit
	for _, old := range c.streams[at.Stream()] {
		if old.Version < commit.Version {
			kept = append(kept, old)
		}
	}
	c.streams[at.Stream()] = append(kept, commit)
	return events.Appended{Commit: commit}, nil
}

func (c *careless) Holder(context.Context, string) (events.StreamID, bool, error) {
	return "", false, nil
}

// strict does not know a command again.
type strict struct{ events.Store }

func (s *strict) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	appended, err := s.Store.Append(ctx, at, d)
	if appended.Replayed {
		return events.Appended{}, events.ErrConflict
	}
	return appended, err
}

// trusting compares no requests.
type trusting struct{ events.Store }

func (s *trusting) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	d.Request = nil
	return s.Store.Append(ctx, at, d)
}

// generous takes a lease from whoever holds it.
type generous struct {
	events.Store
	mu     sync.Mutex
	holder map[string]events.StreamID
}

func (g *generous) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	lease := d.Lease
	d.Lease = events.Lease{}
	appended, err := g.Store.Append(ctx, at, d)
	if err == nil && !appended.Replayed && lease.Change != events.LeaseKept {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.holder == nil {
			g.holder = map[string]events.StreamID{}
		}
		delete(g.holder, lease.Name)
		if lease.Change == events.LeaseTaken {
			g.holder[lease.Name] = at.Stream()
		}
	}
	return appended, err
}

func (g *generous) Holder(_ context.Context, lease string) (events.StreamID, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	holder, held := g.holder[lease]
	return holder, held, nil
}

// stingy stores commits and leaves leases as they are.
type stingy struct{ events.Store }

func (s *stingy) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	d.Lease = events.Lease{}
	return s.Store.Append(ctx, at, d)
}
