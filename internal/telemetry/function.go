package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Exporter sends spans to a collector.
type Exporter interface {
	// Send sends spans, within the time of ctx.
	Send(ctx context.Context, spans []Span) error
}

// Config is what a function says of itself.
type Config struct {
	// Stack and Name are the dimensions of its metrics.
	Stack, Name string
	// Out takes the lines, Level is the least that is written.
	Out   io.Writer
	Level slog.Level
	// Export sends spans; nil keeps none.
	Export Exporter
	Now    func() time.Time
}

// Function tells what one deployed function does. It is safe for concurrent use and
// lives as long as the process.
type Function struct {
	// Log is the logger for everything that the function is made of.
	Log *slog.Logger
	// Export sends spans; nil keeps none.
	Export Exporter
	Now    func() time.Time
	// Random fills with random bytes.
	Random func([]byte)

	stack, name string
	handler     *handler
	meter       meter
	warm        atomic.Bool
}

// New returns the telemetry of a function.
func New(c Config) *Function {
	f := &Function{
		Export: c.Export, Now: c.Now, stack: c.Stack, name: c.Name,
		Random: func(b []byte) { _, _ = rand.Read(b) }, // never fails, it would end the process
	}
	f.handler = newHandler(c.Out, c.Level, &f.meter)
	f.Log = slog.New(f.handler)
	return f
}

// run is one invocation.
type run struct {
	function *Function
	cold     atomic.Bool // and nothing has said so yet

	mu      sync.Mutex
	outcome string
	notes   []slog.Attr
	spans   []Span
}

// coldStart tells it once.
func (r *run) coldStart() bool { return r.cold.CompareAndSwap(true, false) }

// The outcomes of an invocation.
const (
	OK       = "ok"
	Rejected = "rejected" // the caller's fault
	Partial  = "partial"  // a part of a batch comes again
	Failed   = "failed"
	panicked = "panic"
)

// Note adds what happened to the line of the invocation: an outcome unless it is
// empty, and attributes.
func Note(ctx context.Context, outcome string, attrs ...slog.Attr) {
	w := workOf(ctx)
	if w == nil {
		return
	}
	w.run.mu.Lock()
	defer w.run.mu.Unlock()
	if outcome != "" {
		w.run.outcome = outcome
	}
	w.run.notes = append(w.run.notes, attrs...)
}

// Add counts n more of a metric. Outside of an invocation nothing is counted.
func Add(ctx context.Context, metric Metric, n float64) {
	if w := workOf(ctx); w != nil {
		w.run.function.meter.add(metric, n)
	}
}

// Observe takes down one measurement, in the unit of the metric.
func Observe(ctx context.Context, metric Metric, value float64) {
	if w := workOf(ctx); w != nil {
		w.run.function.meter.observe(metric, value)
	}
}

// Handler returns the Lambda handler that runs handle, of any form that lambda.Start
// takes, and tells of each invocation.
func (f *Function) Handler(handle any) lambda.Handler {
	return &observed{f, lambda.NewHandler(handle)}
}

type observed struct {
	function *Function
	next     lambda.Handler
}

// Invoke implements lambda.Handler.
func (t *observed) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	r, root := t.function.begin(ctx)
	ctx = context.WithValue(ctx, workKey{}, root)
	defer func() {
		if p := recover(); p != nil {
			t.function.end(ctx, r, root, panicked, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			panic(p) // Lambda reports it, and starts the environment anew
		}
		outcome := ""
		if err != nil {
			outcome = Failed
		}
		t.function.end(ctx, r, root, outcome, err)
	}()
	return t.next.Invoke(ctx, payload)
}
