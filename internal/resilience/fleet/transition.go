package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// trip opens the breaker, unless it has changed since the counts were read.
func (b *Breaker) trip(ctx context.Context, s *snapshot, now time.Time) {
	b.change(ctx, s, Change{From: s.Version, To: b.cfg.open(s.Stage, now, 0), Drop: slices.Clone(s.Counts)})
}

// open is the stage of a breaker whose probes have failed so many times.
func (c Config) open(s Stage, now time.Time, reopened int64) Stage {
	rest := resilience.Rest(c.Rules.OpenFor, c.Rules.MaxOpenFor, int(reopened), c.Rules.Rand())
	return Stage{Version: s.Version + 1, State: resilience.Open, Until: now.Add(rest), Reopened: reopened}
}

// closed is the stage of a breaker that has recovered, or begins anew.
func closed(s Stage) Stage { return Stage{Version: s.Version + 1, State: resilience.Closed} }

// halfOpen is the stage between two probes, or with one under way.
func halfOpen(s Stage, healthy int64, l Lease) Stage {
	return Stage{Version: s.Version + 1, State: resilience.HalfOpen, Until: s.Until, Reopened: s.Reopened, Healthy: healthy, Lease: l}
}

// admitProbe takes the fleet's one lease, if the rest is over and nobody has it.
func (b *Breaker) admitProbe(ctx context.Context, now time.Time, s *snapshot) (permit, error) {
	if s.State == resilience.Open && s.checked.Before(s.Until) {
		// A write that would be refused is worth a read: everybody comes now.
		if s = b.refresh(ctx, now); s.down {
			return b.admitAlone()
		}
	}
	if s.Mode != resilience.Auto || !s.probeDue(now) {
		return permit{}, resilience.ErrOpen
	}
	healthy := s.Healthy
	if s.Lease.Owner != "" {
		healthy = 0 // of the last probe nothing was heard: that ends the row
	}
	lease := Lease{Owner: b.cfg.NewID(), Until: now.Add(b.cfg.Rules.ProbeLease)}
	after, done := b.change(ctx, s, Change{From: s.Version, To: halfOpen(s.Stage, healthy, lease)})
	switch {
	case after == nil:
		return b.admitAlone()
	case !done:
		return permit{}, resilience.ErrOpen
	default:
		return permit{kind: probing, version: after.Version, owner: lease.Owner}, nil
	}
}

// endProbe gives the lease back and tells what came of it. Whoever's lease is not
// the current one, or over, says nothing: the version tells a lease apart, the owner
// two that were taken for one, and the time one that has expired before anybody
// else came.
func (b *Breaker) endProbe(ctx context.Context, p permit, v resilience.Verdict) {
	s, now := b.seen.Load(), b.cfg.Rules.Now()
	if s.Version != p.version || s.Lease.Owner != p.owner {
		return
	}
	b.change(ctx, s, Change{From: s.Version, Holder: p.owner, At: now, To: b.cfg.afterProbe(s.Stage, now, v)})
}

func (c Config) afterProbe(s Stage, now time.Time, v resilience.Verdict) Stage {
	switch {
	case v == resilience.Failing:
		return c.open(s, now, s.Reopened+1)
	case v == resilience.Healthy && s.Healthy+1 >= int64(c.Rules.CloseAfter):
		return closed(s)
	case v == resilience.Healthy:
		return halfOpen(s, s.Healthy+1, Lease{})
	default:
		return halfOpen(s, s.Healthy, Lease{})
	}
}
