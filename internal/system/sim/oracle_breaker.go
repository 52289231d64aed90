package sim

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// What the product promises of its breaker, in words of its own.
const (
	probesToClose = 3
	failuresToTip = 2                                                 // the least of 3 calls that are half of them
	countedFor    = 5*time.Minute + 10*time.Second + grace + mostLate // until whoever wants it open is heard
	mostRest      = 5 * time.Minute
	mostLease     = 10 * time.Second
	// grace is how long it takes until everybody has heard: a snapshot's time, the read
	// after it, which may be stale, and what clocks differ.
	grace = breakerTTL + storeLimit + mostStale + time.Second
)

// circuitJudge sees every change of the record and every call to the provider.
type circuitJudge struct {
	*World
	record fleet.Record
	since  time.Time // when record came to its stage
	// allowed and refusing are the last instants at which calls were allowed, or
	// refused, by right, before record.
	allowed, refusing time.Time

	inEffect map[resilience.State]time.Time // until when, before record

	failures []time.Time // ends of failing calls that began since it closed
	probes   []*circuitCall
	streak   int    // of healthy probes since it opened
	failed   string // the lease of the last probe that failed in its time

	bursts burstJudge
}

// circuitCall is a call to the provider.
type circuitCall struct {
	began time.Time
	lease string    // of a probe
	until time.Time // of the lease
	ended bool
}

func newCircuitJudge(c *circuit) *circuitJudge {
	return &circuitJudge{World: c.World, since: time.Now(), inEffect: map[resilience.State]time.Time{}}
}

// allows tells whether calls go through by right.
func (j *circuitJudge) allows() bool {
	return j.record.Mode == resilience.ForcedClosed || j.record.Mode != resilience.ForcedOpen && j.record.State == resilience.Closed
}

// refusedUntil returns until when calls are refused by right; zero for not at all. No rest and
// no lease lasts for ever, whatever the record says.
func (j *circuitJudge) refusedUntil() time.Time {
	switch {
	case j.record.Mode == resilience.ForcedOpen:
		return never
	case j.record.Mode == resilience.ForcedClosed:
	case j.record.State == resilience.Open:
		return j.since.Add(mostRest)
	case j.record.State == resilience.HalfOpen && j.record.Lease.Owner != "":
		return j.since.Add(mostLease)
	default:
	}
	return time.Time{}
}

// effective is the state that everybody sees.
func (j *circuitJudge) effective() resilience.State {
	switch j.record.Mode {
	case resilience.ForcedOpen:
		return resilience.Open
	case resilience.ForcedClosed:
		return resilience.Closed
	default:
		return j.record.State
	}
}

// shown judges a state that somebody was told of.
func (j *circuitJudge) shown(p *process, state resilience.State) {
	switch {
	case p.away:
		j.reach(healthWithoutStore)
	case state != j.effective() && time.Since(j.inEffect[state]) > grace:
		j.fail("/health shows what is in effect", "", "%s, and it is %s since %s", state, j.effective(), j.sinceBegan(j.since))
	case state != resilience.Closed:
		j.reach(healthWasDegraded)
	}
}

// changed judges the step from one stage to the next.
func (j *circuitJudge) changed(before, after fleet.Record) {
	now := time.Now()
	if j.allows() {
		j.allowed = now
	} else {
		j.refusing = now // whoever wanted the lease, and lost a race against this change
	}
	j.inEffect[j.effective()] = now
	j.record, j.since = after, now
	if after.Version != before.Version+1 {
		j.fail("the breaker goes on step by step", "", "from version %d to %d", before.Version, after.Version)
	}
	if after.Orders != before.Orders {
		j.failures, j.streak = nil, 0
		return
	}
	switch {
	case before.State == resilience.Closed && after.State == resilience.Open:
		j.opened(now)
	case before.State != resilience.Closed && after.State == resilience.Closed:
		j.closed()
	case before.State == resilience.HalfOpen && after.State == resilience.Open:
		j.reach(breakerReopened)
		if j.failed != before.Lease.Owner {
			j.fail("the breaker opens again on the failure of its probe", "", "the probe %q, and the last that failed is %q", before.Lease.Owner, j.failed)
		}
	case before.State == resilience.Open && after.State == resilience.Open:
		j.fail("an open breaker rests as long as it said", "", "from version %d to %d", before.Version, after.Version)
	}
	if after.State == resilience.Open {
		j.streak = 0
	}
}

