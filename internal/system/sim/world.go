package sim

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// Options say which world to run.
type Options struct {
	Seed uint64
	// Dice throw the choices, instead of the seed's own; which faults there are is
	// still the seed's.
	Dice Dice
	// Only, if set, are the faults that there are, and how likely, instead of those that
	// the seed draws. Functions that a clock starts are punctual then.
	Only map[string]float64
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
	Lag                 Lag
	Reached             map[Probe]bool
	// Simulated is how much time passed in the world.
	Simulated time.Duration
	Violation *Violation // nil for none
	Trace     Trace
	Story     []Line
}

// World is a deployment with everything around it.
type World struct {
	src   *source
	sched *scheduler
	plan  plan
	quiet bool // nothing goes wrong any more
	// calm is a world in which nothing ever goes wrong: it is judged more strictly.
	calm bool
	// forgetful is a world in which hints are lost, and nothing else goes wrong.
	forgetful bool
	costs     map[string]int // calls, by what they are and who makes them
	// punctual has schedules keep to their minute.
	punctual bool
	canary   Canary
	ctx      context.Context // of what happens outside of any call
	result   Result
	began    time.Time
	story    bool

	truth     *eventstest.Memory
	views     map[int]*projected // by projection
	documents *controltest.Memory
	// projections is read again when its document has changed.
	projections known
	rebuilds    *rebuilds
	fake        *gatewaytest.Fake
	nextFault   gatewaytest.Fault
	oracle      *oracle
	circuit     *circuit
	deferred    *deferred

	// troubles are the provider's, apart from its outage; hidden are the holds that a
	// canary does not show.
	troubles []trouble
	hidden   map[string]bool
	// reconciled tells that every payment was compared with the provider in the end.
	reconciled bool

	// news are objects that the provider has still to send webhooks about.
	news    []string
	postman *task

	// downFrom and downUntil are an outage of the provider.
	downFrom, downUntil time.Time
	// morning is when the staff comes back.
	morning time.Time

	apis       []api
	stream     *stream   // as the relay reads it
	readers    []*stream // all that read it
	projection *sqs
	owed       *sqs
	queues     []*sqs      // all of them
	schedules  []*schedule // all of them
	// waiting is asked what is left to do, apart from functions, queues and the
	// stream; ends are asked to judge the end, after the oracle.
	waiting []func() bool
	ends    []func()

	stamps, sent, keys, invocations int
	running                         int // functions, and what is on its way from them
	riding                          int // riders who are not done
	moved                           int // the step of the last progress
	movedAt                         time.Time
	lost                            []events.StreamID // whose record the stream dropped, or the relay its hint
	accepted                        []booking.ID
	over                            bool
}

// Run lets a world live and returns what came of it. It must be called in a bubble
// of testing/synctest.
func Run(o Options) (Result, error) {
	w := &World{
		canary: o.Canary, ctx: context.Background(), began: time.Now(), story: o.Story,
		result: Result{Ends: map[string]int{}, Faults: map[fault]int{}, Reached: map[Probe]bool{}}, movedAt: time.Now(),
		hidden: map[string]bool{}, costs: map[string]int{},
	}
	switch {
	case o.Trace != nil:
		w.src = fromTrace(o.Trace)
	case o.Dice != nil:
		w.src, w.plan = fromDice(o.Dice), drawPlan(o.Seed)
	default:
		w.src, w.plan = fromSeed(o.Seed), drawPlan(o.Seed)
	}
	if o.Only != nil {
		w.plan, w.punctual = plan{}, true
		for f, p := range o.Only {
			w.plan[fault(f)] = p
		}
	}
	w.sched, w.projections.revision = &scheduler{src: w.src}, -1 // not even read that there is none
	w.oracle = newOracle(w)
	if o.Only == nil {
		w.calms()
	}
	if err := w.build(); err != nil {
		return Result{}, err
	}
	w.populate()
	w.sched.run(w.done)
	w.conclude()
	return w.result, nil
}

func (w *World) jitter() float64 { return w.src.float("jitter") }

// log takes what the product calls an error for one: none of them is expected but
// the alarms about payments, whose reasons the oracle judges. It reads everything else
// for what must not be logged.
func (w *World) log() *slog.Logger { return slog.New(alarm{w}) }

type alarm struct{ *World }

var alarmsOfPayments = []string{
	payments.AlarmFailed, payments.AlarmRefundFailed, payments.AlarmDisputed, payments.AlarmStuck, payments.AlarmMismatch, payments.AlarmRefused,
}

// Enabled implements slog.Handler.
func (alarm) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (a alarm) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	if a.canary != alarmForgotten {
		a.oracle.hears(ctx, r.Message)
	}
	r.Attrs(func(attr slog.Attr) bool { text += " " + attr.String(); return true })
	a.oracle.keepsSecret("a log line", []byte(text))
	if a.calm && r.Level >= slog.LevelWarn && !slices.Contains(alarmsOfPayments, r.Message) {
		a.fail(quietRule, "", "%s", text)
	}
	if r.Level >= slog.LevelError && !slices.Contains(alarmsOfPayments, r.Message) {
		a.fail("nothing is logged as an error", "", "%s", text)
	}
	if r.Message == payments.AlarmMismatch && strings.Contains(text, payments.ErrMismatch.Error()) {
		a.reach(wrongAnswerRefused)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (a alarm) WithAttrs([]slog.Attr) slog.Handler { return a }

// WithGroup implements slog.Handler.
func (a alarm) WithGroup(string) slog.Handler { return a }
