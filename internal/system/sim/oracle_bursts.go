package sim

import (
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

const (
	// leastCalls are those of which half must fail, in this town.
	leastCalls = 3
	// surelyCounted is how long a call counts at least: the window less a bucket.
	surelyCounted = 5*time.Minute - 10*time.Second
)

// burstJudge sees the verdict of every call. As long as one process alone has called, it
// knows all there is to know: then half of at least so many calls open the breaker at
// once, however soon they are over.
type burstJudge struct {
	ended  []endedCall
	lostAt time.Time // when something of this was last lost, or not counted by right
}

type endedCall struct {
	at      time.Time
	process *process
	failed  bool
}

// loses notes that a verdict, or a change of the record, may have been lost.
func (b *burstJudge) loses() { b.lostAt = time.Now() }

// told judges the breaker after a process has had the time to report a verdict.
func (j *circuitJudge) told(p *process, v resilience.Verdict) {
	now, b := time.Now(), &j.bursts
	if p.away || j.record.Mode != resilience.Auto && j.record.Mode != "" {
		b.loses()
	}
	b.ended = slices.DeleteFunc(b.ended, func(c endedCall) bool { return now.Sub(c.at) > countedFor })
	if v != resilience.Uncounted {
		b.ended = append(b.ended, endedCall{now, p, v == resilience.Failing})
	}
	changed := j.record.Version > 0 && now.Sub(j.since) <= countedFor
	if v != resilience.Failing || changed || !b.lostAt.IsZero() && now.Sub(b.lostAt) <= countedFor || !b.by(p, now) {
		return
	}
	failed := 0
	for _, c := range b.ended {
		if c.failed {
			failed++
		}
	}
	if len(b.ended) >= leastCalls && 2*failed >= len(b.ended) {
		j.fail("the breaker opens at half of at least 3 calls", "", "%d of %d calls of one process failed, and it is %s", failed, len(b.ended), j.record.State)
	}
}

// by tells whether all calls that may count are of one process, and do count.
func (b *burstJudge) by(p *process, now time.Time) bool {
	return !slices.ContainsFunc(b.ended, func(c endedCall) bool { return c.process != p || now.Sub(c.at) > surelyCounted })
}
