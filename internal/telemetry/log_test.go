package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// line decodes the one line that was logged, and takes its time out.
func line(t *testing.T, logged *bytes.Buffer) map[string]any {
	t.Helper()
	if bytes.Count(logged.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("the log is %q, want one line", logged)
	}
	var fields map[string]any
	if err := json.Unmarshal(logged.Bytes(), &fields); err != nil {
		t.Fatalf("%s: %v", logged, err)
	}
	at, ok := fields["timestamp"].(string)
	if _, err := time.Parse(time.RFC3339Nano, at); !ok || err != nil {
		t.Errorf("the timestamp is %q: %v", at, err)
	}
	delete(fields, "timestamp")
	return fields
}

func invocation(t *testing.T) context.Context {
	t.Helper()
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"})
}

// The names are those of Lambda's own log lines, so that one query finds both.
func TestALogLineIsJSON(t *testing.T) {
	t.Parallel()
	const id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
	for name, test := range map[string]struct {
		log  func(*slog.Logger)
		want map[string]any
	}{
		"in an invocation": {
			func(l *slog.Logger) { l.InfoContext(invocation(t), "projected", "booking_id", "bk_1", "version", 4) },
			map[string]any{"level": "INFO", "message": "projected", "booking_id": "bk_1", "version": 4.0, "requestId": id},
		},
		"outside of one": {
			func(l *slog.Logger) { l.ErrorContext(t.Context(), "start", "error", errors.New("no table").Error()) },
			map[string]any{"level": "ERROR", "message": "start", "error": "no table"},
		},
		"with what all lines have": {
			func(l *slog.Logger) { l.With("stage", "prod").WarnContext(invocation(t), "late") },
			map[string]any{"level": "WARN", "message": "late", "stage": "prod", "requestId": id},
		},
		"in a group": {
			func(l *slog.Logger) { l.WithGroup("view").InfoContext(t.Context(), "put", "version", 1) },
			map[string]any{"level": "INFO", "message": "put", "view": map[string]any{"version": 1.0}},
		},
		"on several lines": {
			func(l *slog.Logger) { l.InfoContext(t.Context(), "a\nb", "stack", "x\n\ty") },
			map[string]any{"level": "INFO", "message": "a\nb", "stack": "x\n\ty"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			test.log(telemetry.NewLogger(&logged, slog.LevelInfo))
			if diff := cmp.Diff(test.want, line(t, &logged)); diff != "" {
				t.Errorf("the line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	all := map[slog.Level]string{slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARN", slog.LevelError: "ERROR"}
	for least := range maps.Keys(all) {
		for level, name := range all {
			var logged bytes.Buffer
			log := telemetry.NewLogger(&logged, least)
			log.Log(t.Context(), level, "x")
			if level < least {
				if logged.Len() > 0 {
					t.Errorf("%s is logged at level %s", name, all[least])
				}
				continue
			}
			if got := line(t, &logged)["level"]; got != name {
				t.Errorf("the level is %v, want %s", got, name)
			}
		}
	}
}
