package dynamobreaker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// drive lets every environment make one call per interval, evenly spread, and
// returns after how many calls the breaker was open, or 0.
func (f *ensemble) drive(span, interval time.Duration, outcome func(call int) error) (calls, openAfter int) {
	f.t.Helper()
	step := interval / time.Duration(len(f.envs))
	for end := f.clock.now().Add(span); f.clock.now().Before(end); f.clock.advance(step) {
		b := f.envs[calls%len(f.envs)]
		_ = b.Do(f.t.Context(), returns(outcome(calls)))
		calls++
		if openAfter == 0 && b.Status(f.t.Context()).State == resilience.Open {
			openAfter = calls
			return calls, openAfter
		}
	}
	return calls, openAfter
}

func oneIn(n int) func(int) error {
	return func(call int) error {
		if uint32(call)*2654435761>>8%uint32(n) == 0 { // spread over the environments
			return errNoAnswer
		}
		return nil
	}
}

// The first failures come alone, because who succeeds has no reason to write: a
// rate of them would be 1.
func TestOneThousandEnvironmentsWithFivePercentFailuresDoNotTrip(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1000)
	f.drive(time.Second, time.Second, func(int) error { return nil }) // so that everybody believes that all is well
	calls, openAfter := f.drive(8*time.Second, time.Second, oneIn(20))
	if openAfter != 0 {
		t.Errorf("open after %d calls of which 5 %% failed", openAfter)
	}
	t.Logf("%d calls at 1,000/s, 5 %% failing: no trip; %s; %.0f writes/s on average, %d in the busiest second, %.0f WCU at most each",
		calls, f, float64(f.store.writes)/8, f.store.busiest(), f.store.units)
	if most := f.store.busiest(); most > 6*f.cfg.ReportsPerSecond {
		t.Errorf("%d writes in one second, want no more than 6 times the %d of the configuration", most, f.cfg.ReportsPerSecond)
	}
	// And then it does fail.
	calls, openAfter = f.drive(10*time.Second, time.Second, func(int) error { return errNoAnswer })
	if openAfter == 0 {
		t.Errorf("%d failing calls, and it is not open", calls)
	}
	t.Logf("then all fail: open after %d calls", openAfter)
}

func TestRatesBesideTheThreshold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failing func(int) error
		trips   bool
	}{
		"1 in 3": {oneIn(3), false},
		"2 in 3": {func(call int) error {
			if call%3 == 0 {
				return nil
			}
			return errNoAnswer
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newEnsemble(t, 20)
			calls, openAfter := f.drive(20*time.Second, 500*time.Millisecond, tt.failing)
			if (openAfter > 0) != tt.trips {
				t.Errorf("open after %d of %d calls, want a trip: %v", openAfter, calls, tt.trips)
			}
		})
	}
}

// Powertools counts per environment: a fleet of 100 needs a hundred times the
// failing calls. Both here see the same calls.
func TestFlawAFleetCountsEachForItself(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 10, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			f := newEnsemble(t, size)
			// Each makes a call every 2 s, as one that waits for a provider's timeout would.
			_, shared := f.drive(5*time.Minute, 2*time.Second, func(int) error { return errNoAnswer })
			each := countEach(t, f, size)
			t.Logf("%3d environments: open after %4d failing calls shared, %4d each for itself", size, shared, each)
			if shared == 0 || size >= 10 && shared*2 > each {
				t.Errorf("%d shared, %d each for itself; want at most half", shared, each)
			}
		})
	}
}

// countEach returns after how many calls the last of as many local breakers with
// the same rules is open.
func countEach(t *testing.T, f *ensemble, size int) (calls int) {
	t.Helper()
	open := 0
	local := make([]*resilience.Breaker, size)
	for i := range local {
		b, err := resilience.NewBreaker(f.cfg.Rules)
		if err != nil {
			t.Fatal(err)
		}
		local[i] = b
	}
	for ; open < size && calls < 100_000; f.clock.advance(2 * time.Second / time.Duration(size)) {
		b := local[calls%size]
		if b.Status().State == resilience.Open {
			t.Fatal("a call would be made by an open breaker")
		}
		_ = b.Do(t.Context(), returns(errNoAnswer))
		calls++
		if b.Status().State == resilience.Open {
			open++
		}
	}
	return calls
}

func TestAnOutageOfAThousandWritesNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1000)
	calls, openAfter := f.drive(10*time.Second, time.Second, func(int) error { return errNoAnswer })
	if openAfter == 0 {
		t.Fatalf("%d failing calls, and it is not open", calls)
	}
	t.Logf("1,000 environments, 1,000 calls/s, all failing: open after %d calls, %s, %d writes in the busiest second", openAfter, f, f.store.busiest())
	if most := f.store.busiest(); most > 6*f.cfg.ReportsPerSecond {
		t.Errorf("%d writes in one second, want no more than 6 times the %d of the configuration", most, f.cfg.ReportsPerSecond)
	}
	f.clock.advance(2 * time.Second)
	before := f.store.writes
	for _, b := range f.envs {
		f.refuses(b)
	}
	if f.store.writes != before {
		t.Errorf("%d writes while open, want none", f.store.writes-before)
	}
}

func TestOneEnvironmentReportsAtMostTenTimesASecond(t *testing.T) {
	t.Parallel()
	f := newEnsemble(t, 1)
	for range 1000 { // 2 s
		f.calls(f.envs[0], []error{nil, nil, errNoAnswer}[f.clock.millis.Load()%3])
		f.clock.advance(2 * time.Millisecond)
	}
	if most := f.store.busiest(); most > 11 {
		t.Errorf("%d writes in a second, want about 10", most)
	}
}
