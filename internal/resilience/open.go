package resilience

import "time"

// open returns a generation that rests: the longer, the more probes have failed.
func (b *Breaker) open(now time.Time, reopened int) *generation {
	return &generation{
		of: b, mode: Auto, state: Open, reopened: reopened, began: now,
		rest: Rest(b.cfg.OpenFor, b.cfg.MaxOpenFor, reopened, b.cfg.Rand()),
	}
}

// Rest returns how long to leave a dependency alone after its probes have failed
// the given number of times: base, doubled for each of them up to most, less up to
// a half by a draw from [0, 1), so that those who stopped together do not come
// back together.
func Rest(base, most time.Duration, failed int, draw float64) time.Duration {
	bound := base
	for range failed {
		if bound >= most/2 {
			bound = most
			break
		}
		bound *= 2
	}
	return bound - time.Duration(draw*float64(bound)/2)
}

// endRest makes the breaker half-open if its rest is over, and reports whether
// the caller should look again.
func (g *generation) endRest() bool {
	if g.mode != Auto || !elapsed(g.began, g.of.cfg.Now(), g.rest) {
		return false
	}
	g.of.replace(g, g.of.halfOpen(g.reopened))
	return true // if somebody else was first, so much the better
}
