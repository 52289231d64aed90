package resilience_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// clock stands still until it is moved.
type clock struct{ at time.Time }

func newClock() *clock                   { return &clock{at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// small opens at half of at least 4 calls in 10 s, rests 30 s, and closes after 2
// healthy probes, one at a time.
func small(now func() time.Time) resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 4, Window: 10 * time.Second, Buckets: 10,
		OpenFor: 30 * time.Second, MaxOpenFor: 2 * time.Minute,
		Probes: 1, CloseAfter: 2, ProbeLease: 15 * time.Second,
		Now: now, Rand: func() float64 { return 0 },
	}
}

func newBreaker(t testing.TB, cfg resilience.BreakerConfig) *resilience.Breaker {
	t.Helper()
	b, err := resilience.NewBreaker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// calls makes one call per outcome.
func calls(t testing.TB, b *resilience.Breaker, outcomes ...error) {
	t.Helper()
	for i, outcome := range outcomes {
		if err := b.Do(t.Context(), returns(outcome)); !errors.Is(err, outcome) {
			t.Fatalf("call %d: %v, want the call's own outcome %v", i+1, err, outcome)
		}
	}
}

func wantState(t testing.TB, b *resilience.Breaker, want resilience.State) {
	t.Helper()
	if got := b.Status(); got.State != want {
		t.Fatalf("%s, want %s: %+v", got.State, want, got)
	}
}

func wantRefused(t testing.TB, b *resilience.Breaker) {
	t.Helper()
	called := false
	err := b.Do(t.Context(), func(context.Context) error { called = true; return nil })
	if !errors.Is(err, resilience.ErrOpen) || called {
		t.Fatalf("%v, called %v; want a refusal", err, called)
	}
}

func admit(t testing.TB, b *resilience.Breaker) resilience.Permit {
	t.Helper()
	p, err := b.Admit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// opened returns a breaker that has just opened.
func opened(t testing.TB, cfg resilience.BreakerConfig) *resilience.Breaker {
	t.Helper()
	b := newBreaker(t, cfg)
	calls(t, b, unknown, unknown, unknown, unknown)
	wantState(t, b, resilience.Open)
	return b
}

var (
	permanent = failure{class: resilience.Permanent}
	errFull   = error(resilience.ErrFull)
)

func TestBreakerOpensByTheRateOfTheWindow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		outcomes []error
		want     resilience.State
	}{
		"too few calls say nothing":               {[]error{unknown, unknown, unknown}, resilience.Closed},
		"half of enough calls":                    {[]error{nil, nil, unknown, transient}, resilience.Open},
		"less than half":                          {[]error{nil, nil, nil, unknown, unknown}, resilience.Closed},
		"declines are healthy":                    {[]error{declined, declined, declined, unknown, unknown}, resilience.Closed},
		"declines alone":                          {[]error{declined, declined, declined, declined}, resilience.Closed},
		"what says nothing is not in the rate":    {[]error{permanent, permanent, context.Canceled, errFull, unknown, unknown, unknown}, resilience.Closed},
		"and hides nothing":                       {[]error{permanent, errFull, permanent, unknown, unknown, unknown, unknown}, resilience.Open},
		"a timeout is a failure":                  {[]error{context.DeadlineExceeded, context.DeadlineExceeded, nil, context.DeadlineExceeded}, resilience.Open},
		"a healthy call never opens it":           {[]error{unknown, unknown, unknown, nil}, resilience.Closed},
		"the failure after it does":               {[]error{unknown, unknown, unknown, nil, unknown}, resilience.Open},
		"what is not classified counts as failed": {[]error{errors.ErrUnsupported, errors.ErrUnsupported, errors.ErrUnsupported, errors.ErrUnsupported}, resilience.Open},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBreaker(t, small(newClock().now))
			calls(t, b, tt.outcomes...)
			wantState(t, b, tt.want)
		})
	}
}

func TestTheWindowRollsOn(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBreaker(t, small(c.now))
	calls(t, b, unknown, unknown, unknown)
	c.advance(10 * time.Second)
	calls(t, b, unknown, unknown, unknown)
	if got := b.Status().Counts; got != (resilience.Counts{Calls: 3, Failing: 3}) {
		t.Fatalf("%+v, want the last three only", got)
	}
	wantState(t, b, resilience.Closed)
	c.advance(9 * time.Second)
	calls(t, b, unknown)
	wantState(t, b, resilience.Open)
}