func (j *circuitJudge) opened(now time.Time) {
	j.reach(breakerOpened)
	if now.Sub(j.bursts.lostAt) > countedFor && len(j.bursts.ended) == leastCalls-1 {
		j.reach(burstOpenedIt)
	}
	recent := 0
	for _, at := range j.failures {
		if now.Sub(at) <= countedFor {
			recent++
		}
	}
	if recent < failuresToTip {
		j.fail("the breaker opens on failures of calls that it let through itself", "", "%d of them", recent)
	}
}

func (j *circuitJudge) closed() {
	j.reach(breakerClosed)
	if j.streak < probesToClose {
		j.fail("the breaker closes after healthy probes in a row", "", "%d of %d", j.streak, probesToClose)
	}
	j.failures, j.streak = nil, 0
}

// begins judges a call at the moment in which it is made.
func (j *circuitJudge) begins(t *task, p *process) *circuitCall {
	now := time.Now()
	c := &circuitCall{began: now, lease: j.circuit.probes[t.inv]}
	delete(j.circuit.probes, t.inv)
	switch {
	case c.lease != "":
		c.until = j.since.Add(mostLease)
		for _, other := range j.probes {
			if !other.ended && now.Add(time.Second).Before(other.until) {
				j.fail("one probe at a time", "", "%s probes under %s, while %s has time until %s", t.name, c.lease, other.lease, j.sinceBegan(other.until))
			}
		}
		j.probes = append(j.probes[:0], append(living(j.probes), c)...)
	case p.away:
		j.reach(callWithoutBreakersStore)
	case !j.allows() && now.Sub(j.allowed) > grace:
		j.fail("7: calls to the provider end soon after the breaker opened", "", "%s calls %s after", t.name, now.Sub(j.allowed))
	default:
	}
	return c
}

func (j *circuitJudge) sinceBegan(at time.Time) string { return at.Sub(j.began).String() }

func living(probes []*circuitCall) []*circuitCall {
	var kept []*circuitCall
	for _, p := range probes {
		if !p.ended {
			kept = append(kept, p)
		}
	}
	return kept
}

// ends takes note of how a call ended; crashed is one of which nobody will hear.
func (j *circuitJudge) ends(c *circuitCall, v resilience.Verdict, crashed bool) {
	c.ended = true
	now := time.Now()
	switch {
	case crashed:
		j.bursts.loses()
		if c.lease != "" {
			j.reach(probeWasLost)
		}
		c.ended = false // its lease goes on
	case c.lease != "" && (j.record.Lease.Owner != c.lease || now.After(c.until.Add(time.Second))):
		j.reach(probeCameLate)
	case c.lease != "" && v == resilience.Failing:
		j.streak, j.failed = 0, c.lease
	case c.lease != "" && v == resilience.Healthy:
		j.streak++
	case v == resilience.Failing && !c.began.Before(j.since.Add(-grace)):
		j.failures = append(j.failures, now)
	default:
	}
}

// refused judges a refusal: somebody must have had a right to it a moment ago, or the
// record has just changed, and whoever wanted to probe was too late for it.
func (j *circuitJudge) refused(t *task, p *process) {
	now := time.Now()
	last := latest(j.refusing, earliest(now, j.refusedUntil()))
	if p.away || now.Sub(last) <= grace || now.Sub(j.since) <= grace {
		j.reach(callWasRefused)
		return
	}
	j.fail("an open breaker lets a probe through once its rest is over", "", "%s is refused %s after; %s, %s since %s, lease %q",
		t.name, now.Sub(last), j.record.Mode, j.record.State, j.sinceBegan(j.since), j.record.Lease.Owner)
}

// finished judges the end, long after the last fault.
func (j *circuitJudge) finished() {
	if until := j.refusedUntil(); until.After(time.Now()) {
		j.fail("the breaker is left to itself, and not open for good", "", "%s, %s until %s", j.record.Mode, j.record.State, j.sinceBegan(until))
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
