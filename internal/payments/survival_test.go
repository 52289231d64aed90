package payments_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// survivable are the ways of a call to go wrong that must not show in the end.
var survivable = map[string]gatewaytest.Fault{
	"unreachable":      gatewaytest.Unreachable(),
	"rate limited":     gatewaytest.RateLimited(time.Second),
	"lost before":      gatewaytest.LostBefore(),
	"lost after":       gatewaytest.LostAfter(),
	"lock timeout":     gatewaytest.Busy(payments.CodeLocked),
	"key in flight":    gatewaytest.Busy(payments.CodeKeyInUse),
	"unexpected state": gatewaytest.Busy(payments.CodeUnexpectedState),
	"stored failure":   gatewaytest.Stored500(),
	"key refused":      gatewaytest.Refused(),
}

// pursued brings hints until one succeeds, an hour apart, and returns how many.
func (d *desk) pursued(t *testing.T) int {
	t.Helper()
	const most = 12
	var last error
	for hints := 1; hints <= most; hints++ {
		if _, last = d.Process(t.Context(), id, events.Trace{}); last == nil {
			return hints
		}
		d.clock = d.clock.Add(time.Minute)
	}
	t.Fatalf("after %d hints: %v", most, last)
	return 0
}

// calls are those that an undisturbed hint makes.
func (s scene) calls(t *testing.T) (calls []gatewaytest.Op) {
	t.Helper()
	d := s.begin(t)
	d.fault = func(c gatewaytest.Call) gatewaytest.Fault { calls = append(calls, c.Op); return gatewaytest.Fault{} }
	d.pursued(t)
	s.ends(t, d)
	return calls
}

// Whatever goes wrong at whichever call, and at the next one, too: after enough hints
// all is as if nothing had been.
func TestEveryFaultAtEveryCallIsSurvived(t *testing.T) {
	t.Parallel()
	for name, s := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := range len(s.calls(t)) + 2 {
				for one, fault := range survivable {
					for _, another := range []string{"lost before", "lost after", "stored failure", "key in flight"} {
						d, n := s.begin(t), 0
						d.fault = func(gatewaytest.Call) gatewaytest.Fault {
							n++
							return map[int]gatewaytest.Fault{at + 1: fault, at + 2: survivable[another]}[n]
						}
						d.pursued(t)
						s.ends(t, d)
						if t.Failed() {
							t.Fatalf("%s at call %d, then %s: %v", one, at, another, d.history(t))
						}
					}
				}
			}
		})
	}
}

// mortal kills the process at its n-th input or output: before it, or after it took
// place. Whatever the dead process still does has no effect.
type mortal struct {
	events.Store
	payments.Gateway
	left  int
	after bool
	dead  bool
}

var errKilled = errors.New("the process was killed")

// step runs an input or output, unless the process is or gets killed.
func step[T any](m *mortal, do func() (T, error)) (T, error) {
	var none T
	if m.dead {
		return none, errKilled
	}
	m.left--
	m.dead = m.left < 0
	if m.dead && !m.after {
		return none, errKilled
	}
	out, err := do()
	if m.dead {
		return none, errKilled
	}
	return out, err
}

func (m *mortal) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	return step(m, func() (events.History, error) { return m.Store.Load(ctx, id) })
}

func (m *mortal) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	return step(m, func() (events.Appended, error) { return m.Store.Append(ctx, at, d) })
}

func (m *mortal) Create(ctx context.Context, o payments.Order, key string) (payments.Payment, error) {
	return step(m, func() (payments.Payment, error) { return m.Gateway.Create(ctx, o, key) })
}

func (m *mortal) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	return step(m, func() (payments.Payment, error) { return m.Gateway.Confirm(ctx, ref, key) })
}

func (m *mortal) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	return step(m, func() (payments.Payment, error) { return m.Gateway.Retrieve(ctx, ref) })
}

func (m *mortal) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	return step(m, func() (payments.Payment, error) { return m.Gateway.Capture(ctx, ref, amount, key) })
}