func TestBreakerRecovers(t *testing.T) {
	t.Parallel()
	c := newClock()
	cfg := small(c.now)
	var changes []string
	cfg.Changed = func(from, to resilience.State) { changes = append(changes, from.String()+" to "+to.String()) }
	b := opened(t, cfg)
	if want := c.at.Add(30 * time.Second); !b.Status().Until.Equal(want) {
		t.Errorf("open until %s, want %s", b.Status().Until, want)
	}
	c.advance(30*time.Second - 1)
	wantRefused(t, b)
	c.advance(1)
	calls(t, b, nil)
	wantState(t, b, resilience.HalfOpen)
	calls(t, b, declined)
	wantState(t, b, resilience.Closed)
	if got := b.Status().Counts; got != (resilience.Counts{}) {
		t.Errorf("closed with %+v, want no memory of the outage", got)
	}
	want := "closed to open, open to half_open, half_open to closed"
	if got := strings.Join(changes, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestEachFailedProbeDoublesTheRest(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := opened(t, small(c.now))
	for _, rest := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 2 * time.Minute} {
		if got := b.Status().Until.Sub(c.at); got != rest {
			t.Fatalf("rests %s, want %s", got, rest)
		}
		c.advance(rest)
		calls(t, b, unknown)
		wantState(t, b, resilience.Open)
	}
}

func TestRest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failed int
		draw   float64
		want   time.Duration
	}{
		"first":           {0, 0, time.Minute},
		"jitter takes":    {0, 0.5, 45 * time.Second},
		"never over half": {0, 0.999999999, 30 * time.Second},
		"doubled":         {2, 0, 4 * time.Minute},
		"capped":          {3, 0, 5 * time.Minute},
		"for good":        {math.MaxInt32, 0, 5 * time.Minute},
	}
	for name, tt := range tests {
		if got := resilience.Rest(time.Minute, 5*time.Minute, tt.failed, tt.draw).Round(time.Microsecond); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestForcedModes(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBreaker(t, small(c.now))
	force := func(m resilience.Mode) {
		t.Helper()
		if err := b.Force(m); err != nil || b.Status().Mode != m {
			t.Fatalf("mode %s after forcing %s: %v", b.Status().Mode, m, err)
		}
	}
	force(resilience.ForcedClosed)
	calls(t, b, unknown, unknown, unknown, unknown, unknown)
	wantState(t, b, resilience.Closed)
	force(resilience.ForcedOpen)
	c.advance(time.Hour)
	wantRefused(t, b)
	force(resilience.Auto)
	calls(t, b, unknown, unknown, unknown)
	wantState(t, b, resilience.Closed)
	calls(t, b, unknown)
	force(resilience.Auto) // again: no way to reset it by accident
	wantState(t, b, resilience.Open)
	if err := b.Force("OFF"); err == nil {
		t.Error("there is no mode OFF")
	}
}

func TestACallWithoutTimeIsNotMadeNorCounted(t *testing.T) {
	t.Parallel()
	b := newBreaker(t, small(newClock().now))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		err := b.Do(over, func(context.Context) error { t.Error("called"); return unknown })
		if !errors.Is(err, resilience.ErrOver) || !errors.Is(err, context.Canceled) || resilience.ClassOf(err) != resilience.Transient {
			t.Fatalf("%v (%s), want no time left, transient", err, resilience.ClassOf(err))
		}
	}
	if got := b.Status().Counts.Calls; got != 0 {
		t.Errorf("%d calls counted, want none", got)
	}
}

func TestObserveCountsAReplayedResponseAsNothing(t *testing.T) {
	t.Parallel()
	b := newBreaker(t, small(newClock().now))
	replayed := func(context.Context) (resilience.Verdict, error) { return resilience.Uncounted, nil }
	for range 10 {
		if err := b.Observe(t.Context(), replayed); err != nil {
			t.Fatal(err)
		}
	}
	calls(t, b, unknown, unknown, unknown, unknown)
	wantState(t, b, resilience.Open) // ten replayed successes did not vouch for it
}

func TestAClockSetBackEndsTheRest(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := opened(t, small(c.now))
	c.advance(-24 * time.Hour)
	calls(t, b, nil)
	wantState(t, b, resilience.HalfOpen)
}
