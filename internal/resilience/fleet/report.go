package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// reports gathers verdicts of one environment between two writes.
type reports struct {
	sync.Mutex
	version          int64
	began            time.Time
	healthy, failing int64
	flushed          time.Time
}

// count reports a verdict if the fleet needs it: every failing one, and healthy
// ones while the window has a failure, sampled alike.
func (b *Breaker) count(ctx context.Context, version int64, v resilience.Verdict) {
	if v == resilience.Uncounted {
		return
	}
	now := b.cfg.Rules.Now()
	s := b.seen.Load()
	if v == resilience.Healthy {
		if !s.fresh(now, b.cfg.TTL) { // the call took long: the fleet may have failed meanwhile
			s = b.refresh(ctx, now)
		}
		if _, failing := b.cfg.firstFailure(s, now); !failing {
			return
		}
	}
	weight := b.cfg.weight(s)
	if s.Version != version || b.cfg.Rules.Rand()*float64(weight) >= 1 {
		return
	}
	b.report(ctx, s, v, weight, now)
}

// report gathers a verdict, and writes what was gathered if that is not too soon
// after the last time; else the next report takes it along.
func (b *Breaker) report(ctx context.Context, s *snapshot, v resilience.Verdict, weight int64, now time.Time) {
	healthy, failing := b.reports.gather(s.Version, v, weight, now, b.cfg)
	if healthy+failing == 0 {
		return
	}
	bounded, cancel := b.bounded(ctx)
	defer cancel()
	added := Count{Version: s.Version, Epoch: b.cfg.epoch(now), Healthy: healthy, Failing: failing}
	r, done, err := b.store.Report(bounded, Report{Count: added, Drop: s.obsoleteBut(added)})
	// A write whose answer was lost is not repeated: too few is better than twice.
	after := b.learn(s, r, err)
	if done && after != nil && failing > 0 && b.cfg.trips(after, now) {
		b.trip(ctx, after, now)
	}
}

// gather adds a verdict and returns what is to be written now. What an
// environment was left with before it fell asleep is too old to be told.
func (r *reports) gather(version int64, v resilience.Verdict, weight int64, now time.Time, cfg Config) (healthy, failing int64) {
	r.Lock()
	defer r.Unlock()
	if r.version != version || cfg.epoch(r.began) < cfg.epoch(now)-1 {
		r.version, r.began, r.healthy, r.failing = version, now, 0, 0
	}
	if v == resilience.Failing {
		r.failing += weight
	} else {
		r.healthy += weight
	}
	since := now.Sub(r.flushed)
	if since >= 0 && since < cfg.FlushEvery {
		return 0, 0
	}
	healthy, failing = r.healthy, r.failing
	r.healthy, r.failing, r.began, r.flushed = 0, 0, now, now
	return healthy, failing
}
