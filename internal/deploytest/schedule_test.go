package deploytest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A run that fails is followed by the next one, not by itself again: retries would pile
// up beside the schedule.
func TestTheSweeperIsStartedEveryMinuteAndNeverTwice(t *testing.T) {
	tpl := load(t)
	properties := tpl.function(t, "SweeperFunction")
	events := tpl.events(t, "SweeperFunction")
	if len(events) != 1 || events[0].kind != "ScheduleV2" {
		t.Fatalf("the sweeper is started by %v, want one ScheduleV2", events)
	}
	schedule := events[0].properties
	if got := schedule["ScheduleExpression"]; got != "rate(1 minute)" {
		t.Errorf("ScheduleExpression %v", got)
	}
	// SAM names a schedule by its logical id, which two stacks of one account share.
	if got := name(schedule["Name"]); !strings.HasPrefix(got, "AWS::StackName-") {
		t.Errorf("the schedule is called %s, want the stack's name in it", got)
	}
	for what, config := range map[string]any{"EventInvokeConfig": properties["EventInvokeConfig"], "RetryPolicy": schedule["RetryPolicy"]} {
		if got := tpl.number(t, dig(t, config, "MaximumRetryAttempts")); got != 0 {
			t.Errorf("%s: MaximumRetryAttempts %d, want 0", what, got)
		}
	}
	if got := tpl.number(t, properties["Timeout"]); got != 60 {
		t.Errorf("Timeout %d s, want the minute until the next", got)
	}
	reserved := map[string]any{"Fn::If": []any{"ReserveBehindQueues", 1, map[string]any{"Ref": "AWS::NoValue"}}}
	if diff := cmp.Diff(reserved, properties["ReservedConcurrentExecutions"]); diff != "" {
		t.Errorf("ReservedConcurrentExecutions (-want +got):\n%s", diff)
	}
}

// Where concurrency is reserved, it is what the mapping may use: with less, the mapping
// takes messages that no function is free for.
func TestReservedConcurrencyCoversTheBulkhead(t *testing.T) {
	tpl := load(t)
	reserved := map[string]any{"Fn::If": []any{"ReserveBehindQueues", map[string]any{"Ref": "PaymentConcurrency"}, map[string]any{"Ref": "AWS::NoValue"}}}
	if diff := cmp.Diff(reserved, tpl.function(t, "PaymentFunction")["ReservedConcurrentExecutions"]); diff != "" {
		t.Errorf("ReservedConcurrentExecutions (-want +got):\n%s", diff)
	}
	for _, e := range tpl.events(t, "PaymentFunction") {
		most := dig(t, e.properties, "ScalingConfig", "MaximumConcurrency")
		if diff := cmp.Diff(map[string]any{"Fn::If": []any{"Emulated", 5, map[string]any{"Ref": "PaymentConcurrency"}}}, most); diff != "" {
			t.Errorf("%s: MaximumConcurrency (-want +got):\n%s", e.name, diff)
		}
	}
	on := map[string]any{"Fn::Equals": []any{map[string]any{"Ref": "ReserveConcurrency"}, "true"}}
	if diff := cmp.Diff(on, tpl.conditions["ReserveBehindQueues"]); diff != "" {
		t.Errorf("ReserveConcurrency (-want +got):\n%s", diff)
	}
	if got := dig(t, tpl.parameters, "ReserveConcurrency", "Default"); got != "false" {
		t.Errorf("ReserveConcurrency is %v by default: an account whose limit was never raised could not deploy", got)
	}
}
