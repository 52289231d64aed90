package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
	"github.com/hailstone-rides/hailstone/internal/telemetry/provider"
)

// A gateway that tells is a gateway.
func TestAGatewayThatTellsKeepsTheContract(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, func(*testing.T) gatewaytest.Harness {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		fake := gatewaytest.NewFake(gatewaytest.Config{Now: func() time.Time { return now }})
		return gatewaytest.Harness{
			Gateway: provider.Gateway{Next: fake, Now: time.Now}, Provider: fake, Advance: func(d time.Duration) { now = now.Add(d) },
		}
	})
}

// Each call has its latency; a decline is no error of the provider's.
func TestEachCallIsMeasured(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(10 * time.Millisecond); return now }
	fake := gatewaytest.NewFake(gatewaytest.Config{Now: func() time.Time { return now }})
	g := provider.Gateway{Next: fake, Now: clock}
	var out bytes.Buffer
	f := telemetry.New(telemetry.Config{Stack: "hail", Name: "payment", Out: &out, Now: func() time.Time { return now }})
	_, err := f.Handler(func(ctx context.Context) error {
		order := payments.Order{BookingID: "bk_1", Amount: 2000, Currency: "EUR", Method: "pm_card_visa"}
		declined, err := g.Create(ctx, order, "create")
		if err != nil {
			return err
		}
		fake.Script(gatewaytest.Confirm, gatewaytest.Declined("card_declined"))
		if _, err := g.Confirm(ctx, declined.Ref, "confirm"); err == nil {
			t.Error("the card was not declined")
		}
		p, err := g.Create(ctx, order, "create again")
		if err != nil {
			return err
		}
		if _, err := g.Confirm(ctx, p.Ref, "confirm again"); err != nil {
			return err
		}
		fake.Script(gatewaytest.Retrieve, gatewaytest.Unreachable())
		if _, err := g.Retrieve(ctx, p.Ref); err == nil {
			t.Error("the provider was reached")
		}
		if _, err := g.Capture(ctx, p.Ref, 1500, "capture"); err != nil {
			return err
		}
		if _, err := g.Refund(ctx, payments.RefundOrder{Ref: p.Ref, BookingID: "bk_1", RefundID: "rf_1", Amount: 100}, "refund"); err != nil {
			return err
		}
		if _, err := g.Refunds(ctx, p.Ref); err != nil {
			return err
		}
		if _, err := g.Disputes(ctx, p.Ref); err != nil {
			return err
		}
		_, _ = g.Cancel(ctx, p.Ref, "cancel") // it is captured
		return nil
	}).Invoke(t.Context(), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for metric, calls := range map[telemetry.Metric]int{
		telemetry.CreateLatency: 2, telemetry.ConfirmLatency: 2, telemetry.RetrieveLatency: 1, telemetry.CaptureLatency: 1,
		telemetry.CancelLatency: 1, telemetry.RefundLatency: 1, telemetry.ListLatency: 2,
	} {
		values, several := line[string(metric)].([]any)
		if !several {
			values = []any{line[string(metric)]}
		}
		if len(values) != calls || values[0] != 10.0 {
			t.Errorf("%s is %v, want %d times 10 ms", metric, line[string(metric)], calls)
		}
	}
	if line["ProviderErrors"] != 2.0 { // the one not reached, and the cancel of what is captured
		t.Errorf("%v errors, want 2", line["ProviderErrors"])
	}
}
