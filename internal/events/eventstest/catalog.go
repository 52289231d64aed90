package eventstest

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
)

var _ events.Catalog = (*Memory)(nil)

// Walk implements events.Catalog. Streams come in the order of their hashes, as in a
// real log: a new one may begin anywhere.
func (m *Memory) Walk(ctx context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	if err := ctx.Err(); err != nil {
		return nil, events.Cursor{}, fmt.Errorf("walk: %w: %w", events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []events.Commit
	for id, commits := range m.streams {
		if int(hashOf(id))%q.Segments != q.Segment {
			continue
		}
		for _, c := range commits {
			if q.After == (events.Cursor{}) || compareCursors(cursorOf(c), q.After) > 0 {
				found = append(found, c.Clone())
			}
		}
	}
	slices.SortFunc(found, func(a, b events.Commit) int { return compareCursors(cursorOf(a), cursorOf(b)) })
	if q.Limit == 0 || len(found) <= q.Limit {
		return found, events.Cursor{}, nil
	}
	return found[:q.Limit], cursorOf(found[q.Limit-1]), nil
}

func cursorOf(c events.Commit) events.Cursor {
	return events.Cursor{Stream: c.Stream, Version: c.Version}
}

func compareCursors(a, b events.Cursor) int {
	return cmp.Or(cmp.Compare(hashOf(a.Stream), hashOf(b.Stream)), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Version, b.Version))
}

func hashOf(id events.StreamID) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return h.Sum32()
}

// Firsts implements events.Catalog.
func (m *Memory) Firsts(ctx context.Context, q events.FirstsQuery) ([]events.First, events.First, error) {
	if err := ctx.Err(); err != nil {
		return nil, events.First{}, fmt.Errorf("first commits: %w: %w", events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []events.First
	for id, commits := range m.streams {
		if len(commits) == 0 || events.FirstShard(id) != q.Shard {
			continue
		}
		at := commits[0].RecordedAt
		f := events.First{Stream: id, RecordedAt: at}
		if at.Truncate(time.Hour).Equal(q.From.Truncate(time.Hour)) && !at.Before(q.From) && (q.After == events.First{} || compareFirsts(f, q.After) > 0) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, compareFirsts)
	if len(found) <= q.Limit {
		return found, events.First{}, nil
	}
	return found[:q.Limit], found[q.Limit-1], nil
}

func compareFirsts(a, b events.First) int {
	return cmp.Or(a.RecordedAt.Compare(b.RecordedAt), cmp.Compare(a.Stream, b.Stream))
}

// Exist implements events.Catalog.
func (m *Memory) Exist(ctx context.Context, ids []events.StreamID) (map[events.StreamID]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("which streams exist: %w: %w", events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[events.StreamID]bool{}
	for _, id := range ids {
		if len(m.streams[id]) > 0 {
			found[id] = true
		}
	}
	return found, nil
}

// leasesAPage bounds a page of leases: few, so that tests have more than one.
const leasesAPage = 10

// Leases implements events.Catalog.
func (m *Memory) Leases(ctx context.Context, after string) ([]events.HeldLease, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fmt.Errorf("walk leases: %w: %w", events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var held []events.HeldLease
	for _, name := range slices.Sorted(maps.Keys(m.leases)) {
		if strings.Compare(name, after) <= 0 {
			continue
		}
		if len(held) == leasesAPage {
			return held, held[leasesAPage-1].Name, nil
		}
		held = append(held, events.HeldLease{Name: name, Holder: m.leases[name]})
	}
	return held, "", nil
}
