package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// counting is a store that counts what it is asked.
type counting struct {
	fleettest.Memory
	reads, reports int
}

func (s *counting) Read(ctx context.Context, newest bool) (fleet.Record, error) {
	s.reads++
	return s.Memory.Read(ctx, newest)
}

func (s *counting) Report(ctx context.Context, r fleet.Report) (fleet.Record, bool, error) {
	s.reports++
	return s.Memory.Report(ctx, r)
}

// fleetOf is many environments with one clock, and what a breaker that sees every call
// would count of them.
type fleetOf struct {
	rapid.TB
	ctx   context.Context //nolint:containedctx // of the test
	at    time.Time
	store counting
	envs  []*fleet.Breaker
	// calls are the epochs of calls, and whether each failed.
	calls []struct {
		epoch  int64
		failed bool
	}
}

func newFleet(ctx context.Context, t rapid.TB, size int) *fleetOf {
	t.Helper()
	f := &fleetOf{TB: t, ctx: ctx, at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	r := rules(func() time.Time { return f.at })
	r.Rand = rand.New(rand.NewPCG(1, 2)).Float64
	for range size {
		b, err := fleet.New(&f.store, fleet.Defaults(r))
		if err != nil {
			t.Fatal(err)
		}
		f.envs = append(f.envs, b)
	}
	return f
}

var errNoAnswer = context.DeadlineExceeded

// call makes a call at an environment, and reports false if it was refused.
func (f *fleetOf) call(env int, outcome error) (made bool) {
	f.Helper()
	err := f.envs[env%len(f.envs)].Do(f.ctx, func(context.Context) error { return outcome })
	if errors.Is(err, resilience.ErrOpen) {
		return false
	}
	if !errors.Is(err, outcome) {
		f.Fatalf("%v, want %v", err, outcome)
	}
	f.calls = append(f.calls, struct {
		epoch  int64
		failed bool
	}{f.at.Unix(), outcome != nil})
	return true
}

// window is what happened in the last 30 s.
func (f *fleetOf) window() (calls, failing int) {
	for _, c := range f.calls {
		if c.epoch > f.at.Unix()-30 {
			calls++
			if c.failed {
				failing++
			}
		}
	}
	return calls, failing
}

func (f *fleetOf) open() bool {
	f.Helper()
	r, err := f.store.Memory.Read(f.ctx, true)
	if err != nil {
		f.Fatal(err)
	}
	return r.State == resilience.Open
}

// The promise: half of at least 10 calls in 30 s. It holds to the call for any number of
// environments and any rate, also where a burst is over before everybody has read of it.
func TestTenFailingCallsInThirtySecondsOpenIt(t *testing.T) {
	t.Parallel()
	const burst = 14
	for _, size := range []int{1, 10, 100} {
		for _, perMinute := range []int{2, 20, 200} {
			for pattern, gap := range map[string]func(call int) time.Duration{
				"evenly": func(int) time.Duration { return time.Minute / time.Duration(perMinute) },
				"in bursts": func(call int) time.Duration {
					if call%burst != 0 {
						return 100 * time.Millisecond
					}
					return burst*time.Minute/time.Duration(perMinute) - (burst-1)*100*time.Millisecond
				},
			} {
				t.Run(fmt.Sprintf("%d environments, %d a minute, %s", size, perMinute, pattern), func(t *testing.T) {
					t.Parallel()
					f := newFleet(t.Context(), t, size)
					want := false
					for call := 1; call <= 5*perMinute+burst && !want; call++ {
						if !f.call(call, errNoAnswer) {
							t.Fatalf("call %d was refused", call)
						}
						calls, _ := f.window()
						want = calls >= 10
						if got := f.open(); got != want {
							t.Fatalf("after %d failing calls, %d of them in the window: open %v, want %v", call, calls, got, want)
						}
						f.at = f.at.Add(gap(call))
					}
					if want && f.call(0, errNoAnswer) && f.at.Sub(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)) < 10*time.Second {
						t.Error("a call was made although the breaker is open")
					}
				})
			}
		}
	}
}

// One environment knows all there is to know: whatever comes in whatever order, half of
// at least 10 calls open it, and it never opens on fewer than 5 failures.
func TestOneEnvironmentKeepsThePromise(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(context.Background(), t, 1)
		for range rapid.IntRange(1, 45).Draw(t, "calls") {
			f.at = f.at.Add(rapid.SampledFrom([]time.Duration{
				0, time.Millisecond, 20 * time.Millisecond, 120 * time.Millisecond, time.Second, 2500 * time.Millisecond, 9 * time.Second, 40 * time.Second,
			}).Draw(t, "gap"))
			var outcome error
			if rapid.Bool().Draw(t, "fails") {
				outcome = errNoAnswer
			}
			if !f.call(0, outcome) {
				t.Fatal("refused while it should be closed")
			}
			calls, failing := f.window()
			opens := outcome != nil && calls >= 10 && 2*failing >= calls
			switch open := f.open(); {
			case opens && !open:
				t.Fatalf("closed after %d of %d calls in the window failed", failing, calls)
			case open && failing < 5:
				t.Fatalf("open after %d of %d calls in the window failed", failing, calls)
			case open:
				return
			}
		}
	})
}

