package deferral

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

const (
	// step is how long to wait between portions: about what it takes until the breaker
	// knows what the last one did.
	step = 2 * time.Second
	// perCaller is how many hints may lie in the queue for each of the calls that
	// may run at once. More would only keep new bookings waiting behind old ones.
	perCaller = 10
	// portionLimit keeps a portion within a few seconds.
	portionLimit = 200
)

// pace decides how much work comes back, and when to ask again. Its memory is that of
// one process: a new one begins carefully.
type pace struct {
	// next is the size of the next portion, 0 for the smallest.
	next int
}

// portion returns how many hints may be sent now, or when to ask again if none; the
// zero time is not before the next run.
func (p *pace) portion(s fleet.Status, now time.Time, callers, backlog int) (n int, again time.Time) {
	if s.State != resilience.Closed {
		p.next = 0
	}
	switch {
	case s.Mode == resilience.ForcedOpen:
		return 0, time.Time{}
	case s.State == resilience.Closed:
	case s.ProbeDue:
		return 1, time.Time{}
	case s.State == resilience.Open && now.Before(s.Until):
		return 0, s.Until
	default: // somebody's probe is under way
		return 0, now.Add(step)
	}
	p.next = max(p.next, callers)
	n = min(p.next, portionLimit, callers*perCaller-backlog)
	if n <= 0 {
		return 0, now.Add(step)
	}
	p.next = min(2*p.next, portionLimit)
	return n, time.Time{}
}
