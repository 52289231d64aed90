package eventstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// RunCatalog checks that a catalog keeps its contract. newLog returns an empty log
// for one test: a store, and the catalog of what it stores.
func RunCatalog(t *testing.T, newLog func(t *testing.T) (events.Store, events.Catalog)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *shelf){
		"a walk meets every commit, stream by stream": testWalk,
		"a walk goes on behind any commit":            testWalkFrom,
		"a walk sees what is appended before it":      testWalkSeesNews,
		"first commits are listed by hour and shard":  testFirsts,
		"streams exist or not":                        testExist,
		"held leases are listed":                      testHeldLeases,
		"a catalog under a canceled context":          testCatalogCanceled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, catalog := newLog(t)
			test(t, &shelf{Store: store, Catalog: catalog})
		})
	}
}

// shelf is a log and its catalog.
type shelf struct {
	events.Store
	events.Catalog
}

// fills appends a stream of n commits, the first recorded at a time, and returns it.
func (s *shelf) fills(t *testing.T, id events.StreamID, n int, at time.Time) {
	t.Helper()
	position := events.NewStream(id)
	history, err := events.NewHistory(id, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		draft := Draft(fmt.Sprint("c-", i))
		draft.RecordedAt = at.Add(time.Duration(i) * time.Hour) // only the first is listed
		draft.Events = slices.Repeat(draft.Events, 1+i%2)
		appended, err := s.Append(t.Context(), position, draft)
		if err != nil {
			t.Fatal(err)
		}
		if history, err = history.With(appended.Commit); err != nil {
			t.Fatal(err)
		}
		position = history.Position()
	}
}

var nineThirty = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

func (s *shelf) streams(t *testing.T, n int) map[events.StreamID]int {
	t.Helper()
	all := map[events.StreamID]int{}
	for i := range n {
		id := stream(t)
		all[id] = 1 + i%4
		s.fills(t, id, all[id], nineThirty)
	}
	return all
}

// walk reads a whole segment in pages.
func (s *shelf) walk(t *testing.T, q events.WalkQuery) []events.Commit {
	t.Helper()
	const endless = 1000
	var all []events.Commit
	for range endless {
		commits, next, err := s.Walk(t.Context(), q)
		if err != nil || q.Limit > 0 && len(commits) > q.Limit {
			t.Fatalf("%d commits, %v", len(commits), err)
		}
		all = append(all, commits...)
		if next == (events.Cursor{}) {
			return all
		}
		q.After = next
	}
	t.Fatal("the segment has no end")
	return nil
}

func testWalk(t *testing.T, s *shelf) {
	want := s.streams(t, 23)
	for _, segments := range []int{1, 3} {
		for _, limit := range []int{0, 1, 5} {
			got := map[events.StreamID]int{}
			for segment := range segments {
				last := events.StreamID("")
				for _, c := range s.walk(t, events.WalkQuery{Segment: segment, Segments: segments, Limit: limit}) {
					if c.Stream != last && got[c.Stream] > 0 {
						t.Errorf("%s comes in two parts", c.Stream)
					}
					last = c.Stream
					got[c.Stream]++
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d segments in pages of %d: commits by stream (-want +got):\n%s", segments, limit, diff)
			}
		}
	}
	for _, c := range s.walk(t, events.WalkQuery{Segments: 1, Limit: 7}) {
		h, err := s.Load(t.Context(), c.Stream)
		if err != nil {
			t.Fatal(err)
		}
		stored := h.Commits()[slices.IndexFunc(h.Commits(), func(o events.Commit) bool { return o.Version == c.Version })]
		if diff := cmp.Diff(stored, c); diff != "" {
			t.Errorf("the walked commit (-loaded +walked):\n%s", diff)
		}
	}
}

func testWalkFrom(t *testing.T, s *shelf) {
	s.streams(t, 9)
	all := s.walk(t, events.WalkQuery{Segments: 1})
	for i, c := range all {
		rest := s.walk(t, events.WalkQuery{Segments: 1, After: events.Cursor{Stream: c.Stream, Version: c.Version}, Limit: 4})
		if diff := cmp.Diff(all[i+1:], rest, equateEmpty); diff != "" {
			t.Errorf("behind commit %d (-want +got):\n%s", i, diff)
		}
	}
}

// equateEmpty treats no commits and none as equal.
var equateEmpty = cmp.Transformer("empty", func(commits []events.Commit) []string {
	all := []string{}
	for _, c := range commits {
		all = append(all, fmt.Sprint(c.Stream, c.Version))
	}
	return all
})

func testWalkSeesNews(t *testing.T, s *shelf) {
	s.streams(t, 5)
	before := s.walk(t, events.WalkQuery{Segments: 1})
	last := before[len(before)-1]
	h, err := s.Load(t.Context(), last.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), h.Position(), Draft("news")); err != nil {
		t.Fatal(err)
	}
	// Also for a walk that stands within the stream.
	rest := s.walk(t, events.WalkQuery{Segments: 1, After: events.Cursor{Stream: last.Stream, Version: last.Version}})
	if len(rest) == 0 || rest[0].Stream != last.Stream || rest[0].Version != last.Last()+1 {
		t.Errorf("behind %s at %d comes %v, want the news", last.Stream, last.Version, rest)
	}
}

