package scale_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

var (
	bookings = flag.Int("bookings", 300, "how many bookings there are before the rebuild")
	judge    = flag.Bool("judge", false, "fail where a walk is slower than its budget, for a quiet machine")
)

// Views are thrown away and made anew, while rides go on and the workers are killed
// again and again. In the end each is the fold of its stream, byte for byte; and neither
// a replay of everything, in any order and partly twice, nor another rebuild changes one.
func TestViewsAreMadeAnewUnderLoad(t *testing.T) {
	w := newWorld(t)
	stopwatch := time.Now()
	ids := w.ride(0, *bookings)
	q := &hints{}
	w.hintAll(q, ids, commitsOfRide-1)
	w.project(q)
	t.Logf("%d bookings with %d commits and 6 events each, and their views: %s", len(ids), commitsOfRide, time.Since(stopwatch).Round(time.Second))

	l := w.goesOn(ids)
	crew := w.rebuilds()
	l.ends()
	state, _, err := rebuild.ReadState(t.Context(), w.control)
	if err != nil {
		t.Fatal(err)
	}
	r := state.Rebuild
	if state.Active != 2 || state.Feeding != 0 || r.Aborted || r.Built.Streams < int64(len(ids)) || r.Checked.Differences != 0 {
		t.Errorf("in the end: %+v, %+v", state.Projections, r)
	}
	t.Logf("rebuilt under load: %d bookings, %d commits; meanwhile %d commits were appended and %d reads answered; of %d workers %d were killed, %d found another one at their part",
		r.Built.Streams, r.Built.Commits, l.moved.Load(), l.looked.Load(), crew.began.Load(), crew.killed.Load(), crew.fenced.Load())
	if crew.killed.Load() == 0 || l.moved.Load() == 0 || l.looked.Load() == 0 {
		t.Error("nobody was killed, or nothing went on")
	}

	all := w.equalsLog(2)
	if old := w.stored(1); len(old) != 0 {
		t.Errorf("%d views of the old projection are left", len(old))
	}
	stopwatch = time.Now()
	var known []booking.ID
	for id := range all {
		known = append(known, id)
	}
	w.hintAll(q, known, 0)
	w.project(q)
	took := time.Since(stopwatch)
	for id, r := range w.stored(2) {
		if r.Digest() != all[id].Digest() {
			t.Errorf("the replay changed the view of %s", id)
		}
	}
	t.Logf("replayed the whole stream, out of order and partly twice: %d hints in %s, and no view changed", q.sent, took.Round(time.Second))
}

// hintAll queues hints for the commits of bookings, from one on.
func (w *world) hintAll(q *hints, ids []booking.ID, first int) {
	w.Helper()
	q.sent = 0
	for _, id := range ids {
		for c := first; c < commitsOfRide; c++ {
			if err := q.put(queue.NewHint(id.Stream(), int64(c+1), "")); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// project has several projectors empty the queue.
func (w *world) project(q *hints) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { w.drain(w.Context(), q, func() bool { return true }) })
	}
	group.Wait()
}

// crew is the workers of a rebuild, and what becomes of them.
type crew struct {
	*world
	tasks                 chan []byte
	began, killed, fenced atomic.Int64
}

// SendBodies implements rebuild.Queue: some messages come twice.
func (c *crew) SendBodies(_ context.Context, bodies [][]byte) ([]int, error) {
	for _, body := range bodies {
		c.tasks <- body
		if rand.IntN(5) == 0 {
			c.tasks <- body
		}
	}
	return nil, nil
}

