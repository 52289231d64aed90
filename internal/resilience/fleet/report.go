package fleet

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// reports are the verdicts of one environment that are not written yet: those between
// two writes, and the healthy ones of a window in which no failure is known.
type reports struct {
	sync.Mutex
	version int64
	counts  []Count
	// own are those written earlier that are marked as unaware, in the window.
	own     []Count
	flushed time.Time
}

// count takes a verdict. It is written if the fleet needs it: every failing one, and
// healthy ones while the window has a failure, sampled alike. Other healthy ones are
// kept, and written with the first failure that becomes known.
func (b *Breaker) count(ctx context.Context, version int64, v resilience.Verdict) {
	if v == resilience.Uncounted {
		return
	}
	now := b.cfg.Rules.Now()
	s := b.seen.Load()
	if !s.fresh(now, b.cfg.TTL) { // the call took long: the fleet may have failed meanwhile
		s = b.refresh(ctx, now)
	}
	if s.Version != version {
		return
	}
	weight := int64(1)
	if _, failing := b.cfg.firstFailure(s.counts, now); failing {
		weight = b.cfg.weight(s.counts)
		if b.cfg.Rules.Rand()*float64(weight) >= 1 {
			return
		}
	}
	if added, own := b.reports.gather(s, v, weight, now, b.cfg); added != nil {
		b.report(ctx, s, added, own, now)
	}
}

// report writes counts, and opens the breaker if the fleet's calls fail too often.
func (b *Breaker) report(ctx context.Context, s *snapshot, added []Count, own int64, now time.Time) {
	bounded, cancel := b.bounded(ctx)
	defer cancel()
	r, done, err := b.store.Report(bounded, Report{Version: s.Version, Counts: added, Drop: s.obsoleteBut(added, b.cfg.Rules.Buckets)})
	// A write whose answer was lost is not repeated: too few is better than twice.
	after := b.learn(s, r, err)
	failing := slices.ContainsFunc(added, func(n Count) bool { return n.Failing > 0 })
	if done && after != nil && failing && b.cfg.trips(after.counts, own, now) {
		b.trip(ctx, after, now)
	}
}

// gather keeps a verdict. It returns the counts that are to be written now, nil for
// none, and how many failures of this environment the record has as unaware then. Soon
// after a write nothing is written, unless it would open the breaker.
func (r *reports) gather(s *snapshot, v resilience.Verdict, weight int64, now time.Time, cfg Config) (added []Count, own int64) {
	r.Lock()
	defer r.Unlock()
	r.forget(s.Version, now, cfg)
	_, failing := cfg.firstFailure(s.counts, now)
	r.add(Count{Version: s.Version, Epoch: cfg.epoch(now)}.plus(v, weight, !failing))
	if !failing && v == resilience.Healthy {
		return nil, 0
	}
	own = unawareOf(r.own) + unawareOf(r.counts)
	since := now.Sub(r.flushed)
	soon := since >= 0 && since < cfg.FlushEvery
	if soon && !cfg.trips(slices.Concat(s.counts, r.counts), own, now) {
		return nil, 0
	}
	added = slices.Clone(r.counts)
	r.own = append(r.own, slices.DeleteFunc(slices.Clone(added), func(n Count) bool { return n.Unaware == 0 })...)
	r.counts, r.flushed = r.counts[:0], now
	return added, own
}

// forget drops what is of another version, or older than the window.
func (r *reports) forget(version int64, now time.Time, cfg Config) {
	if n := len(r.counts); n > 0 && r.version == version && r.counts[n-1].Epoch == cfg.epoch(now) && len(r.own) == 0 {
		return // the usual case, fast
	}
	old := func(n Count) bool { return n.Version != version || !cfg.inWindow(n.Epoch, now) }
	r.version, r.counts, r.own = version, slices.DeleteFunc(r.counts, old), slices.DeleteFunc(r.own, old)
}

func (r *reports) add(n Count) {
	for i := len(r.counts) - 1; i >= 0; i-- {
		if r.counts[i].Epoch == n.Epoch {
			r.counts[i].Healthy += n.Healthy
			r.counts[i].Failing += n.Failing
			r.counts[i].Unaware += n.Unaware
			return
		}
	}
	r.counts = append(r.counts, n)
}

// plus returns n with a verdict that stands for several calls. A failing one is unaware
// if its environment knew of no failure.
func (n Count) plus(v resilience.Verdict, calls int64, knewNone bool) Count {
	switch {
	case v == resilience.Healthy:
		n.Healthy += calls
	case knewNone:
		n.Failing, n.Unaware = n.Failing+calls, n.Unaware+calls
	default:
		n.Failing += calls
	}
	return n
}

func unawareOf(counts []Count) (sum int64) {
	for _, n := range counts {
		sum += n.Unaware
	}
	return sum
}