func testFirsts(t *testing.T, s *shelf) {
	want := map[int][]events.First{}
	for i := range 40 {
		f := events.First{Stream: stream(t), RecordedAt: nineThirty.Add(time.Duration(i*7%40/2) * time.Minute)} // two of each minute, in no order
		s.fills(t, f.Stream, 1+i%2, f.RecordedAt)
		shard := events.FirstShard(f.Stream)
		want[shard] = append(want[shard], f)
	}
	s.fills(t, stream(t), 1, nineThirty.Add(-time.Minute)) // before From
	s.fills(t, stream(t), 1, nineThirty.Add(time.Hour))    // in another hour
	for shard := range events.FirstShards {
		for _, limit := range []int{1, 2, 100} {
			got := s.firsts(t, events.FirstsQuery{Shard: shard, From: nineThirty, Limit: limit})
			if !slices.IsSortedFunc(got, func(a, b events.First) int { return a.RecordedAt.Compare(b.RecordedAt) }) {
				t.Errorf("shard %d in pages of %d is not in the order of time: %v", shard, limit, got)
			}
			slices.SortFunc(got, compareFirsts)
			slices.SortFunc(want[shard], compareFirsts)
			if diff := cmp.Diff(want[shard], got); diff != "" {
				t.Errorf("shard %d in pages of %d (-want +got):\n%s", shard, limit, diff)
			}
		}
	}
}

func (s *shelf) firsts(t *testing.T, q events.FirstsQuery) []events.First {
	t.Helper()
	const endless = 100
	var all []events.First
	for range endless {
		firsts, next, err := s.Firsts(t.Context(), q)
		if err != nil || len(firsts) > q.Limit {
			t.Fatalf("%d first commits, %v", len(firsts), err)
		}
		all = append(all, firsts...)
		if next == (events.First{}) {
			return all
		}
		q.After = next
	}
	t.Fatal("the hour has no end")
	return nil
}

func testExist(t *testing.T, s *shelf) {
	there := slices.Collect(maps.Keys(s.streams(t, 5)))
	got, err := s.Exist(t.Context(), slices.Concat(there, there[:1], []events.StreamID{stream(t), stream(t)}))
	want := map[events.StreamID]bool{}
	for _, id := range there {
		want[id] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func testHeldLeases(t *testing.T, s *shelf) {
	want := map[string]events.StreamID{}
	for i := range 25 {
		id, name := stream(t), fmt.Sprintf("driver/%02d", i)
		draft := Draft("take")
		draft.Lease = events.Lease{Name: name, Change: events.LeaseTaken}
		appended, err := s.Append(t.Context(), events.NewStream(id), draft)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = id
		if i%5 > 0 {
			continue
		}
		h, err := events.NewHistory(id, []events.Commit{appended.Commit})
		if err != nil {
			t.Fatal(err)
		}
		draft = Draft("release")
		draft.Lease = events.Lease{Name: name, Change: events.LeaseReleased}
		if _, err := s.Append(t.Context(), h.Position(), draft); err != nil {
			t.Fatal(err)
		}
		delete(want, name)
	}
	got, after := map[string]events.StreamID{}, ""
	const endless = 100
	for range endless {
		held, next, err := s.Leases(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range held {
			got[l.Name] = l.Holder
		}
		if after = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("held leases (-want +got):\n%s", diff)
	}
}

func testCatalogCanceled(t *testing.T, s *shelf) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, walk := s.Walk(ctx, events.WalkQuery{Segments: 1})
	_, _, firsts := s.Firsts(ctx, events.FirstsQuery{From: nineThirty, Limit: 1})
	_, exist := s.Exist(ctx, []events.StreamID{stream(t)})
	_, _, leases := s.Leases(ctx, "")
	for what, err := range map[string]error{"walk": walk, "firsts": firsts, "exist": exist, "leases": leases} {
		if !errors.Is(err, events.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want ErrUnavailable because of the context", what, err)
		}
	}
}
