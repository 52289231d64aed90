package resilience

import (
	"sync"
	"time"
)

// generation is one stay of a breaker in one state. What may change of it
// afterwards is the counts of a closed one and the probes of a half-open one.
type generation struct {
	of    *Breaker
	mode  Mode
	state State
	// reopened is how many probes in a row have failed before.
	reopened int

	window *Window // closed, and not by force

	began time.Time     // open
	rest  time.Duration // open

	probes probes // half-open
}

type probes struct {
	sync.Mutex
	underway  int
	healthy   int
	permitted time.Time // when the last of those underway began
}

// forced returns the first generation of a mode.
func (b *Breaker) forced(m Mode) *generation {
	switch m {
	case ForcedOpen:
		return &generation{of: b, mode: m, state: Open}
	case ForcedClosed:
		return &generation{of: b, mode: m, state: Closed}
	default:
		return b.closed()
	}
}

// replace ends generation g in favor of the next, unless it has ended before.
func (b *Breaker) replace(g, next *generation) bool {
	if !b.current.CompareAndSwap(g, next) {
		return false
	}
	if b.cfg.Changed != nil && g.state != next.state {
		b.cfg.Changed(g.state, next.state)
	}
	return true
}

// elapsed reports whether d has passed since. A clock that was set back to before
// since ends the wait too: else it could last for as long as the clock jumped.
func elapsed(since, now time.Time, d time.Duration) bool {
	passed := now.UnixNano() - since.UnixNano()
	return passed < 0 || passed >= int64(d)
}
