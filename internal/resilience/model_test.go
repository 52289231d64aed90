package resilience_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// model is the breaker as one would explain it: a list of verdicts, and numbers.
type model struct {
	cfg        resilience.BreakerConfig
	now        time.Time
	mode       resilience.Mode
	state      resilience.State
	generation int
	verdicts   []verdictAt
	reopened   int
	restOver   time.Time
	underway   int
	healthy    int
	leaseOver  time.Time
}

type verdictAt struct {
	bucket  int64
	failing bool
}

func (m *model) enter(s resilience.State) {
	m.generation++
	m.state, m.verdicts, m.underway = s, nil, 0
}

func (m *model) close() {
	m.enter(resilience.Closed)
	m.reopened, m.healthy = 0, 0
}

func (m *model) open() {
	m.enter(resilience.Open)
	m.healthy = 0
	rest := m.cfg.OpenFor
	for range m.reopened {
		rest = min(2*rest, m.cfg.MaxOpenFor)
	}
	m.restOver = m.now.Add(rest)
}

func (m *model) admit() bool {
	switch {
	case m.mode == resilience.ForcedOpen:
		return false
	case m.mode == resilience.ForcedClosed || m.state == resilience.Closed:
		return true
	case m.state == resilience.Open && m.now.Before(m.restOver):
		return false
	case m.state == resilience.Open:
		m.enter(resilience.HalfOpen)
	case m.underway == m.cfg.Probes && !m.now.Before(m.leaseOver):
		m.enter(resilience.HalfOpen)
		m.healthy = 0
	case m.underway == m.cfg.Probes:
		return false
	}
	m.underway++
	m.leaseOver = m.now.Add(m.cfg.ProbeLease)
	return true
}

func (m *model) done(generation int, v resilience.Verdict) {
	if generation != m.generation || m.mode != resilience.Auto {
		return
	}
	if m.state == resilience.HalfOpen {
		m.probed(v)
		return
	}
	if v == resilience.Uncounted {
		return
	}
	m.verdicts = append(m.verdicts, verdictAt{m.bucket(), v == resilience.Failing})
	n := m.counts()
	if v == resilience.Failing && n.Calls >= int64(m.cfg.MinCalls) && 2*n.Failing >= n.Calls {
		m.open()
	}
}

func (m *model) probed(v resilience.Verdict) {
	m.underway--
	switch v {
	case resilience.Failing:
		m.reopened++
		m.open()
	case resilience.Healthy:
		m.healthy++
		if m.healthy == m.cfg.CloseAfter {
			m.close()
		}
	default:
	}
}

func (m *model) bucket() int64 { return m.now.Unix() } // a second each

func (m *model) counts() (n resilience.Counts) {
	for _, v := range m.verdicts {
		if v.bucket > m.bucket()-int64(m.cfg.Buckets) {
			n.Calls++
			if v.failing {
				n.Failing++
			}
		}
	}
	return n
}

func (m *model) force(mode resilience.Mode) {
	if mode == m.mode {
		return
	}
	m.mode = mode
	m.close()
	if mode == resilience.ForcedOpen {
		m.state = resilience.Open
	}
}

// Whatever happens in whatever order, breaker and model agree after every step.
func TestBreakerBehavesLikeItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		cfg := small(c.now)
		cfg.Probes = rapid.IntRange(1, 3).Draw(t, "probes")
		cfg.CloseAfter = rapid.IntRange(1, 4).Draw(t, "close after")
		b, err := resilience.NewBreaker(cfg)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{cfg: cfg, now: c.at, mode: resilience.Auto}
		type call struct {
			permit     resilience.Permit
			generation int
		}
		var underway []call
		begin := func(t *rapid.T) {
			permit, err := b.Admit()
			if admitted := m.admit(); admitted != (err == nil) {
				t.Fatalf("admitted: %v, model says %v", err == nil, admitted)
			}
			if err == nil {
				underway = append(underway, call{permit, m.generation})
			}
		}
		end := func(t *rapid.T) {
			if len(underway) == 0 {
				t.Skip("no call is under way")
			}
			i := rapid.IntRange(0, len(underway)-1).Draw(t, "call")
			v := rapid.SampledFrom([]resilience.Verdict{
				resilience.Failing, resilience.Failing, resilience.Healthy, resilience.Healthy, resilience.Uncounted,
			}).Draw(t, "verdict")
			underway[i].permit.Done(v)
			m.done(underway[i].generation, v)
			underway = append(underway[:i], underway[i+1:]...)
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": begin, "begin another": begin, "end": end, "end another": end,
			"a moment": func(t *rapid.T) {
				c.advance(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
				m.now = c.at
			},
			"a while": func(t *rapid.T) {
				c.advance(time.Duration(rapid.IntRange(5, 130).Draw(t, "s")) * time.Second)
				m.now = c.at
			},
			"force": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "operator") > 0 {
					return
				}
				mode := rapid.SampledFrom([]resilience.Mode{resilience.Auto, resilience.ForcedOpen, resilience.ForcedClosed}).Draw(t, "mode")
				if err := b.Force(mode); err != nil {
					t.Fatal(err)
				}
				m.force(mode)
			},
			"": func(t *rapid.T) {
				got := b.Status()
				if got.State != m.state || got.Mode != m.mode || got.Counts != m.counts() {
					t.Fatalf("%+v, model says %s %s %+v", got, m.mode, m.state, m.counts())
				}
				if m.mode == resilience.Auto && m.state == resilience.Open && !got.Until.Equal(m.restOver) {
					t.Fatalf("open until %s, model says %s", got.Until, m.restOver)
				}
			},
		})
	})
}
