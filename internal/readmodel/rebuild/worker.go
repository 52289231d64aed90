package rebuild

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Worker works on segments. It is safe for concurrent use.
type Worker struct {
	Log     events.Store
	Catalog events.Catalog
	// In returns the store of one projection.
	In      func(projection int) readmodel.Ledger
	Control control.Store
	// Owed is told of each booking on an audit that repairs, to see to what it owes;
	// nil for nobody.
	Owed func(context.Context, booking.State) error
	// Logger takes what was found; nil for none.
	Logger Logger
	// Now is the wall clock.
	Now func() time.Time
	// Sleep waits, or returns the error of a context that ended meanwhile.
	Sleep func(context.Context, time.Duration) error
	// Parallel bounds the bookings that are handled at a time; up to 1 means one
	// after the other, on the caller's goroutine.
	Parallel int
	// Page bounds the commits, or views, that are read at a time; 0 for as many as
	// one read gives.
	Page int
}

// ErrLost means that another worker has taken the segment over.
var ErrLost = errors.New("another worker is at the segment")

// Work works on a segment until it is done or, a page at a time, until the given
// instant, and tells whether it is done: then, and when the task is of a run that is
// over, its message is of no use any more. Otherwise the same message is to come
// again.
func (w *Worker) Work(ctx context.Context, task Task, until time.Time) (done bool, err error) {
	s, ok, err := w.take(ctx, task)
	if err != nil || !ok || s.progress.Over() {
		return err == nil, err
	}
	for {
		// A page first: however little time there is, each slice gets somewhere.
		if err := s.page(ctx); err != nil {
			return false, fmt.Errorf("segment %d of %s: %w", task.Segment, task.Run, err)
		}
		switch going, err := s.note(ctx); {
		case err != nil:
			return false, fmt.Errorf("segment %d of %s: %w", task.Segment, task.Run, err)
		case !going || s.progress.Over():
			return true, nil
		case !w.Now().Before(until):
			return false, nil
		}
		if err := s.pause(ctx); err != nil {
			return false, nil //nolint:nilerr // no time is left: the next slice goes on
		}
	}
}

// slice is a worker at a segment.
type slice struct {
	*Worker
	run      Run
	segment  int
	ledger   readmodel.Ledger
	progress Progress
	revision int64

	// next is where the walk over the log reads on. It runs ahead of what is noted
	// by pending, the commits of a stream that may not be complete.
	next    events.Cursor
	pending []events.Commit

	pass  pass
	began time.Time
	done  int64 // bookings in this slice
}

// take begins a slice, under a revision that keeps every other worker from noting
// anything. It returns false for a task of a run that is over.
func (w *Worker) take(ctx context.Context, task Task) (*slice, bool, error) {
	state, _, err := ReadState(ctx, w.Control)
	if err != nil {
		return nil, false, err
	}
	if state.Run == nil || state.Run.ID != task.Run || task.Segment >= state.Run.Segments {
		return nil, false, nil
	}
	s := &slice{Worker: w, run: *state.Run, segment: task.Segment, ledger: w.In(state.Run.Projection), began: w.Now()}
	if s.progress, s.revision, err = ReadProgress(ctx, w.Control, s.run, s.segment); err != nil {
		return nil, false, err
	}
	if s.progress.Over() {
		return s, true, nil
	}
	if s.progress.Run == "" {
		s.progress = Progress{Run: s.run.ID, Stage: s.run.firstStage(), Began: w.Now().UTC()}
	}
	s.next = s.progress.After
	s.progress.Slices++
	return s, true, s.save(ctx)
}

func (s *slice) save(ctx context.Context) error {
	s.progress.At = s.Now().UTC()
	err := control.Write(ctx, s.Control, segmentDocument(s.segment), s.progress, s.revision)
	if errors.Is(err, control.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	s.revision++
	return err
}

// note writes down how far the segment is, and tells whether the run goes on.
func (s *slice) note(ctx context.Context) (bool, error) {
	if err := s.save(ctx); err != nil {
		return false, err
	}
	state, _, err := ReadState(ctx, s.Control)
	return err == nil && state.Run != nil && state.Run.ID == s.run.ID, err
}

// page does one portion of the stage that the segment is at.
func (s *slice) page(ctx context.Context) error {
	var ended bool
	var err error
	switch s.progress.Stage {
	case stageLog:
		ended, err = s.walkLog(ctx)
	case stageViews:
		ended, err = s.walkViews(ctx)
	case stageLeases:
		ended, err = true, s.walkLeases(ctx)
	default:
		return fmt.Errorf("its stage %q is not known", s.progress.Stage)
	}
	if err != nil {
		return err
	}
	s.settle(ctx)
	if ended {
		s.progress.Stage = s.run.following(s.progress.Stage, s.segment)
	}
	return nil
}

// pause keeps to the rate: each segment has its share of it.
func (s *slice) pause(ctx context.Context) error {
	if s.run.Rate == 0 {
		return ctx.Err()
	}
	share := time.Duration(float64(s.done*int64(s.run.Segments)) / float64(s.run.Rate) * float64(time.Second))
	return s.Sleep(ctx, max(0, share-s.Now().Sub(s.began)))
}

// each calls do for 0 to n-1, Parallel of them at a time, and returns the first error
// of any. After an error it begins no more.
func (w *Worker) each(n int, do func(i int) error) error {
	if w.Parallel <= 1 {
		for i := range n {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}
	var mu sync.Mutex
	var first error
	failed := func() bool { mu.Lock(); defer mu.Unlock(); return first != nil }
	var wg sync.WaitGroup
	slots := make(chan struct{}, w.Parallel)
	for i := range n {
		slots <- struct{}{}
		if failed() {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := do(i); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil {
					first = err
				}
			}
		})
	}
	wg.Wait()
	return first
}
