package resilience

import (
	"sync/atomic"
	"time"
)

// Window counts verdicts over a stretch of time that rolls on bucket by bucket. It
// is safe for concurrent use, takes no lock, and allocates one small object per
// bucket of time, none per verdict.
//
// It reads the wall clock of the times it is given: a monotonic one may stand
// still while a machine is frozen. When that clock is set back, the counts of
// the buckets it enters again start anew.
type Window struct {
	width time.Duration
	ring  []atomic.Pointer[tally]
	// latest is the bucket used last: mostly the right one, and found without a
	// division.
	latest atomic.Pointer[tally]
}

// tally is what one bucket of time holds. Epoch numbers buckets since 1970, and
// tells apart the bucket that a place in the ring is for from its predecessors.
type tally struct {
	epoch, begins    int64
	healthy, failing atomic.Int64
}

// Counts are verdicts of a Window; Calls includes Failing.
type Counts struct {
	Calls   int64
	Failing int64
}

// NewWindow returns a Window over the last buckets times width, the current,
// incomplete bucket included. Both must be positive.
func NewWindow(buckets int, width time.Duration) *Window {
	return &Window{width: width, ring: make([]atomic.Pointer[tally], buckets)}
}

// Add counts a verdict; Uncounted adds nothing.
func (w *Window) Add(now time.Time, v Verdict) {
	switch v {
	case Healthy:
		w.tally(now).healthy.Add(1)
	case Failing:
		w.tally(now).failing.Add(1)
	default:
	}
}

// Counts returns what was counted up to now.
func (w *Window) Counts(now time.Time) Counts {
	var c Counts
	last := w.epoch(now)
	for i := range w.ring {
		t := w.ring[i].Load()
		if t == nil || t.epoch > last || t.epoch <= last-int64(len(w.ring)) {
			continue
		}
		failing := t.failing.Load()
		c.Failing += failing
		c.Calls += failing + t.healthy.Load()
	}
	return c
}

// tally returns the bucket of now.
func (w *Window) tally(now time.Time) *tally {
	t := w.latest.Load()
	if t == nil || now.UnixNano() < t.begins || now.UnixNano() >= t.begins+int64(w.width) {
		t = w.find(w.epoch(now))
		w.latest.Store(t)
	}
	return t
}

// find returns the bucket of an epoch. Of several callers that find its place
// with a bucket of another time, one replaces it.
func (w *Window) find(epoch int64) *tally {
	n := int64(len(w.ring))
	place := &w.ring[(epoch%n+n)%n] // the zero time is long before 1970
	for {
		t := place.Load()
		if t != nil && t.epoch == epoch {
			return t
		}
		fresh := &tally{epoch: epoch, begins: epoch * int64(w.width)}
		if place.CompareAndSwap(t, fresh) {
			return fresh
		}
	}
}

func (w *Window) epoch(now time.Time) int64 { return now.UnixNano() / int64(w.width) }