// Of two calls that fail soon after each other, the second opens it if a healthy call has
// left the window in between.
func TestAWindowEndsToTheBucket(t *testing.T) {
	t.Parallel()
	f := newFleet(t.Context(), t, 1)
	for range 4 {
		f.call(0, nil)
	}
	f.at = f.at.Add(2500 * time.Millisecond)
	for range 5 {
		f.call(0, nil)
	}
	f.call(0, errNoAnswer)
	for range 3 {
		f.at = f.at.Add(9160 * time.Millisecond)
		f.call(0, errNoAnswer)
	}
	if f.open() {
		t.Error("open after 4 of 13 calls in the window failed")
	}
	f.at = f.at.Add(20 * time.Millisecond) // 30 s after the first
	if f.call(0, errNoAnswer); !f.open() {
		t.Error("closed after 5 of 10 calls in the window failed")
	}
}

// What went well before a failure does not keep an outage from being seen: of a busy
// fleet, the calls from when everybody has read of it are enough.
func TestEarlierCallsDoNotHideAnOutage(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 10} {
		f := newFleet(t.Context(), t, size)
		for call := range 150 { // 30 s
			f.call(call, nil)
			f.at = f.at.Add(200 * time.Millisecond)
		}
		failing := 0
		for ; f.call(failing, errNoAnswer); failing++ {
			f.at = f.at.Add(200 * time.Millisecond)
		}
		if failing > 30 {
			t.Errorf("%d environments: open after %d failing calls, %s; want at most 30", size, failing, time.Duration(failing)*200*time.Millisecond)
		}
	}
}

// An order begins a new count: what went well, or failed, before it counts no more.
func TestAnOrderBeginsANewCount(t *testing.T) {
	t.Parallel()
	f := newFleet(t.Context(), t, 1)
	desk := &fleet.Desk{Store: &f.store, Now: func() time.Time { return f.at }}
	for range 40 {
		f.call(0, nil)
	}
	err := f.envs[0].Do(f.ctx, func(ctx context.Context) error {
		if _, err := desk.Give(ctx, resilience.Auto, "ada", "anew"); err != nil {
			t.Error(err)
		}
		f.at = f.at.Add(3 * time.Second) // the end of this call reads of it
		return errNoAnswer
	})
	if !errors.Is(err, errNoAnswer) || f.store.reports != 0 {
		t.Errorf("%v, %d reports; want none of a call of before the order", err, f.store.reports)
	}
	for call := 1; call <= 10; call++ {
		if f.open() {
			t.Errorf("open before call %d", call)
		}
		f.call(0, errNoAnswer)
	}
	if !f.open() {
		t.Error("closed after 10 calls of 10 that failed")
	}
}

// A thousand environments whose calls end at once, a few of them failing, have nobody but
// those few to tell of it.
func TestFirstFailuresAtOnceDoNotOpenIt(t *testing.T) {
	t.Parallel()
	f := newFleet(t.Context(), t, 1000)
	for env := range f.envs {
		f.call(env, nil)
	}
	for round := range 20 {
		f.at = f.at.Add(450 * time.Millisecond)
		for env := range f.envs {
			var outcome error
			if uint32(env*31+round)*2654435761>>8%20 == 0 {
				outcome = errNoAnswer
			}
			if !f.call(env, outcome) {
				t.Fatalf("open in round %d, with 5 %% failing", round)
			}
		}
	}
	if f.open() {
		t.Error("open with 5 % failing")
	}
}

// Where all of many first calls fail at once, a few more calls are enough to know.
func TestFirstFailuresAtOnceCount(t *testing.T) {
	t.Parallel()
	f := newFleet(t.Context(), t, 40) // fewer than a bucket takes reports of
	for _, b := range f.envs {
		b.State(f.ctx) // has read the record
	}
	for env := range f.envs {
		f.call(env, errNoAnswer)
	}
	if f.open() {
		t.Fatal("open, although nobody would have reported a healthy call")
	}
	more := 0
	for f.at = f.at.Add(time.Second); f.call(0, errNoAnswer); more++ {
	}
	if more > 5 {
		t.Errorf("open after %d calls more, want 5 at most", more)
	}
}

func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFleet(t.Context(), t, 1)
	for range 1000 {
		f.call(0, nil)
	}
	if f.store.reports != 0 || f.store.reads != 1 {
		t.Errorf("%d reports and %d reads of a healthy environment, want none and 1", f.store.reports, f.store.reads)
	}
	for range 500 { // half a second
		f.call(0, nil)
		f.call(0, errNoAnswer)
		f.at = f.at.Add(time.Millisecond)
	}
	if f.store.reports > 6 {
		t.Errorf("%d reports in half a second, want one in 100 ms", f.store.reports)
	}
	if f.open() {
		t.Error("open with a quarter failing")
	}
}
