package telemetry

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLogger returns a logger that writes one JSON object per line, with the
// request id of the Lambda invocation and the ids of the work at hand wherever
// there are any.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(newHandler(w, level, nil))
}

// newHandler is told to count what is a metric, at whatever level it is logged.
func newHandler(w io.Writer, level slog.Level, m *meter) *handler {
	return &handler{level: level, meter: m, Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: slog.LevelDebug, ReplaceAttr: lambdacontext.ReplaceAttr,
	})}
}

type handler struct {
	slog.Handler
	level slog.Level
	meter *meter // nil counts nothing
}

// Enabled implements slog.Handler. What is counted passes here and ends in Handle.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level || h.meter != nil && level >= slog.LevelInfo
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if metric, ok := told[r.Message]; ok && h.meter != nil {
		h.meter.add(metric, 1)
	}
	if r.Level < h.level {
		return nil
	}
	return h.write(ctx, r)
}

// write writes a record with the ids that its context has. The names are those that
// Lambda's own lines and the code use already.
func (h *handler) write(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("requestId", lc.AwsRequestID)) //nolint:sloglint // the name that Lambda itself logs it under
	}
	if w := workOf(ctx); w != nil {
		r.AddAttrs(w.attributes(r)...)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), level: h.level, meter: h.meter}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), level: h.level, meter: h.meter}
}
