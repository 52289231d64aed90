package sim

import (
	"maps"
	"slices"
	"time"
)

// choice is one entry of a trace.
type choice struct {
	label string
	at    int
	value int
}

func (t Trace) choices() []choice {
	var all []choice
	for _, label := range slices.Sorted(maps.Keys(t)) {
		for _, at := range slices.Sorted(maps.Keys(t[label])) {
			all = append(all, choice{label, at, t[label][at]})
		}
	}
	return all
}

func traceOf(choices []choice) Trace {
	t := Trace{}
	for _, c := range choices {
		if t[c.label] == nil {
			t[c.label] = map[int]int{}
		}
		t[c.label][c.at] = c.value
	}
	return t
}

// Shrink leaves as much as it can in the given time out of the trace of a run that
// broke a rule, so that the same rule is still broken.
func Shrink(failed Result, run func(Trace) Result, limit time.Duration) Trace {
	began := time.Now()
	s := &shrinker{rule: failed.Violation.Rule, run: run, over: func() bool { return time.Since(began) > limit }}
	best := failed.Trace.choices()
	best = s.withoutEach(best, bookingsOfRiders) // fewer riders make every further try faster
	best = s.withoutLabels(best)
	for size := len(best) / 2; size > 0 && !s.over(); size /= 2 {
		best = s.withoutChunks(best, size)
	}
	return traceOf(best)
}

type shrinker struct {
	rule string
	run  func(Trace) Result
	over func() bool
}

// still returns what of a trace a run used, if it still fails in the same way.
func (s *shrinker) still(choices []choice) ([]choice, bool) {
	r := s.run(traceOf(choices))
	if r.Violation == nil || r.Violation.Rule != s.rule {
		return nil, false
	}
	used := r.Trace.choices()
	return used, len(used) <= len(choices)
}

// withoutLabels leaves out all choices of a kind.
func (s *shrinker) withoutLabels(best []choice) []choice {
	for _, label := range slices.Sorted(maps.Keys(traceOf(best))) {
		if s.over() {
			break
		}
		rest := slices.DeleteFunc(slices.Clone(best), func(c choice) bool { return c.label == label })
		if used, ok := s.still(rest); ok {
			best = used
		}
	}
	return best
}

// withoutEach leaves out single choices of a kind.
func (s *shrinker) withoutEach(best []choice, label string) []choice {
	for at := range traceOf(best)[label] {
		rest := slices.DeleteFunc(slices.Clone(best), func(c choice) bool { return c.label == label && c.at == at })
		if used, ok := s.still(rest); ok {
			best = used
		}
	}
	return best
}

func (s *shrinker) withoutChunks(best []choice, size int) []choice {
	for at := 0; at < len(best) && !s.over(); {
		rest := slices.Delete(slices.Clone(best), at, min(at+size, len(best)))
		if used, ok := s.still(rest); ok {
			best = used
		} else {
			at += size
		}
	}
	return best
}
