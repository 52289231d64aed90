package resilience

import "time"

func (b *Breaker) closed() *generation {
	return &generation{
		of: b, mode: Auto, state: Closed,
		window: NewWindow(b.cfg.Buckets, b.cfg.Window/time.Duration(b.cfg.Buckets)),
	}
}

// count records the verdict of a call that was admitted while closed, and opens
// the breaker if that makes too many failing ones. Only a failing call can: a
// healthy one that completes MinCalls is no reason to stop.
func (g *generation) count(v Verdict) {
	if v == Uncounted {
		return
	}
	now := g.of.cfg.Now()
	g.window.Add(now, v)
	if v == Failing && g.of.cfg.tripsOn(g.window.Counts(now)) {
		g.of.replace(g, g.of.open(now, 0))
	}
}

func (c BreakerConfig) tripsOn(n Counts) bool {
	return n.Calls >= int64(c.MinCalls) && float64(n.Failing) >= c.FailureRate*float64(n.Calls)
}
