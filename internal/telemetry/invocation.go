package telemetry

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

const (
	// exportTime bounds the sending of spans at the end of an invocation, and
	// exportMargin is kept free before its deadline.
	exportTime   = 500 * time.Millisecond
	exportMargin = 200 * time.Millisecond
	// mostSpans of one invocation are kept.
	mostSpans = 512
)

// begin begins an invocation: in the trace that Lambda keeps, if it does, else in a
// new one. A request or message that brings its own is followed later.
func (f *Function) begin(ctx context.Context) (*run, *work) {
	r := &run{function: f}
	r.cold.Store(!f.warm.Swap(true))
	span := begin(Server, f.name, f)
	// The key is what aws-lambda-go documents: https://github.com/aws/aws-lambda-go/issues/66.
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	if c, ok := fromXRay(header); ok {
		span.TraceContext = c
	} else {
		f.Random(span.TraceID[:])
		span.Sampled = true
	}
	f.Random(span.SpanID[:])
	return r, &work{run: r, span: span}
}

// record keeps a span that is over.
func (r *run) record(s Span, err error) {
	if r.function.Export == nil || !s.Sampled {
		return
	}
	s.Ended, s.Failed = r.function.Now(), err != nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) == mostSpans {
		r.function.meter.add(SpansDropped, 1)
		return
	}
	r.spans = append(r.spans, s)
}

// end ends an invocation: its spans are sent, and its line is written.
func (f *Function) end(ctx context.Context, r *run, root *work, outcome string, err error) {
	root.end(err)
	f.export(ctx, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	outcome = cmp.Or(outcome, r.outcome, OK)
	attrs := []slog.Attr{
		slog.String("function", f.name), slog.String("outcome", outcome),
		slog.Int64("duration_ms", f.Now().Sub(root.span.Began).Milliseconds()),
	}
	if deadline, ok := ctx.Deadline(); ok {
		attrs = append(attrs, slog.Int64("remaining_ms", deadline.Sub(f.Now()).Milliseconds()))
	}
	level := slog.LevelInfo
	if outcome == Failed || outcome == panicked {
		level = slog.LevelError
	}
	attrs = append(attrs, r.notes...)
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	f.write(ctx, level, attrs)
}

// write writes the line of an invocation, which is a document in the embedded metric
// format if anything was counted. Measurements that don't fit follow in documents of
// their own. LOG_LEVEL does not apply: who wants fewer logs still wants their metrics.
func (f *Function) write(ctx context.Context, level slog.Level, attrs []slog.Attr) {
	message := "invocation"
	for _, values := range documents(f.meter.take()) {
		line := slog.NewRecord(f.Now(), level, message, 0)
		line.AddAttrs(attrs...)
		if len(values) > 0 {
			line.AddAttrs(slog.String(dimensionStack, f.stack), slog.String(dimensionFunction, f.name))
			line.AddAttrs(slog.Any("_aws", directiveFor(f.Now(), values))) //nolint:sloglint // the format's own name
		}
		for metric, all := range values {
			if len(all) == 1 {
				line.AddAttrs(slog.Float64(string(metric), all[0]))
			} else {
				line.AddAttrs(slog.Any(string(metric), all))
			}
		}
		_ = f.handler.write(ctx, line) // standard output is all there is to tell it to
		attrs, level, message = nil, slog.LevelInfo, "measurements"
	}
}

// export sends the spans of an invocation, if that takes no longer than it may.
func (f *Function) export(ctx context.Context, r *run) {
	r.mu.Lock()
	spans := r.spans
	r.spans = nil
	r.mu.Unlock()
	if len(spans) == 0 {
		return
	}
	limit := exportTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(f.Now())-exportMargin)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := f.Export.Send(ctx, spans); err != nil {
		f.meter.add(SpansDropped, float64(len(spans)))
		f.Log.WarnContext(ctx, "spans dropped", "spans", len(spans), "error", err.Error())
	}
}
