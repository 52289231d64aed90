package eventbridgebus_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/eventbridgebus"
)

const page = "../../../docs/EVENTS.md"

// block returns the first code block of a language in docs/EVENTS.md.
func block(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n```"+language+"\n")
	code, _, ok := strings.Cut(rest, "\n```")
	if !ok {
		t.Fatalf("%s has no block of %s", page, language)
	}
	return code
}

// The documented entry is one that is sent.
func TestTheDocumentedEntry(t *testing.T) {
	t.Parallel()
	type entry struct {
		Source     string                 `json:"source"`
		DetailType string                 `json:"detail-type"`
		Detail     relay.IntegrationEvent `json:"detail"`
	}
	var documented, sent entry
	if err := json.Unmarshal([]byte(block(t, "json")), &documented); err != nil {
		t.Fatal(err)
	}
	if !documented.Detail.BookingID.Valid() {
		t.Errorf("%q is no booking's id", documented.Detail.BookingID)
	}
	var b bridge
	if _, err := eventbridgebus.New(&b, arn, "hailstone-prod").Publish(t.Context(), []relay.IntegrationEvent{documented.Detail}); err != nil {
		t.Fatal(err)
	}
	got := b.calls[0][0]
	sent.Source, sent.DetailType = aws.ToString(got.Source), aws.ToString(got.DetailType)
	if err := json.Unmarshal([]byte(aws.ToString(got.Detail)), &sent.Detail); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, documented); diff != "" {
		t.Errorf("%s (-sent +documented):\n%s", page, diff)
	}
}

// The documented rule waits for what can come.
func TestTheDocumentedRule(t *testing.T) {
	t.Parallel()
	var template struct {
		Resources map[string]struct {
			Properties struct {
				Events map[string]struct {
					Properties struct {
						Pattern struct {
							Source []string `yaml:"source"`
							Types  []string `yaml:"detail-type"`
						} `yaml:"Pattern"`
					} `yaml:"Properties"`
				} `yaml:"Events"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(block(t, "yaml")), &template); err != nil {
		t.Fatal(err)
	}
	pattern := template.Resources["OnRideEnds"].Properties.Events["RideEnds"].Properties.Pattern
	if !slices.Equal(pattern.Source, []string{"hailstone.hailstone-prod"}) || len(pattern.Types) == 0 {
		t.Errorf("the rule waits for %v", pattern)
	}
	for _, eventType := range pattern.Types {
		if !slices.Contains(booking.EventTypes(), eventType) {
			t.Errorf("the rule waits for %s, which is no event", eventType)
		}
	}
}

// The documented consumer is the one that the example runs.
func TestTheDocumentedConsumer(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(example), block(t, "go")) {
		t.Errorf("the handler of %s is not that of example_test.go", page)
	}
}
