package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// snapshot is the record as one environment knows it. It never changes.
type snapshot struct {
	Record
	counts   []Count // of this version, in the window
	obsolete []Count // the others
	// checked is when the store was last asked, and down whether it gave no
	// answer; everything else then is from before.
	checked time.Time
	down    bool
}

// snapshot returns what a record says at a time.
func (c Config) snapshot(r Record, now time.Time) *snapshot {
	s := &snapshot{Record: r, checked: now}
	s.Mode = modeOf(r)
	for _, n := range r.Counts {
		if n.Version == r.Version && c.inWindow(n.Epoch, now) {
			s.counts = append(s.counts, n)
		} else {
			s.obsolete = append(s.obsolete, n)
		}
	}
	return s
}

func modeOf(r Record) resilience.Mode {
	if r.Mode == "" {
		return resilience.Auto
	}
	return r.Mode
}

// inWindow reports whether a bucket counts now. A bucket of the near future is
// that of an environment whose clock is a little ahead.
func (c Config) inWindow(epoch int64, now time.Time) bool {
	return epoch > c.epoch(now)-int64(c.Rules.Buckets)
}

// obsoleteBut are at most so many of the obsolete counts, less those that a clock which
// was set back comes to again.
func (s *snapshot) obsoleteBut(added []Count, most int) []Count {
	again := func(o Count) bool {
		return slices.ContainsFunc(added, func(n Count) bool { return o.Version == n.Version && o.Epoch == n.Epoch })
	}
	left := slices.DeleteFunc(slices.Clone(s.obsolete), again)
	return left[:min(len(left), most)]
}

// without is what is known when the store does not answer.
func (s *snapshot) without(now time.Time) *snapshot {
	next := *s
	next.checked, next.down = now, true
	return &next
}

// fresh reports whether the snapshot need not be read again yet.
func (s *snapshot) fresh(now time.Time, ttl time.Duration) bool {
	age := now.UnixNano() - s.checked.UnixNano()
	return age >= 0 && age < int64(ttl) // a clock set back makes it stale
}

// probeDue reports whether a breaker that is left to itself is not closed, and the
// next call would be let through as a probe.
func (s Stage) probeDue(now time.Time) bool {
	return s.State != resilience.Closed && !now.Before(s.Until) && !now.Before(s.Lease.Until)
}

// firstFailure returns the oldest bucket of the window with a failure.
func (c Config) firstFailure(counts []Count, now time.Time) (epoch int64, ok bool) {
	for _, n := range counts {
		if n.Failing > 0 && c.inWindow(n.Epoch, now) && (!ok || n.Epoch < epoch) {
			epoch, ok = n.Epoch, true
		}
	}
	return epoch, ok
}

// weight returns for how many calls one report stands, so that the fleet, at the
// highest rate that the window has seen, writes no more than it may.
func (c Config) weight(counts []Count) int64 {
	var most int64
	for _, n := range counts {
		most = max(most, n.Healthy+n.Failing)
	}
	perBucket := max(1, int64(float64(c.ReportsPerSecond)*c.width().Seconds()))
	return max(1, (most+perBucket-1)/perBucket)
}

// trips reports whether the fleet's calls fail too often: those from the bucket on by
// which everybody who calls has read of the window's first failure, or all in the window.
//
// Of all, too many may seem to fail, since healthy calls of environments that know of no
// failure are not reported yet. So half as many calls as are needed must fail as often
// among those that would have been reported whatever came of them: all but the unaware
// ones of others. What this environment itself was unaware of, own, it has reported with
// all its healthy calls of the window.
//
// The minimum is one of reports, each of which may stand for many calls.
func (c Config) trips(counts []Count, own int64, now time.Time) bool {
	first, ok := c.firstFailure(counts, now)
	if !ok {
		return false
	}
	var all, later resilience.Counts
	var unaware int64
	for _, n := range counts {
		if !c.inWindow(n.Epoch, now) {
			continue
		}
		all.Calls, all.Failing = all.Calls+n.Healthy+n.Failing, all.Failing+n.Failing
		unaware += n.Unaware
		if n.Epoch >= first+c.lag() {
			later.Calls, later.Failing = later.Calls+n.Healthy+n.Failing, later.Failing+n.Failing
		}
	}
	others := max(0, unaware-own)
	fair := resilience.Counts{Calls: all.Calls - others, Failing: all.Failing - others}
	weight := c.weight(counts)
	least := int64(c.Rules.MinCalls) * weight
	return c.fails(later, least) || c.fails(all, least) && c.fails(fair, (least+1)/2)
}

func (c Config) fails(sum resilience.Counts, least int64) bool {
	return sum.Calls >= least && float64(sum.Failing) >= c.Rules.FailureRate*float64(sum.Calls)
}

// refresh reads the record and returns the newest snapshot. While somebody else
// reads it, the one at hand has to do.
func (b *Breaker) refresh(ctx context.Context, now time.Time) *snapshot {
	if !b.reading.TryLock() {
		return b.seen.Load()
	}
	defer b.reading.Unlock()
	before := b.seen.Load()
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	r, err := b.store.Read(ctx, false)
	if err != nil {
		b.adopt(before, before.without(now))
	} else {
		b.adopt(before, b.cfg.snapshot(r, now))
	}
	return b.seen.Load()
}

// bounded is the context of one operation. A caller whose own time is over still
// tells what it saw, and must not make the store look as if it were down.
func (b *Breaker) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), b.cfg.StoreTimeout)
}

// adopt replaces the snapshot that an operation began with. If another operation
// was faster, its snapshot stays: the next read settles who was right.
func (b *Breaker) adopt(before, next *snapshot) { b.seen.CompareAndSwap(before, next) }

// change makes a change that follows from a snapshot, learns from the answer, and
// reports whether it was made. What it returns is the record afterwards; nil if the
// store did not answer.
func (b *Breaker) change(ctx context.Context, s *snapshot, c Change) (after *snapshot, done bool) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	r, done, err := b.store.Change(ctx, c)
	if done && s.State != c.To.State && b.cfg.Rules.Changed != nil {
		b.cfg.Rules.Changed(s.State, c.To.State)
	}
	return b.learn(s, r, err), done
}

// learn takes over the answer to a write, which is strongly consistent, unlike a
// read.
func (b *Breaker) learn(before *snapshot, r Record, err error) *snapshot {
	now := b.cfg.Rules.Now()
	if err != nil {
		b.adopt(before, before.without(now))
		return nil
	}
	after := b.cfg.snapshot(r, now)
	b.seen.Store(after)
	return after
}
