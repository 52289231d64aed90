package telemetry_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// The document that the specification asks for, with the line's own members beside it.
func TestMetricsAreADocumentOfTheEmbeddedMetricFormat(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelError, false) // metrics don't depend on the level
	lines, err := d.invokes(func(ctx context.Context) error {
		telemetry.Add(ctx, telemetry.Conflicts, 1)
		telemetry.Add(ctx, telemetry.Conflicts, 2)
		telemetry.Observe(ctx, telemetry.ProjectionLag, 40)
		telemetry.Observe(ctx, telemetry.ProjectionLag, 60)
		d.Log.WarnContext(ctx, deferral.Deferred) //nolint:sloglint // a constant elsewhere
		return nil
	})
	if err != nil || len(lines) != 1 {
		t.Fatalf("%v, %v", lines, err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"level": "INFO", "message": "invocation", "function": "booking", "outcome": "ok", "duration_ms": 0, "remaining_ms": 10000,
		"Stack": "hail-test", "Function": "booking", "Conflicts": 3, "ProjectionLag": [40, 60], "PaymentsDeferred": 1,
		"requestId": "req-1", "trace_id": "`+ownNew+`", "cold_start": true,
		"_aws": {"Timestamp": 8106782400000, "CloudWatchMetrics": [{
			"Namespace": "Hailstone", "Dimensions": [["Stack", "Function"]],
			"Metrics": [
				{"Name": "Conflicts", "Unit": "Count"},
				{"Name": "PaymentsDeferred", "Unit": "Count"},
				{"Name": "ProjectionLag", "Unit": "Milliseconds"}]}]}}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	if lines, _ = d.invokes(func(context.Context) error { return nil }); len(lines) != 1 || lines[0]["_aws"] != nil {
		t.Errorf("with nothing counted the line is %v", lines)
	}
}

// A metric has at most 100 values in a document.
func TestManyMeasurementsFillSeveralDocuments(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, false)
	lines, _ := d.invokes(func(ctx context.Context) error {
		telemetry.Add(ctx, telemetry.Conflicts, 1)
		for i := range 250 {
			telemetry.Observe(ctx, telemetry.ProjectionLag, float64(i))
		}
		return nil
	})
	seen, invocations, conflicts := map[any]bool{}, 0, 0
	for _, l := range lines {
		values, _ := l["ProjectionLag"].([]any)
		for _, v := range values {
			seen[v] = true
		}
		if len(values) > 100 || l["_aws"] == nil || l["Stack"] != "hail-test" {
			t.Errorf("%d values in %v", len(values), l)
		}
		if l["message"] == "invocation" {
			invocations++
		}
		if l["Conflicts"] != nil {
			conflicts++
		}
	}
	if len(seen) != 250 || len(lines) != 3 || invocations != 1 || conflicts != 1 {
		t.Errorf("%d values in %d lines, %d of them the invocation's, %d with the count", len(seen), len(lines), invocations, conflicts)
	}
}

func TestMetricsAreDefinedOnce(t *testing.T) {
	t.Parallel()
	seen := map[telemetry.Metric]bool{}
	units := map[telemetry.Unit]bool{telemetry.Count: true, telemetry.Milliseconds: true, telemetry.Seconds: true, telemetry.None: true}
	for _, d := range telemetry.Definitions() {
		if seen[d.Metric] || d.Meaning == "" || d.By == "" || !units[d.Unit] {
			t.Errorf("%+v", d)
		}
		seen[d.Metric] = true
	}
	if len(seen) > 100 {
		t.Errorf("%d metrics: a directive holds 100", len(seen))
	}
}

// Whoever makes an alarm looks there.
func TestTheTableOfMetricsIsTheOneInTheDocuments(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/TELEMETRY.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, d := range telemetry.Definitions() {
		want = append(want, "| `"+string(d.Metric)+"` | "+strings.Join([]string{string(d.Unit), d.By, d.Meaning}, " | ")+" |")
	}
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); regexp.MustCompile("^\\| `[A-Z]").MatchString(line) {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/TELEMETRY.md (-want +got):\n%s", diff)
	}
}

// Messages of the inner packages are metrics: they must stay what they are.
func TestAlarmsAreCountedUnderTheirNames(t *testing.T) {
	t.Parallel()
	told := telemetry.Told()
	if told[payments.AlarmStuck] != telemetry.PaymentsStuck || len(told) < 10 {
		t.Errorf("told are %v", told)
	}
	for message, metric := range told {
		d := deploy(t, slog.LevelError, false)
		lines, err := d.invokes(func(ctx context.Context) error {
			d.Log.ErrorContext(ctx, message) //nolint:sloglint // one of several constants
			return nil
		})
		if err != nil || len(lines) != 2 || lines[1][string(metric)] != 1.0 {
			t.Errorf("%s is not counted as %s: %v, %v", message, metric, lines, err)
		}
	}
}