func (m *mortal) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	return step(m, func() (payments.Payment, error) { return m.Gateway.Cancel(ctx, ref, key) })
}

func (m *mortal) Refund(ctx context.Context, o payments.RefundOrder, key string) (payments.RefundObject, error) {
	return step(m, func() (payments.RefundObject, error) { return m.Gateway.Refund(ctx, o, key) })
}

func (m *mortal) Refunds(ctx context.Context, ref string) ([]payments.RefundObject, error) {
	return step(m, func() ([]payments.RefundObject, error) { return m.Gateway.Refunds(ctx, ref) })
}

func (m *mortal) Disputes(ctx context.Context, ref string) ([]payments.Dispute, error) {
	return step(m, func() ([]payments.Dispute, error) { return m.Gateway.Disputes(ctx, ref) })
}

// dies processes a hint in a process that is killed at its n-th step, with the keys
// of the provider alive or forgotten when the next one comes. It reports false where
// the process was done before.
func (d *desk) dies(t tester, n int, after bool, later time.Duration) bool {
	t.Helper()
	m := &mortal{Store: d.Bookings.Store, Gateway: d.provider, left: n, after: after}
	process := *d.Processor
	process.Gateway = m
	process.Bookings = &booking.Service{Store: m, Backoff: booking.RaceBackoff(func() float64 { return 0 }), Sleep: resilience.Sleep}
	_, _ = process.Process(t.Context(), id, events.Trace{})
	d.clock = d.clock.Add(later)
	return m.dead
}

// A process is killed between any two steps, twice, with and without a failure that
// the provider keeps under a key, and its keys are forgotten meanwhile or not: what
// the next process does ends as if nothing had been.
func TestAProcessMayBeKilledBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	for name, s := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ops := append(s.calls(t), "")
			slices.Sort(ops)
			for _, after := range []bool{false, true} {
				for _, later := range []time.Duration{time.Second, 25 * time.Hour} {
					for _, stored := range slices.Compact(ops) {
						for first := 0; s.survivesDeaths(t, stored, after, later, first); first++ {
						}
					}
				}
			}
		})
	}
}

// survivesDeaths kills a process at one step, and the next one at every step. It
// reports false where the first process was done before.
func (s scene) survivesDeaths(t *testing.T, stored gatewaytest.Op, after bool, later time.Duration, first int) (died bool) {
	t.Helper()
	for second := 0; ; second++ {
		d := s.begin(t)
		if stored != "" {
			d.provider.Script(stored, gatewaytest.Stored500())
		}
		died = d.dies(t, first, after, later)
		more := died && d.dies(t, second, after, later)
		d.pursued(t)
		s.ends(t, d)
		if t.Failed() {
			t.Fatalf("killed at %d and %d, after the effect: %t, %s apart, stored failure of %q: %v", first, second, after, later, stored, d.history(t))
		}
		if !more {
			return died
		}
	}
}

// Five functions get the same hint at once, again and again, while every third call
// goes wrong.
func TestManyFunctionsAtOnceUnderFaults(t *testing.T) {
	t.Parallel()
	faults := []gatewaytest.Fault{gatewaytest.LostAfter(), gatewaytest.LostBefore(), gatewaytest.Stored500(), gatewaytest.Busy(payments.CodeKeyInUse)}
	for name, s := range scenes {
		for round := range 20 {
			t.Run(fmt.Sprint(name, round), func(t *testing.T) {
				t.Parallel()
				d, n := s.begin(t), round
				d.fault = func(gatewaytest.Call) gatewaytest.Fault {
					n++
					if n%3 != 0 {
						return gatewaytest.Fault{}
					}
					return faults[n/3%len(faults)]
				}
				done := make(chan struct{})
				for range 5 {
					go func() {
						defer func() { done <- struct{}{} }()
						for range 3 {
							_, _ = d.Process(context.Background(), id, events.Trace{})
						}
					}()
				}
				for range 5 {
					<-done
				}
				d.fault = nil
				d.pursued(t)
				s.ends(t, d)
			})
		}
	}
}
