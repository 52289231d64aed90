// Package telemetry makes a failure explain itself: structured logs that carry
// the ids by which one request can be followed through every function.
//
// What must never be logged: card data, payment tokens, coordinates, names,
// labels, request bodies.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLogger returns a logger that writes one JSON object per line, with the
// request id of the Lambda invocation wherever there is one.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(&lambdaHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level, ReplaceAttr: lambdacontext.ReplaceAttr,
	})})
}

type lambdaHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h *lambdaHandler) Handle(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("requestId", lc.AwsRequestID)) //nolint:sloglint // the name that Lambda itself logs it under
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *lambdaHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lambdaHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *lambdaHandler) WithGroup(name string) slog.Handler {
	return &lambdaHandler{h.Handler.WithGroup(name)}
}
