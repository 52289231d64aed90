package dynamobreaker

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// snapshot is the item as one environment knows it. It never changes.
type snapshot struct {
	mode     resilience.Mode
	state    resilience.State
	version  int64
	orders   int64
	until    time.Time
	reopened int64
	healthy  int64

	probeOwner string
	probeUntil time.Time

	order Order // the last one

	tallies  []tally  // of this version
	obsolete []string // counts that nobody will look at any more

	// checked is when the store was last asked, and down whether it gave no
	// answer; everything else then is from before.
	checked time.Time
	down    bool
}

type tally struct{ epoch, healthy, failing int64 }

// decode returns what an item, or none, says at a time.
func (c Config) decode(it item, now time.Time) (*snapshot, error) {
	r := &reader{it: it}
	s := &snapshot{
		mode: r.mode(), state: r.state(), version: r.number(attrVersion), orders: r.number(attrOrders),
		until: r.time(attrUntil), reopened: r.number(attrReopened), healthy: r.number(attrHealthy),
		probeOwner: r.text(attrProbeOwner), probeUntil: r.time(attrProbeUntil),
		order:   Order{Mode: r.mode(), By: r.text(attrModeBy), Why: r.text(attrModeWhy), At: r.time(attrModeAt)},
		checked: now,
	}
	byEpoch := make(map[int64]int)
	for name := range it {
		kind, version, epoch, ok := parseCount(name)
		if !ok {
			continue
		}
		if version != s.version || !c.inWindow(epoch, now) {
			s.obsolete = append(s.obsolete, name)
			continue
		}
		i, known := byEpoch[epoch]
		if !known {
			i = len(s.tallies)
			byEpoch[epoch] = i
			s.tallies = append(s.tallies, tally{epoch: epoch})
		}
		if kind == countFailing {
			s.tallies[i].failing = r.number(name)
		} else {
			s.tallies[i].healthy = r.number(name)
		}
	}
	return s, r.err
}

// inWindow reports whether a bucket counts now. A bucket of the near future is
// that of an environment whose clock is a little ahead.
func (c Config) inWindow(epoch int64, now time.Time) bool {
	return epoch > c.epoch(now)-int64(c.Rules.Buckets)
}

// fresh reports whether the snapshot need not be read again yet.
func (s *snapshot) fresh(now time.Time, ttl time.Duration) bool {
	age := now.UnixNano() - s.checked.UnixNano()
	return age >= 0 && age < int64(ttl) // a clock set back makes it stale
}

// probeDue reports whether the breaker is not closed, and the next call would be let
// through as a probe.
func (s *snapshot) probeDue(now time.Time) bool {
	return s.state != resilience.Closed && !now.Before(s.until) && !now.Before(s.probeUntil)
}

// firstFailure returns the oldest bucket of the window with a failure.
func (c Config) firstFailure(s *snapshot, now time.Time) (epoch int64, ok bool) {
	for _, t := range s.tallies {
		if t.failing > 0 && c.inWindow(t.epoch, now) && (!ok || t.epoch < epoch) {
			epoch, ok = t.epoch, true
		}
	}
	return epoch, ok
}

// weight returns for how many calls one report stands, so that the fleet, at the
// highest rate that the window has seen, writes no more than it may.
func (c Config) weight(s *snapshot) int64 {
	var most int64
	for _, t := range s.tallies {
		most = max(most, t.healthy+t.failing)
	}
	perBucket := max(1, int64(float64(c.ReportsPerSecond)*c.width().Seconds()))
	return max(1, (most+perBucket-1)/perBucket)
}

// trips reports whether the fleet's calls fail too often. It counts from the
// bucket on by which everybody had read of the window's first failure: healthy
// calls before that were not reported. The minimum is one of reports, each of
// which may stand for many calls.
func (c Config) trips(s *snapshot, now time.Time) bool {
	first, ok := c.firstFailure(s, now)
	if !ok {
		return false
	}
	var n resilience.Counts
	for _, t := range s.tallies {
		if t.epoch >= first+c.lag() {
			n.Calls += t.healthy + t.failing
			n.Failing += t.failing
		}
	}
	return n.Calls >= int64(c.Rules.MinCalls)*c.weight(s) && float64(n.Failing) >= c.Rules.FailureRate*float64(n.Calls)
}
