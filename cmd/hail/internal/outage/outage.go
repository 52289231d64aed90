package outage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
)

// Options of a run.
type Options struct {
	API      string // base URL
	Rider    string // access token
	Provider Provider
	// Waiting returns the bookings whose payment waits in an item, and how many messages
	// the payment function still has to look at.
	Waiting func(context.Context) (bookings []string, messages int, err error)
	// DeadLetters returns how many messages lie in each dead-letter queue.
	DeadLetters func(context.Context) (map[string]int, error)

	// Bookings of a phase, made by so many Clients at once.
	Bookings, Clients int
	// Enough is how many bookings a phase must have for its latencies to be judged: of
	// fewer, their ratios are noise, and printed alone.
	Enough int
	// Down and Hanging are how long the provider is, at least.
	Down, Hanging time.Duration
	// Patience is how long everything may take to settle after that.
	Patience time.Duration
	// Bulkhead is the most calls to the provider at once.
	Bulkhead int
}

// Bounds of what riders may notice, as ratios to the healthy phases.
const (
	most50 = 1.2
	most99 = 1.5
)

// Report is the outcome of a run.
type Report struct {
	smoke.Report
	Phases []Phase `json:"phases"`
	// Calls that the provider got while it was down, and while it was hanging.
	CallsDown    int `json:"calls_down"`
	CallsHanging int `json:"calls_hanging"`
	MaxInFlight  int `json:"max_in_flight"`
}

type run struct {
	Options
	out    io.Writer
	report Report
	rider  api.Client
	key    string
	booked atomic.Int64
}

// Run goes through all phases and writes what comes of each on out as it ends.
func Run(ctx context.Context, o Options, out io.Writer) (Report, error) {
	r := &run{Options: o, out: out, rider: api.Client{Base: o.API, Token: o.Rider}, key: rand.Text()}
	err := r.phases(ctx)
	// A run that is cut off must not leave the provider out of order.
	err = errors.Join(err, r.Provider.Behave(context.WithoutCancel(ctx), Well))
	return r.report, err
}

func (r *run) phases(ctx context.Context) error {
	before := r.healthy(ctx, "healthy")
	down, calls, err := r.troubled(ctx, Down, r.Down)
	if err != nil {
		return err
	}
	r.report.CallsDown = calls
	between := r.healthy(ctx, "healthy again")
	hanging, calls, err := r.troubled(ctx, Hanging, r.Hanging)
	if err != nil {
		return err
	}
	r.report.CallsHanging = calls
	after := r.healthy(ctx, "healthy at last")
	r.compare(ctx, down, before, between)
	r.compare(ctx, hanging, between, after)
	return r.aftermath(ctx)
}

// healthy is a phase in which nothing is wrong.
func (r *run) healthy(ctx context.Context, name string) Phase {
	t := &tally{phase: Phase{Name: name}}
	r.load(ctx, t, r.Bookings)
	p := r.ended(ctx, t)
	r.settles(ctx, p)
	return p
}

// troubled is a phase in which the provider is out of order, until everything that
// waited for it has settled. It returns how many calls the provider got meanwhile.
func (r *run) troubled(ctx context.Context, how Behaviour, least time.Duration) (p Phase, calls int, err error) {
	if err := r.Provider.Behave(ctx, how); err != nil {
		return p, 0, err
	}
	earlier, err := r.Provider.Stats(ctx)
	if err != nil {
		return p, 0, err
	}
	t := &tally{phase: Phase{Name: "provider " + string(how)}}
	until := time.Now().Add(least)
	r.load(ctx, t, r.Bookings)
	r.trickle(ctx, t, until)
	p = r.ended(ctx, t)
	r.check(ctx, "while it is "+string(how)+", /health says that payments wait", func() error { return r.degraded(ctx) })
	r.check(ctx, "while it is "+string(how)+", each booking's payment waits in one item", func() error { return r.waits(ctx, p) })
	later, err := r.Provider.Stats(ctx)
	if err != nil {
		return p, 0, err
	}
	calls = later.calls() - earlier.calls()
	r.check(ctx, fmt.Sprintf("while it is %s, it gets %d calls for %d bookings, bounded by the breaker", how, calls, p.Bookings), func() error {
		return atMost("calls", calls, r.bound(time.Since(until.Add(-least))))
	})
	if err := r.Provider.Behave(ctx, Well); err != nil {
		return p, calls, err
	}
	r.settles(ctx, p)
	return p, calls, nil
}

// bound is how many calls the breaker may let through: until it opens, for which it
// wants a row of failures that everybody has heard of, and then probes, of which each
// minute of the sweeper brings a few.
func (r *run) bound(lasted time.Duration) int {
	const untilOpen, probesOfAMinute = 100, 10
	return untilOpen + r.Bulkhead + probesOfAMinute*int(lasted/time.Minute+1)
}

func (r *run) ended(ctx context.Context, t *tally) Phase {
	p := t.done()
	r.report.Phases = append(r.report.Phases, p)
	fmt.Fprintln(r.out, p)
	r.check(ctx, p.Name+": every booking is accepted", func() error {
		if p.Accepted != p.Bookings || p.Bookings < r.Bookings {
			return fmt.Errorf("%d of %d: %s", p.Accepted, p.Bookings, p.Failure)
		}
		return nil
	})
	return p
}

func (r *run) compare(ctx context.Context, p, before, after Phase) {
	ratio := func(of func(Phase) time.Duration) float64 {
		return float64(of(p)) / (float64(of(before)+of(after)) / 2)
	}
	half, tail := ratio(func(p Phase) time.Duration { return p.P50 }), ratio(func(p Phase) time.Duration { return p.P99 })
	r.check(ctx, fmt.Sprintf("%s: p50 is %.2f × and p99 %.2f × that of the healthy phases around it", p.Name, half, tail), func() error {
		if r.Bookings >= r.Enough && (half > most50 || tail > most99) {
			return fmt.Errorf("at most %.1f × and %.1f ×", most50, most99)
		}
		return nil
	})
}

func (r *run) check(ctx context.Context, name string, do func() error) {
	r.report.Check(ctx, r.out, name, do)
}

func atMost(what string, got, most int) error {
	if got > most {
		return fmt.Errorf("%d %s, want at most %d", got, what, most)
	}
	return nil
}
