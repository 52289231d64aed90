package sim

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Options say which world to run.
type Options struct {
	Seed uint64
	// Trace replays an earlier run, or a part of it, instead of the seed.
	Trace Trace
	// Canary is a bug to build in.
	Canary Canary
	// Story has the run told in Result.Story.
	Story bool
}

// Result is what came of a run.
type Result struct {
	// Hash is of everything that was chosen and that happened.
	Hash uint64
	// Steps counts what Hash is of.
	Steps int
	// Bookings were accepted; Completed were driven and paid for.
	Bookings, Completed int
	Ends                map[string]int // of bookings, by status
	Faults              map[fault]int
	Reached             map[Probe]bool
	// Simulated is how much time passed in the world.
	Simulated time.Duration
	Violation *Violation // nil for none
	Trace     Trace
	Story     []Line
}

// World is a deployment with everything around it.
type World struct {
	src    *source
	sched  *scheduler
	plan   plan
	quiet  bool // nothing goes wrong any more
	canary Canary
	ctx    context.Context // of what happens outside of any call
	result Result
	began  time.Time
	story  bool

	truth     *eventstest.Memory
	shown     readmodel.Store
	older     map[booking.ID][]readmodel.View
	fake      *gatewaytest.Fake
	nextFault gatewaytest.Fault
	oracle    *oracle

	// downFrom and downUntil are an outage of the provider.
	downFrom, downUntil time.Time
	// morning is when the staff comes back.
	morning time.Time

	apis       []http.Handler
	stream     *stream
	projection *sqs
	owed       *sqs

	stamps, sent, keys, invocations int
	running                         int // functions, and what is on its way from them
	riding                          int // riders who are not done
	moved                           int // the step of the last progress
	movedAt                         time.Time
	lost                            []events.StreamID // whose record the stream dropped
	accepted                        []booking.ID
	over                            bool
}

// Run lets a world live and returns what came of it. It must be called in a bubble
// of testing/synctest.
func Run(o Options) (Result, error) {
	w := &World{
		canary: o.Canary, ctx: context.Background(), began: time.Now(), story: o.Story, older: map[booking.ID][]readmodel.View{},
		result: Result{Ends: map[string]int{}, Faults: map[fault]int{}, Reached: map[Probe]bool{}}, movedAt: time.Now(),
	}
	if o.Trace != nil {
		w.src = fromTrace(o.Trace)
	} else {
		w.src, w.plan = fromSeed(o.Seed), drawPlan(o.Seed)
	}
	w.sched = &scheduler{src: w.src}
	w.oracle = newOracle(w)
	if err := w.build(); err != nil {
		return Result{}, err
	}
	w.populate()
	w.sched.run(w.done)
	w.conclude()
	return w.result, nil
}

// build wires the deployed handlers to the world's models.
func (w *World) build() error {
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		return err
	}
	w.truth = eventstest.NewMemory(w.stamp)
	w.shown = &readmodeltest.Memory{}
	if w.canary == viewWrittenBlindly || w.canary == streamOrderTrusted {
		w.shown = &blindViews{views: map[booking.ID]readmodel.View{}}
	}
	w.fake = gatewaytest.NewFake(gatewaytest.Config{Fault: func(gatewaytest.Call) gatewaytest.Fault { return w.nextFault }})
	for _, env := range w.environments("booking", 3) {
		w.apis = append(w.apis, w.api(env, tariff))
	}
	w.projection = w.queue("projector", 10, 3)
	projector := readmodel.Projector{Log: eventLog{w}, Views: viewStore{w}}
	w.projection.handle = func(ctx context.Context, _ *environment, h queue.Hint, id booking.ID) error {
		return w.project(ctx, &projector, h, id)
	}
	w.owed = w.queue("payment", 1, 4)
	processors := map[*environment]*payments.Processor{}
	for _, env := range w.owed.environs {
		if processors[env], err = w.processor(env); err != nil {
			return err
		}
	}
	w.owed.handle = func(ctx context.Context, env *environment, _ queue.Hint, id booking.ID) error {
		_, err := processors[env].Process(ctx, id, events.Trace{})
		return err
	}
	w.stream = &stream{World: w, relay: &relay.Relay{Projection: sender{w.projection}, Payments: sender{w.owed}}}
	w.projection.open()
	w.owed.open()
	w.stream.open()
	return nil
}

func (w *World) queue(function string, batch, concurrency int) *sqs {
	return &sqs{World: w, function: function, batch: batch, concurrency: concurrency, environs: w.environments(function, 2)}
}

func (w *World) service() *booking.Service {
	return &booking.Service{
		Store: eventLog{w}, Backoff: booking.RaceBackoff(w.jitter), Sleep: w.sched.sleep, Log: w.log(),
	}
}

func (w *World) api(env *environment, tariff booking.Tariff) http.Handler {
	return (&httpapi.API{
		Bookings: w.service(), Views: viewStore{w}, Tariff: tariff, Now: env.now, Log: w.log(),
		CursorKey: func(context.Context) ([]byte, error) { return []byte("the key of a world that is not real"), nil },
		Release:   hailstone.Release, Spec: hailstone.OpenAPI,
	}).Handler()
}

func (w *World) processor(env *environment) (*payments.Processor, error) {
	// Breaker and guard compare their clocks with others', and know no skew.
	breaker, err := resilience.NewBreaker(payments.BreakerRules(time.Now, w.jitter))
	if err != nil {
		return nil, err
	}
	guard, err := payments.NewGuard(provider{w}, breaker, time.Now, w.jitter)
	if err != nil {
		return nil, err
	}
	guard.Retry.Sleep = w.sched.sleep
	return &payments.Processor{Bookings: w.service(), Gateway: guard, Now: env.now, NewKey: func() string {
		w.keys++
		return "fresh-" + strconv.Itoa(w.keys)
	}}, nil
}

func (w *World) jitter() float64 { return w.src.float("jitter") }

func (w *World) stamp() events.Stamp {
	s := events.Stamp{CommitID: fmt.Sprintf("cm_%06d", w.stamps)}
	copy(s.Salt[:], s.CommitID)
	return s
}

// log takes what the product calls an error for one: none of them is expected. It
// reads everything else for what must not be logged.
func (w *World) log() *slog.Logger { return slog.New(alarm{w}) }

type alarm struct{ *World }

// Enabled implements slog.Handler.
func (alarm) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (a alarm) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(attr slog.Attr) bool { text += " " + attr.String(); return true })
	a.oracle.keepsSecret("a log line", []byte(text))
	if r.Level >= slog.LevelError {
		a.fail("nothing is logged as an error", "", "%s", text)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (a alarm) WithAttrs([]slog.Attr) slog.Handler { return a }

// WithGroup implements slog.Handler.
func (a alarm) WithGroup(string) slog.Handler { return a }
