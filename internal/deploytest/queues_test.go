package deploytest

import (
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const day = 24 * 60 * 60

// consumers maps each queue that a function consumes to that function.
func (tpl template) consumers(t *testing.T) map[string]string {
	t.Helper()
	consumers := make(map[string]string)
	for _, function := range tpl.functions() {
		for _, e := range tpl.events(t, function) {
			if e.kind != "SQS" {
				continue
			}
			queue := strings.TrimSuffix(name(e.properties["Queue"]), ".Arn")
			if other := consumers[queue]; other != "" {
				t.Errorf("%s is consumed by %s and by %s: each would miss what the other took", queue, other, function)
			}
			consumers[queue] = function
		}
	}
	return consumers
}

func TestConsumedQueues(t *testing.T) {
	tpl := load(t)
	consumers := tpl.consumers(t)
	for _, queue := range []string{"ProjectionQueue", "PaymentsQueue", "RebuildQueue"} {
		if consumers[queue] == "" {
			t.Errorf("nobody consumes %s", queue)
		}
	}
	deadLetters := make(map[string]string)
	for queue, function := range consumers {
		properties := tpl.properties(t, queue, "AWS::SQS::Queue")

		timeout, window := tpl.number(t, tpl.function(t, function)["Timeout"]), tpl.batchWindow(t, function)
		if visibility := tpl.number(t, properties["VisibilityTimeout"]); visibility < 6*timeout+window {
			t.Errorf("%s: visible again after %d s, want at least 6 × %s's timeout of %d s and its batch window of %d s",
				queue, visibility, function, timeout, window)
		}

		dead := strings.TrimSuffix(name(dig(t, properties, "RedrivePolicy", "deadLetterTargetArn")), ".Arn")
		if other := deadLetters[dead]; other != "" {
			t.Errorf("%s and %s share %s: a redrive could not tell them apart", queue, other, dead)
		}
		deadLetters[dead] = queue
		want := 5
		if queue == "RebuildQueue" { // whose messages come back for each slice of their work
			want = 1000
		}
		if got := tpl.number(t, dig(t, properties, "RedrivePolicy", "maxReceiveCount")); got != want {
			t.Errorf("%s: maxReceiveCount %d, want %d", queue, got, want)
		}
		retention := tpl.number(t, tpl.properties(t, dead, "AWS::SQS::Queue")["MessageRetentionPeriod"])
		if retention != 14*day {
			t.Errorf("%s keeps messages %d s, want the 14 days that SQS allows", dead, retention)
		}
		if own := tpl.number(t, properties["MessageRetentionPeriod"]); own > retention-7*day {
			t.Errorf("%s keeps messages %d s: one that is moved late would leave %s within a week", queue, own, dead)
		}
	}
}

// batchWindow returns the longest time, in seconds, for which the mapping of a queue collects a batch.
func (tpl template) batchWindow(t *testing.T, function string) int {
	t.Helper()
	longest := 0
	for _, e := range tpl.events(t, function) {
		if e.kind != "SQS" {
			continue
		}
		values := []any{dig(t, e.properties, "MaximumBatchingWindowInSeconds")}
		if branches, ok := asMapOrNil(values[0])["Fn::If"].([]any); ok {
			values = branches[1:]
		}
		for _, value := range values {
			if parameter, ok := asMapOrNil(value)["Ref"].(string); ok {
				value = dig(t, tpl.parameters, parameter, "MaxValue")
			}
			longest = max(longest, tpl.number(t, value))
		}
	}
	return longest
}

func asMapOrNil(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

func TestEventSourceMappings(t *testing.T) {
	tpl := load(t)
	for _, function := range tpl.functions() {
		for _, e := range tpl.events(t, function) {
			if e.kind == "HttpApi" || e.kind == "ScheduleV2" {
				continue
			}
			at := function + "." + e.name
			if got := names(e.properties["FunctionResponseTypes"]); !slices.Equal(got, []string{"ReportBatchItemFailures"}) {
				t.Errorf("%s: FunctionResponseTypes %v: one bad record would repeat its whole batch", at, got)
			}
			switch e.kind {
			case "SQS":
				for _, n := range tpl.numbers(t, dig(t, e.properties, "ScalingConfig", "MaximumConcurrency")) {
					if n < 2 {
						t.Errorf("%s: MaximumConcurrency can be %d, Lambda accepts no less than 2", at, n)
					}
				}
			case "DynamoDB":
				testStreamMapping(t, tpl, at, e.properties)
			default:
				t.Errorf("%s: nothing is said here about events of type %s", at, e.kind)
			}
		}
	}
}

func testStreamMapping(t *testing.T, tpl template, at string, properties map[string]any) {
	t.Helper()
	for key, want := range map[string]any{
		"Stream":                     map[string]any{"Fn::GetAtt": "EventsTable.StreamArn"},
		"StartingPosition":           "TRIM_HORIZON",
		"BatchSize":                  100,
		"ParallelizationFactor":      1,
		"BisectBatchOnFunctionError": true,
		"MaximumRetryAttempts":       -1,
	} {
		if name(properties[key]) != name(want) {
			t.Errorf("%s: %s is %v, want %v", at, key, properties[key], want)
		}
	}
	if age := tpl.number(t, properties["MaximumRecordAgeInSeconds"]); age >= day {
		t.Errorf("%s: records are given up after %d s, want before the stream drops them after %d s", at, age, day)
	}
	failure := name(dig(t, properties, "DestinationConfig", "OnFailure", "Destination"))
	if !slices.Contains(tpl.ofType("AWS::SQS::Queue"), strings.TrimSuffix(failure, ".Arn")) {
		t.Errorf("%s: given-up records are reported to %s, want a queue", at, failure)
	}
}

// One booking per invocation makes MaximumConcurrency the number of calls to the provider in flight.
func TestPaymentsAreTakenOneByOne(t *testing.T) {
	tpl := load(t)
	for _, e := range tpl.events(t, "PaymentFunction") {
		if got := tpl.number(t, e.properties["BatchSize"]); got != 1 {
			t.Errorf("%s: BatchSize %d, want 1", e.name, got)
		}
	}
}

// Lambda's recursive-loop detection ends a chain of messages that a function sends to
// the queue it consumes after about 16 hops, and no emulator shows that. So a function
// neither may send there nor knows the address: what it sends, it sends to where a
// variable says.
func TestNoFunctionSendsToTheQueueItConsumes(t *testing.T) {
	tpl := load(t)
	for queue, function := range tpl.consumers(t) {
		for _, g := range tpl.grants(t, function) {
			if strings.HasPrefix(g, "sqs:SendMessage on "+queue+".Arn") {
				t.Errorf("%s consumes %s and may send to it", function, queue)
			}
		}
		for variable, value := range tpl.variables(t, function) {
			if address := name(value); address == queue || strings.HasPrefix(address, queue+".") {
				t.Errorf("%s consumes %s and is told its address in %s", function, queue, variable)
			}
		}
	}
}

// An address that the code knows by itself would get round the test above.
func TestSendersAreMadeForAddressesOfTheEnvironment(t *testing.T) {
	tpl := load(t)
	senders := 0
	for _, function := range tpl.functions() {
		for _, call := range calls(t, filepath.Join("functions", source(function)), "NewSender") {
			senders++
			settings, ok := call.Args[len(call.Args)-1].(*ast.SelectorExpr)
			if !ok || !strings.HasSuffix(settings.Sel.Name, "Queue") {
				t.Errorf("%s makes a sender for an address that is not one of its settings", function)
			}
		}
	}
	if senders == 0 {
		t.Error("no function sends anything: this test checked nothing")
	}
}

// Seen from each queue: its consumer alone receives from it, what only SQS or Lambda fills is touched by no function of its own
// accord, and no right on a queue goes beyond carrying messages.
func TestWhoMayUseEachQueue(t *testing.T) {
	tpl := load(t)
	consumers := tpl.consumers(t)
	users := map[string]map[string][]string{} // queue → action → functions
	for _, function := range tpl.functions() {
		for _, g := range tpl.grants(t, function) {
			action, resource, _ := strings.Cut(g, " on ")
			if verb, ok := strings.CutPrefix(action, "sqs:"); ok {
				queue := strings.TrimSuffix(resource, ".Arn")
				if users[queue] == nil {
					users[queue] = map[string][]string{}
				}
				users[queue][verb] = append(users[queue][verb], function)
			}
		}
	}
	senders := map[string][]string{
		"ProjectionQueue":       {"RelayFunction", "SweeperFunction"},
		"PaymentsQueue":         {"BookingFunction", "RelayFunction", "SweeperFunction"},
		"RebuildQueue":          {"SweeperFunction"},
		"RelayFailureQueue":     {"RelayFunction"}, // Lambda in its name
		"PublisherFailureQueue": {"PublisherFunction"},
	}
	carrying := []string{"SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl"}
	for _, queue := range tpl.ofType("AWS::SQS::Queue") {
		if diff := cmp.Diff(senders[queue], users[queue]["SendMessage"]); diff != "" {
			t.Errorf("%s: who sends (-want +got):\n%s", queue, diff)
		}
		var receivers []string
		if consumer := consumers[queue]; consumer != "" {
			receivers = []string{consumer}
		}
		for _, action := range []string{"ReceiveMessage", "DeleteMessage"} {
			if diff := cmp.Diff(receivers, users[queue][action]); diff != "" {
				t.Errorf("%s: who may %s (-want +got):\n%s", queue, action, diff)
			}
		}
		for action := range users[queue] {
			if !slices.Contains(carrying, action) {
				t.Errorf("%s: %v may %s", queue, users[queue][action], action)
			}
		}
		delete(users, queue)
	}
	for resource := range users {
		t.Errorf("rights of SQS are granted on %s, which is no queue", resource)
	}
}
