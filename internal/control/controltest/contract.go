package controltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/control"
)

// Run checks that a store keeps the contract of control.Store. newStore returns an
// empty store for one test.
func Run(t *testing.T, newStore func(t *testing.T) control.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, control.Store){
		"what was never put is missing":                  testMissing,
		"what was put is got, with its revision":         testPutAndGet,
		"a stale revision changes nothing":               testStale,
		"the same body at the same revision is a repeat": testRepeat,
		"of racing puts one is stored":                   testRace,
		"documents do not touch each other":              testApart,
		"memory is not shared with the caller":           testMemory,
		"a canceled context is an unavailable store":     testCanceled,
		"values are read and written":                    testValues,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

const id = "work/test"

func put(t *testing.T, s control.Store, body string, revision int64) {
	t.Helper()
	if err := s.Put(t.Context(), id, control.Document{Body: []byte(body), Revision: revision}); err != nil {
		t.Fatalf("put %s at %d: %v", body, revision, err)
	}
}

func holds(t *testing.T, s control.Store, want control.Document) {
	t.Helper()
	got, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
}

func testMissing(t *testing.T, s control.Store) { holds(t, s, control.Document{}) }

func testPutAndGet(t *testing.T, s control.Store) {
	put(t, s, `{"a":1}`, 0)
	holds(t, s, control.Document{Body: []byte(`{"a":1}`), Revision: 1})
	put(t, s, `{"a":"ü"}`, 1)
	holds(t, s, control.Document{Body: []byte(`{"a":"ü"}`), Revision: 2})
}

func testStale(t *testing.T, s control.Store) {
	put(t, s, `{"a":1}`, 0)
	put(t, s, `{"a":2}`, 1)
	for _, revision := range []int64{0, 1, 3} {
		err := s.Put(t.Context(), id, control.Document{Body: []byte(`{"a":3}`), Revision: revision})
		if !errors.Is(err, control.ErrConflict) {
			t.Errorf("put at %d: %v, want ErrConflict", revision, err)
		}
	}
	holds(t, s, control.Document{Body: []byte(`{"a":2}`), Revision: 2})
}

func testRepeat(t *testing.T, s control.Store) {
	put(t, s, `{"a":1}`, 0)
	put(t, s, `{"a":1}`, 0) // as the client library does whose answer was lost
	holds(t, s, control.Document{Body: []byte(`{"a":1}`), Revision: 1})
	put(t, s, `{"a":1}`, 1)
	holds(t, s, control.Document{Body: []byte(`{"a":1}`), Revision: 2})
	// The same body is a repeat only of the write that made this revision.
	for _, revision := range []int64{0, 3, 7} {
		if err := s.Put(t.Context(), id, control.Document{Body: []byte(`{"a":1}`), Revision: revision}); !errors.Is(err, control.ErrConflict) {
			t.Errorf("put of the same body at %d: %v, want ErrConflict", revision, err)
		}
	}
}

func testRace(t *testing.T, s control.Store) {
	const racers = 10
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			err := s.Put(t.Context(), id, control.Document{Body: fmt.Appendf(nil, `{"a":%d}`, i)})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, control.ErrConflict):
				t.Errorf("put: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of %d were told that theirs was stored", won.Load(), racers)
	}
}

func testApart(t *testing.T, s control.Store) {
	put(t, s, `{"a":1}`, 0)
	if err := s.Put(t.Context(), id+"/other", control.Document{Body: []byte(`{"a":2}`)}); err != nil {
		t.Fatal(err)
	}
	holds(t, s, control.Document{Body: []byte(`{"a":1}`), Revision: 1})
}

func testMemory(t *testing.T, s control.Store) {
	body := []byte(`{"a":1}`)
	put(t, s, string(body), 0)
	got, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	copy(got.Body, "spoiled")
	given := control.Document{Body: []byte(`{"a":2}`), Revision: 1}
	if err := s.Put(t.Context(), id, given); err != nil {
		t.Fatal(err)
	}
	copy(given.Body, "spoiled")
	holds(t, s, control.Document{Body: []byte(`{"a":2}`), Revision: 2})
}

func testCanceled(t *testing.T, s control.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, id); !errors.Is(err, control.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v, want ErrUnavailable because of the context", err)
	}
	err := s.Put(ctx, id, control.Document{Body: []byte(`{}`)})
	if !errors.Is(err, control.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want ErrUnavailable because of the context", err)
	}
}

func testValues(t *testing.T, s control.Store) {
	type whole struct{ A, B int }
	type part struct{ A int }
	if v, revision, err := control.Read[whole](t.Context(), s, id); v != (whole{}) || revision != 0 || err != nil {
		t.Errorf("before the first: %+v, %d, %v", v, revision, err)
	}
	if err := control.Write(t.Context(), s, id, whole{1, 2}, 0); err != nil {
		t.Fatal(err)
	}
	if v, revision, err := control.Read[part](t.Context(), s, id); v != (part{1}) || revision != 1 || err != nil {
		t.Errorf("read a part: %+v, %d, %v", v, revision, err)
	}
	if _, _, err := control.Read[[]int](t.Context(), s, id); err == nil {
		t.Error("an object was read as a list")
	}
}
