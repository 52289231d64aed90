// Package provider tells how long calls to the payment provider take, and which fail.
package provider

import (
	"context"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// Gateway tells of every single call of another one. It belongs inside of
// payments.Guard, which may make several attempts or none.
type Gateway struct {
	Next payments.Gateway
	Now  func() time.Time
}

var _ payments.Gateway = Gateway{}

// observe makes a call, and tells the invocation of it.
func observe[T any](ctx context.Context, g Gateway, metric telemetry.Metric, name string, call func() (T, error)) (T, error) {
	began := g.Now()
	out, err := call()
	telemetry.Observe(ctx, metric, float64(g.Now().Sub(began).Microseconds())/1000)
	if class := resilience.ClassOf(err); class != resilience.Success && class != resilience.Declined {
		telemetry.Add(ctx, telemetry.ProviderErrors, 1)
	}
	telemetry.Did(ctx, telemetry.Client, "provider "+name, began, err)
	return out, err
}

// Create implements payments.Gateway.
func (g Gateway) Create(ctx context.Context, order payments.Order, key string) (payments.Payment, error) {
	return observe(ctx, g, telemetry.CreateLatency, "create", func() (payments.Payment, error) { return g.Next.Create(ctx, order, key) })
}

// Confirm implements payments.Gateway.
func (g Gateway) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	return observe(ctx, g, telemetry.ConfirmLatency, "confirm", func() (payments.Payment, error) { return g.Next.Confirm(ctx, ref, key) })
}

// Retrieve implements payments.Gateway.
func (g Gateway) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	return observe(ctx, g, telemetry.RetrieveLatency, "retrieve", func() (payments.Payment, error) { return g.Next.Retrieve(ctx, ref) })
}

// Capture implements payments.Gateway.
func (g Gateway) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	return observe(ctx, g, telemetry.CaptureLatency, "capture", func() (payments.Payment, error) { return g.Next.Capture(ctx, ref, amount, key) })
}

// Cancel implements payments.Gateway.
func (g Gateway) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	return observe(ctx, g, telemetry.CancelLatency, "cancel", func() (payments.Payment, error) { return g.Next.Cancel(ctx, ref, key) })
}

// Refund implements payments.Gateway.
func (g Gateway) Refund(ctx context.Context, order payments.RefundOrder, key string) (payments.RefundObject, error) {
	return observe(ctx, g, telemetry.RefundLatency, "refund", func() (payments.RefundObject, error) { return g.Next.Refund(ctx, order, key) })
}

// Refunds implements payments.Gateway.
func (g Gateway) Refunds(ctx context.Context, ref string) ([]payments.RefundObject, error) {
	return observe(ctx, g, telemetry.ListLatency, "list refunds", func() ([]payments.RefundObject, error) { return g.Next.Refunds(ctx, ref) })
}

// Disputes implements payments.Gateway.
func (g Gateway) Disputes(ctx context.Context, ref string) ([]payments.Dispute, error) {
	return observe(ctx, g, telemetry.ListLatency, "list disputes", func() ([]payments.Dispute, error) { return g.Next.Disputes(ctx, ref) })
}
