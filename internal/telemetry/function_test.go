package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// deployed is a function as it runs in Lambda, and what it wrote.
type deployed struct {
	*testing.T
	*telemetry.Function
	out    bytes.Buffer
	now    time.Time
	export exporter
}

func deploy(t *testing.T, level slog.Level, export bool) *deployed {
	t.Helper()
	d := &deployed{T: t, now: time.Date(2226, 11, 23, 12, 0, 0, 0, time.UTC)}
	c := telemetry.Config{Stack: "hail-test", Name: "booking", Out: &d.out, Level: level, Now: func() time.Time { return d.now }}
	if export {
		c.Export = &d.export
	}
	d.Function = telemetry.New(c)
	next := byte(0)
	d.Random = func(b []byte) {
		for i := range b {
			next++
			b[i] = next
		}
	}
	return d
}

// exporter keeps spans, or fails.
type exporter struct {
	spans []telemetry.Span
	err   error
	limit time.Duration
}

func (e *exporter) Send(ctx context.Context, spans []telemetry.Span) error {
	deadline, _ := ctx.Deadline()
	e.limit = time.Until(deadline)
	if e.err == nil {
		e.spans = append(e.spans, spans...)
	}
	return e.err
}

// invokes runs the function once, within 10 s, and returns its error and lines.
func (d *deployed) invokes(handle func(context.Context) error) ([]map[string]any, error) {
	d.Helper()
	d.out.Reset()
	ctx := lambdacontext.NewContext(d.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	ctx, cancel := context.WithDeadline(ctx, d.now.Add(10*time.Second))
	defer cancel()
	_, err := d.Handler(handle).Invoke(ctx, []byte("{}"))
	return d.lines(), err
}

func (d *deployed) lines() []map[string]any {
	d.Helper()
	var lines []map[string]any
	for text := range strings.Lines(d.out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			d.Fatalf("%s: %v", text, err)
		}
		delete(line, "timestamp")
		lines = append(lines, line)
	}
	return lines
}

const (
	trace     = "4bf92f3577b34da6a3ce929d0e0e4736"
	ownNew    = "0102030405060708090a0b0c0d0e0f10" // what begins with the first random bytes
	bookingID = "bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

func TestEachInvocationHasOneLineThatSaysWhatHappened(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, false)
	lines, err := d.invokes(func(ctx context.Context) error {
		d.now = d.now.Add(120 * time.Millisecond)
		telemetry.Note(ctx, telemetry.Partial, slog.Int("messages", 3))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{
		"level": "INFO", "message": "invocation", "function": "booking", "outcome": "partial", "duration_ms": 120.0, "remaining_ms": 9880.0,
		"messages": 3.0, "requestId": "req-1", "trace_id": ownNew, "cold_start": true,
	}}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("the lines (-want +got):\n%s", diff)
	}
	lines, _ = d.invokes(func(context.Context) error { return nil })
	if len(lines) != 1 || lines[0]["outcome"] != "ok" || lines[0]["cold_start"] != nil {
		t.Errorf("a warm invocation says %v", lines)
	}
}

func TestAnInvocationThatFailsHasItsLineToo(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"failed": func() error { return errors.New("no table") },
		"panic":  func() error { panic("no table") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, slog.LevelError, false)
			func() {
				defer func() {
					if p := recover(); (p != nil) != (name == "panic") {
						t.Errorf("recovered %v", p)
					}
				}()
				if _, err := d.invokes(func(context.Context) error { return fail() }); err == nil {
					t.Error("no error")
				}
			}()
			lines := d.lines()
			if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["outcome"] != name {
				t.Fatalf("the lines are %v", lines)
			}
			if text, _ := lines[0]["error"].(string); !strings.Contains(text, "no table") {
				t.Errorf("the error is %q", text)
			}
		})
	}
}

func TestEveryLineSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, false)
	lines, _ := d.invokes(func(ctx context.Context) error {
		d.Log.InfoContext(ctx, "first")
		sent := telemetry.Adopt(ctx, telemetry.Origin{Traceparent: parent, BookingID: bookingID, CorrelationID: "req-0", CausationID: "booking/bk@3"})
		if sent != parent {
			t.Errorf("%s is sent on, want the one that came: nobody exports ours", sent)
		}
		d.Log.InfoContext(ctx, "second", "booking_id", "the line's own")
		return nil
	})
	want := []map[string]any{
		{"message": "first", "trace_id": ownNew, "cold_start": true},
		{"message": "second", "trace_id": trace, "booking_id": "the line's own", "correlation_id": "req-0", "causation_id": "booking/bk@3"},
		{"message": "invocation", "trace_id": trace, "booking_id": bookingID, "correlation_id": "req-0", "causation_id": "booking/bk@3"},
	}
	for _, l := range lines {
		if l["requestId"] != "req-1" || l["level"] != "INFO" {
			t.Errorf("the line is %v", l)
		}
		for _, known := range []string{"requestId", "level", "function", "outcome", "duration_ms", "remaining_ms"} {
			delete(l, known)
		}
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("the lines (-want +got):\n%s", diff)
	}
}

func TestEachMessageOfABatchHasItsOwnIDs(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, false)
	lines, _ := d.invokes(func(ctx context.Context) error {
		one, sent, end := telemetry.Begin(ctx, telemetry.Consumer, "project", telemetry.Origin{Traceparent: parent, BookingID: bookingID})
		defer end(nil)
		if sent != parent {
			t.Errorf("%s is sent on", sent)
		}
		telemetry.Correlate(one, telemetry.Origin{CorrelationID: "req-0"})
		d.Log.InfoContext(one, "one")
		other, sent, end := telemetry.Begin(ctx, telemetry.Consumer, "project", telemetry.Origin{Traceparent: "no trace"})
		defer end(nil)
		if sent == "" || sent[3:35] != ownNew {
			t.Errorf("%s is sent on, want the invocation's own trace", sent)
		}
		d.Log.InfoContext(other, "other")
		return nil
	})
	for i, want := range []map[string]any{
		{"trace_id": trace, "booking_id": bookingID, "correlation_id": "req-0"}, {"trace_id": ownNew}, {"trace_id": ownNew},
	} {
		got := map[string]any{}
		for _, id := range []string{"trace_id", "booking_id", "correlation_id"} {
			if v, ok := lines[i][id]; ok {
				got[id] = v
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", lines[i]["message"], diff)
		}
	}
}

func TestOutsideOfAnInvocationNothingIsTold(t *testing.T) {
	t.Parallel()
	ctx, sent, end := telemetry.Begin(t.Context(), telemetry.Consumer, "project", telemetry.Origin{Traceparent: parent})
	end(nil)
	if sent != parent || telemetry.Adopt(ctx, telemetry.Origin{Traceparent: "no trace"}) != "" {
		t.Error("a trace context does not pass, or anything does")
	}
	telemetry.Add(ctx, telemetry.Replays, 1)
	telemetry.Observe(ctx, telemetry.ProjectionLag, 1)
	telemetry.Note(ctx, telemetry.Failed)
	telemetry.Correlate(ctx, telemetry.Origin{BookingID: bookingID})
	telemetry.Did(ctx, telemetry.Client, "confirm", time.Time{}, nil)
}

func TestTheTraceOfXRayIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ header, want string }{
		"sampled":     {"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", "5759e988bd862e3fe1be46a994272793"},
		"not sampled": {"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a:0", "5759e988bd862e3fe1be46a994272793"},
		"none":        {"", ownNew},
		"no digits":   {"Root=1-5759e988-bd862e3fe1be46a99427279x;Parent=53995c3f42cd8ad8", ownNew},
		"no parent":   {"Root=1-5759e988-bd862e3fe1be46a994272793", ownNew},
		"too short":   {"Root=1-5;Parent=5", ownNew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, slog.LevelInfo, false)
			ctx := context.WithValue(t.Context(), "x-amzn-trace-id", test.header) //nolint:revive,staticcheck // the key is Lambda's
			if _, err := d.Handler(func() {}).Invoke(ctx, nil); err != nil {
				t.Fatal(err)
			}
			if got := d.lines()[0]["trace_id"]; got != test.want {
				t.Errorf("the trace is %v, want %s", got, test.want)
			}
		})
	}
}