// rebuilds makes a rebuild and returns when it is over.
func (w *world) rebuilds() *crew {
	w.Helper()
	c := &crew{world: w, tasks: make(chan []byte, 100*segments)}
	if err := rebuild.Start(w.Context(), w.control, w.now().UTC(), rebuild.Plan{Segments: segments}, false); err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.Context())
	defer stop()
	var group sync.WaitGroup
	for range segments {
		group.Go(func() { c.work(ctx) })
	}
	director := &rebuild.Director{Control: w.control, Tasks: c, Now: w.now, Wait: rebuild.Wait}
	var phase rebuild.Phase
	for phase != rebuild.Done && phase != rebuild.Refused && !w.Failed() {
		if _, err := director.Run(ctx); err != nil {
			w.Fatal(err)
		}
		state, _, err := rebuild.ReadState(ctx, w.control)
		if err != nil {
			w.Fatal(err)
		}
		if phase != state.Rebuild.Phase {
			phase = state.Rebuild.Phase
			w.Logf("%s  %s", time.Since(w.began).Round(time.Second), phase)
		}
		_ = resilience.Sleep(ctx, 100*time.Millisecond)
	}
	stop()
	group.Wait()
	return c
}

// work is one environment of the rebuild function after the other: each is killed at
// some instant, or its time is over.
func (c *crew) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case body := <-c.tasks:
			task, err := rebuild.ParseTask(body)
			if err != nil {
				c.Error(err)
				return
			}
			c.began.Add(1)
			alive, kill := context.WithTimeout(ctx, life())
			done, err := c.worker().Work(alive, task, time.Now().Add(time.Duration(200+rand.IntN(3000))*time.Millisecond))
			dead := alive.Err() != nil
			kill()
			switch {
			case dead:
				c.killed.Add(1)
			case errors.Is(err, rebuild.ErrLost):
				c.fenced.Add(1)
			case err != nil:
				c.Error(err)
			}
			switch {
			case dead || err != nil:
				time.AfterFunc(hidden, func() { c.tasks <- body })
			case !done:
				c.tasks <- body
			}
		}
	}
}

// hidden is how long a message stays out of sight whose worker died or lost its part: for
// longer than a page takes, or two messages of a part would keep each other from ending one.
const hidden = 10 * time.Second

// life is how long a worker lives: every other one does not see the end of its slice.
func life() time.Duration {
	if rand.IntN(2) == 0 {
		return time.Minute
	}
	return time.Duration(20+rand.IntN(2000)) * time.Millisecond
}

// equalsLog checks that a projection has exactly the folds of all streams, places in
// lists included, and returns its records.
func (w *world) equalsLog(projection int) map[booking.ID]readmodel.Record {
	w.Helper()
	got := w.stored(projection)
	var mu sync.Mutex
	seen := map[booking.ID]bool{}
	var ids []booking.ID
	for id := range got {
		ids = append(ids, id)
	}
	each(w.T, len(ids), func(ctx context.Context, i int) error {
		h, err := w.log.Load(ctx, ids[i].Stream())
		if err != nil {
			return err
		}
		state, err := booking.StateOf(h)
		if err != nil {
			return err
		}
		want, err := readmodel.RecordOf(readmodel.ViewOf(state))
		if err != nil {
			return err
		}
		if got[ids[i]].Digest() != want.Digest() {
			w.Errorf("the view of %s is %+v; want %+v", ids[i], got[ids[i]], want)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[ids[i]] = true
		return nil
	})
	streams := w.streams()
	for id := range streams {
		if !seen[id] {
			w.Errorf("%s has no view", id)
		}
	}
	w.Logf("%d views are the folds of %d streams, byte for byte", len(got), len(streams))
	if len(got) != len(streams) {
		w.Errorf("%d views of %d streams", len(got), len(streams))
	}
	return got
}

// stored returns all records of a projection.
func (w *world) stored(projection int) map[booking.ID]readmodel.Record {
	w.Helper()
	ledger, all := w.in(projection), map[booking.ID]readmodel.Record{}
	for after := ""; ; {
		ids, next, err := ledger.Walk(w.Context(), readmodel.Segment{Of: 1}, after, 100)
		if err != nil {
			w.Fatal(err)
		}
		if len(ids) > 0 {
			records, err := ledger.Records(w.Context(), ids)
			if err != nil {
				w.Fatal(err)
			}
			for id, r := range records {
				all[id] = r
			}
		}
		if after = next; after == "" {
			return all
		}
	}
}
