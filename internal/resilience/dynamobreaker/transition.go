package dynamobreaker

import (
	"context"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// probeOver are the attributes that end with a probe.
var probeOver = [...]string{attrProbeOwner, attrProbeUntil}

// trip opens the breaker, unless it has changed since the counts were read.
func (b *Breaker) trip(ctx context.Context, s *snapshot, now time.Time) {
	c := b.open(s, now, 0)
	c.remove = append(c.remove, s.obsolete...)
	for _, t := range s.tallies {
		if t.healthy > 0 {
			c.remove = append(c.remove, countName(countHealthy, s.version, t.epoch))
		}
		if t.failing > 0 {
			c.remove = append(c.remove, countName(countFailing, s.version, t.epoch))
		}
	}
	b.write(ctx, s, c)
}

// open is the change to an open breaker whose probes have failed so many times.
func (b *Breaker) open(s *snapshot, now time.Time, reopened int64) change {
	r := b.cfg.Rules
	rest := resilience.Rest(r.OpenFor, r.MaxOpenFor, int(reopened), r.Rand())
	c := b.to(s, resilience.Open)
	c.set[attrUntil] = millis(now.Add(rest))
	c.set[attrReopened] = number(reopened)
	c.remove = append(c.remove, attrHealthy)
	return c
}

// to is the change to a state, without any probe.
func (b *Breaker) to(s *snapshot, state resilience.State) change {
	return change{
		set:    item{attrState: text(state.String()), attrVersion: number(s.version + 1)},
		remove: slices.Clone(probeOver[:]),
	}
}

// admitProbe takes the fleet's one lease, if the rest is over and nobody has it.
func (b *Breaker) admitProbe(ctx context.Context, now time.Time, s *snapshot) (permit, error) {
	if s.state == resilience.Open && s.checked.Before(s.until) {
		// A write that would be refused is worth a read: everybody comes now.
		if s = b.refresh(ctx, now); s.down {
			return b.admitAlone()
		}
	}
	if s.mode != resilience.Auto || !s.probeDue(now) {
		return permit{}, resilience.ErrOpen
	}
	owner := b.cfg.NewID()
	after, done := b.write(ctx, s, change{set: item{
		attrState: text(resilience.HalfOpen.String()), attrVersion: number(s.version + 1),
		attrProbeOwner: text(owner), attrProbeUntil: millis(now.Add(b.cfg.Rules.ProbeLease)),
	}})
	switch {
	case after == nil:
		return b.admitAlone()
	case !done:
		return permit{}, resilience.ErrOpen
	default:
		return permit{kind: probing, version: after.version, owner: owner}, nil
	}
}

// endProbe gives the lease back and tells what came of it. Whoever's lease is not
// the current one, or over, says nothing.
func (b *Breaker) endProbe(ctx context.Context, p permit, v resilience.Verdict) {
	s, now := b.seen.Load(), b.cfg.Rules.Now()
	if s.version != p.version || s.probeOwner != p.owner {
		return
	}
	c := b.afterProbe(s, now, v)
	// The version tells a lease apart, the owner two that were taken for one, and
	// the time one that has expired before anybody else came.
	c.condition = attrProbeOwner + " = :owner AND " + attrProbeUntil + " > :now"
	c.values = item{":owner": text(p.owner), ":now": millis(now)}
	b.write(ctx, s, c)
}

func (b *Breaker) afterProbe(s *snapshot, now time.Time, v resilience.Verdict) change {
	switch {
	case v == resilience.Failing:
		return b.open(s, now, s.reopened+1)
	case v == resilience.Healthy && s.healthy+1 >= int64(b.cfg.Rules.CloseAfter):
		c := b.to(s, resilience.Closed)
		c.remove = append(c.remove, attrHealthy, attrUntil, attrReopened)
		return c
	default:
		c := b.to(s, resilience.HalfOpen)
		if v == resilience.Healthy {
			c.set[attrHealthy] = number(s.healthy + 1)
		}
		return c
	}
}
