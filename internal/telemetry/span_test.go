package telemetry_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

func TestSpansHangTogether(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, true)
	var sent string
	_, err := d.invokes(func(ctx context.Context) error {
		sent = telemetry.Adopt(ctx, telemetry.Origin{Traceparent: parent, BookingID: bookingID})
		began := d.now
		d.now = d.now.Add(time.Second)
		telemetry.Did(ctx, telemetry.Client, "confirm", began, errors.New("away"))
		return nil
	})
	if err != nil || len(d.export.spans) != 2 {
		t.Fatalf("%d spans, %v", len(d.export.spans), err)
	}
	call, whole := d.export.spans[0], d.export.spans[1]
	from, _ := telemetry.ParseTraceparent(parent)
	on, _ := telemetry.ParseTraceparent(sent)
	if whole.TraceID != from.TraceID || whole.Parent != from.SpanID || whole.SpanID == from.SpanID || whole.BookingID != bookingID || whole.Failed {
		t.Errorf("the invocation is %+v", whole)
	}
	if on != whole.TraceContext {
		t.Errorf("%s is sent on, want the invocation's span", sent)
	}
	if call.TraceID != from.TraceID || call.Parent != whole.SpanID || call.Ended.Sub(call.Began) != time.Second || !call.Failed {
		t.Errorf("the call is %+v", call)
	}
}

func TestATraceThatNobodyWantsHasNoSpans(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, true)
	_, _ = d.invokes(func(ctx context.Context) error {
		telemetry.Adopt(ctx, telemetry.Origin{Traceparent: parent[:53] + "00"})
		telemetry.Did(ctx, telemetry.Client, "confirm", d.now, nil)
		return nil
	})
	if len(d.export.spans) != 0 {
		t.Errorf("spans %+v", d.export.spans)
	}
}

func TestACollectorThatFailsCostsNothingButTheSpans(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, true)
	d.export.err = errors.New("away")
	lines, err := d.invokes(func(context.Context) error { return nil })
	if err != nil || len(lines) != 2 || lines[0]["message"] != "spans dropped" || lines[1]["SpansDropped"] != 1.0 || lines[1]["outcome"] != "ok" {
		t.Errorf("%v, %v", lines, err)
	}
	if d.export.limit <= 0 || d.export.limit > 500*time.Millisecond {
		t.Errorf("sending may take %s", d.export.limit)
	}
}

func TestAnInvocationKeepsOnlySoManySpans(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, true)
	lines, _ := d.invokes(func(ctx context.Context) error {
		for range 600 {
			telemetry.Did(ctx, telemetry.Client, "retrieve", d.now, nil)
		}
		return nil
	})
	if len(d.export.spans) != 512 || lines[0]["SpansDropped"] != 89.0 {
		t.Errorf("%d spans, %v dropped", len(d.export.spans), lines[0]["SpansDropped"])
	}
}
