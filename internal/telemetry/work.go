package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Origin says where a piece of work comes from. All fields are optional.
type Origin struct {
	// Traceparent is the W3C trace context that came with it.
	Traceparent string
	BookingID   string
	// CorrelationID is the request or job at the very beginning, CausationID the message
	// or commit that led here.
	CorrelationID string
	CausationID   string
}

// work is a piece of work of an invocation: the invocation itself, a message of its
// batch, a call.
type work struct {
	run *run

	mu     sync.Mutex
	origin Origin // its traceparent is not kept
	span   Span
}

type workKey struct{}

func workOf(ctx context.Context) *work {
	w, _ := ctx.Value(workKey{}).(*work)
	return w
}

// attributes are what a line about this work says of it, besides what it says itself.
func (w *work) attributes(r slog.Record) []slog.Attr {
	w.mu.Lock()
	attrs := make([]slog.Attr, 0, 5)
	for _, a := range [...]struct{ key, value string }{
		{"booking_id", w.origin.BookingID},
		{"correlation_id", w.origin.CorrelationID},
		{"causation_id", w.origin.CausationID},
		{"trace_id", w.span.traceID()},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	w.mu.Unlock()
	if w.run.coldStart() {
		attrs = append(attrs, slog.Bool("cold_start", true))
	}
	r.Attrs(func(said slog.Attr) bool {
		for i := range attrs {
			if attrs[i].Key == said.Key {
				attrs[i] = slog.Attr{} // the line knows better; handlers leave out empty ones
			}
		}
		return true
	})
	return attrs
}

// adopt takes over what is known of where the work comes from, and returns the trace
// context to send on.
func (w *work) adopt(o Origin) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.BookingID != "" {
		w.origin.BookingID = o.BookingID
	}
	if o.CorrelationID != "" {
		w.origin.CorrelationID = o.CorrelationID
	}
	if o.CausationID != "" {
		w.origin.CausationID = o.CausationID
	}
	if from, ok := ParseTraceparent(o.Traceparent); ok {
		w.span.follow(from, w.run.function)
	}
	return w.span.Traceparent()
}

// Adopt says where the invocation's only work comes from: from now on, its lines say so.
// It returns the trace context to send on. Outside of an invocation that is the one
// that came, if it is one.
func Adopt(ctx context.Context, o Origin) (traceparent string) {
	if w := workOf(ctx); w != nil {
		return w.adopt(o)
	}
	return valid(o.Traceparent)
}

// Begin begins one of several pieces of work of an invocation. It returns the
// context for it, the trace context to send on, and what to call at its end.
func Begin(ctx context.Context, kind Kind, name string, o Origin) (_ context.Context, traceparent string, end func(error)) {
	outer := workOf(ctx)
	if outer == nil {
		return ctx, valid(o.Traceparent), func(error) {}
	}
	w := &work{run: outer.run, span: outer.child(kind, name)}
	traceparent = w.adopt(o)
	return context.WithValue(ctx, workKey{}, w), traceparent, func(err error) { w.end(err) }
}

// Did records a call that was made for the work at hand, such as one to the provider.
func Did(ctx context.Context, kind Kind, name string, began time.Time, err error) {
	w := workOf(ctx)
	if w == nil || w.run.function.Export == nil {
		return
	}
	span := w.child(kind, name)
	span.Began = began
	w.run.record(span, err)
}

// Correlate says which request or job is at the beginning of the work at hand, and
// which booking it is about, where that comes out later.
func Correlate(ctx context.Context, o Origin) {
	if w := workOf(ctx); w != nil {
		o.Traceparent = ""
		w.adopt(o)
	}
}

func (w *work) child(kind Kind, name string) Span {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.span.child(kind, name, w.run.function)
}

func (w *work) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.span.BookingID = w.origin.BookingID
	w.run.record(w.span, err)
}

func valid(traceparent string) string {
	if _, ok := ParseTraceparent(traceparent); ok {
		return traceparent
	}
	return ""
}
