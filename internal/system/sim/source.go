package sim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Trace is what a run chose, apart from the choices that were 0: by label, then
// by the number of the choice under that label. The choice 0 is always the
// harmless one, so the empty Trace is a world in which nothing happens, and
// leaving choices out of a trace makes its story shorter.
type Trace map[string]map[int]int

// Len counts the choices of a trace.
func (t Trace) Len() int {
	n := 0
	for _, choices := range t {
		n += len(choices)
	}
	return n
}

// Dice are what the choices of a world are thrown with. Small numbers stand for
// little harm, so that whoever shrinks what was thrown shortens the story.
type Dice interface {
	// IntN returns a number from 0 up to n, not included.
	IntN(n int) int
	// Float64 returns a number from 0 up to 1, not included.
	Float64() float64
}

// source is where every choice of a world comes from.
type source struct {
	dice   Dice // nil while a trace is replayed
	replay Trace
	labels map[string]*choices
	hash   uint64
	steps  int
}

// choices are those under one label.
type choices struct {
	n      int // made so far
	replay map[int]int
	made   map[int]int // apart from those that were 0
}

func fromSeed(seed uint64) *source { return fromDice(rand.New(rand.NewPCG(seed, 0x68_61_69_6c))) }

func fromDice(d Dice) *source {
	return &source{dice: d, labels: map[string]*choices{}}
}

func fromTrace(t Trace) *source {
	return &source{replay: t, labels: map[string]*choices{}}
}

// choose returns a number below n: the one that draw gives, or the replayed one.
func (s *source) choose(label string, n int, draw func(Dice) int) int {
	c := s.labels[label]
	if c == nil {
		c = &choices{replay: s.replay[label], made: map[int]int{}}
		s.labels[label] = c
	}
	var v int
	if s.dice != nil {
		v = draw(s.dice)
	} else {
		v = min(c.replay[c.n], n-1)
	}
	if v != 0 {
		c.made[c.n] = v
	}
	c.n++
	s.mix(uint64(v)) //nolint:gosec // a small number, never negative
	return v
}

// trace returns what was chosen so far.
func (s *source) trace() Trace {
	made := Trace{}
	for label, c := range s.labels {
		if len(c.made) > 0 {
			made[label] = c.made
		}
	}
	return made
}

// pick chooses evenly.
func (s *source) pick(label string, n int) int {
	if n < 2 {
		return 0
	}
	return s.choose(label, n, func(d Dice) int { return d.IntN(n) })
}

// span chooses evenly from least up to most, included. While a trace is replayed
// it may return less: what a trace leaves out is 0.
func (s *source) span(label string, least, most int) int {
	return s.choose(label, most+1, func(d Dice) int { return least + d.IntN(most-least+1) })
}

// weighted chooses 0 or i+1, where weights[i] is the probability of the latter.
func (s *source) weighted(label string, weights []float64) int {
	return s.choose(label, len(weights)+1, func(d Dice) int {
		x := 1 - d.Float64()
		for i, w := range weights {
			if x < w {
				return i + 1
			}
			x -= w
		}
		return 0
	})
}

func (s *source) chance(label string, p float64) bool {
	return s.choose(label, 2, func(d Dice) int {
		if 1-d.Float64() < p {
			return 1
		}
		return 0
	}) == 1
}

// float returns a number in [0, 1), for jitter.
func (s *source) float(label string) float64 {
	const steps = 1000
	return float64(s.pick(label, steps)) / steps
}

// mix takes something that happened into the hash of the run.
func (s *source) mix(x uint64) {
	s.steps++
	s.hash = (s.hash ^ x) * 0x100000001b3
	s.hash ^= s.hash >> 29
}

func (s *source) mixText(text string) { s.mix(digest(text)) }

func digest(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}

func (s *source) mixTime(t time.Time) { s.mix(uint64(t.UnixNano())) }
