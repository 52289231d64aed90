package deploytest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// A reference is a metric that an alarm or a widget reads.
type reference struct {
	from, namespace, metric string
	dimensions              map[string]string
}

var alarmKinds = []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}

func (tpl template) alarmMetrics(t *testing.T) []reference {
	t.Helper()
	var found []reference
	for _, id := range tpl.ofType(alarmKinds[0]) {
		properties := tpl.properties(t, id, alarmKinds[0])
		queries, _ := properties["Metrics"].([]any)
		metrics := []map[string]any{properties}
		for _, query := range queries {
			if stat, ok := asMap(t, query)["MetricStat"]; ok {
				metrics = append(metrics, asMap(t, dig(t, stat, "Metric")))
			}
		}
		for _, metric := range metrics {
			if metric["MetricName"] == nil {
				continue
			}
			r := reference{id, name(metric["Namespace"]), name(metric["MetricName"]), map[string]string{}}
			for _, dimension := range metric["Dimensions"].([]any) {
				r.dimensions[name(dig(t, dimension, "Name"))] = name(dig(t, dimension, "Value"))
			}
			found = append(found, r)
		}
	}
	return found
}

// dashboardMetrics reads the body as CloudWatch does, with the stack's names left in it.
func (tpl template) dashboardMetrics(t *testing.T) []reference {
	t.Helper()
	body, _ := asMap(t, tpl.properties(t, "Dashboard", "AWS::CloudWatch::Dashboard")["DashboardBody"])["Fn::Sub"].(string)
	var dashboard struct {
		Widgets []struct {
			Properties struct {
				Title   string  `json:"title"`
				Metrics [][]any `json:"metrics"`
			} `json:"properties"`
		} `json:"widgets"`
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatalf("the dashboard: %v", err)
	}
	var found []reference
	for _, widget := range dashboard.Widgets {
		for _, metric := range widget.Properties.Metrics {
			r := reference{widget.Properties.Title, metric[0].(string), metric[1].(string), map[string]string{}}
			for i := 2; i+1 < len(metric); i += 2 {
				r.dimensions[metric[i].(string)] = name(map[string]any{"Fn::Sub": metric[i+1]})
			}
			found = append(found, r)
		}
	}
	return found
}

// An alarm on a metric that nobody sends is silent for ever.
func TestAlarmsAndDashboardReadMetricsThatAreSent(t *testing.T) {
	tpl := load(t)
	var ours, functions []string
	for _, d := range telemetry.Definitions() {
		ours = append(ours, string(d.Metric))
	}
	for _, function := range tpl.functions() {
		functions = append(functions, source(function))
	}
	all := slices.Concat(tpl.alarmMetrics(t), tpl.dashboardMetrics(t))
	read := 0
	for _, r := range all {
		if r.namespace != telemetry.Namespace {
			checkForeign(t, tpl, r)
			continue
		}
		read++
		if !slices.Contains(ours, r.metric) {
			t.Errorf("%s reads %s, which nobody sends", r.from, r.metric)
		}
		if len(r.dimensions) != 2 || strings.TrimPrefix(r.dimensions["Stack"], "AWS::") != "StackName" || !slices.Contains(functions, r.dimensions["Function"]) {
			t.Errorf("%s reads %s of %v, want Stack and Function", r.from, r.metric, r.dimensions)
		}
	}
	if read < 20 {
		t.Errorf("only %d references to metrics of our own were found", read)
	}
}

// checkForeign knows what AWS measures of resources like ours, and that they are in the template.
func checkForeign(t *testing.T, tpl template, r reference) {
	t.Helper()
	known := map[string]struct {
		dimension string
		metrics   []string
	}{
		"AWS/SQS":        {"QueueName", []string{"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}},
		"AWS/Lambda":     {"FunctionName", []string{"Errors", "Throttles", "Invocations", "Duration", "ConcurrentExecutions", "IteratorAge"}},
		"AWS/ApiGateway": {"ApiId", []string{"Count", "4xx", "5xx", "Latency", "IntegrationLatency"}},
	}[r.namespace]
	id := strings.TrimSuffix(r.dimensions[known.dimension], ".QueueName")
	if !slices.Contains(known.metrics, r.metric) || tpl.resources[id] == nil {
		t.Errorf("%s reads %s %s of %v", r.from, r.namespace, r.metric, r.dimensions)
	}
	if alias, ok := r.dimensions["Resource"]; ok && alias != id+":live" {
		t.Errorf("%s reads %s of %s: versions run behind the alias", r.from, r.metric, alias)
	}
}

var entry = regexp.MustCompile(`docs/RUNBOOK\.md: (.+)$`)

// Whoever is woken finds what to type; and nothing is described that wakes nobody.
func TestEveryAlarmHasAnEntryInTheRunbook(t *testing.T) {
	entries := runbookEntries(t)
	tpl := load(t)
	used := map[string]bool{}
	for _, kind := range alarmKinds {
		for _, id := range tpl.ofType(kind) {
			properties := tpl.properties(t, id, kind)
			match := entry.FindStringSubmatch(name(properties["AlarmDescription"]))
			if len(match) < 2 || entries[match[1]] == "" {
				t.Errorf("%s: %v names no entry of the runbook", id, properties["AlarmDescription"])
				continue
			}
			used[match[1]] = true
			if got := name(properties["AlarmName"]); !strings.HasPrefix(got, "AWS::StackName-") {
				t.Errorf("%s is called %s: two stacks would collide", id, got)
			}
		}
	}
	for heading, text := range entries {
		if !used[heading] {
			t.Errorf("no alarm leads to %q", heading)
		}
		for _, part := range []string{"**Seen.**", "**Meaning.**", "**Do.**", "```"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q has no %s", heading, part)
			}
		}
	}
}

var quoted = regexp.MustCompile(`--filter-pattern (?:'"([^"]+)"'|([a-z_]+)\b)`)

// What the runbook has people look for in the logs is what is logged there.
func TestTheRunbookLooksForMessagesThatAreLogged(t *testing.T) {
	known := map[string]bool{repair.LongRide: true}
	for message := range telemetry.Told() {
		known[message] = true
	}
	looked := 0
	for heading, text := range runbookEntries(t) {
		for _, match := range quoted.FindAllStringSubmatch(text, -1) {
			looked++
			if message := match[1] + match[2]; !known[message] {
				t.Errorf("%q looks for %q, which nobody logs", heading, message)
			}
		}
	}
	if looked < 5 {
		t.Errorf("only %d patterns were found", looked)
	}
}

// runbookEntries returns the text under each heading of the section about alarms.
func runbookEntries(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "RUNBOOK.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Alarms\n")
	if !ok {
		t.Fatal("the runbook has no section Alarms")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	entries := map[string]string{}
	for _, part := range strings.Split(section, "\n### ")[1:] {
		heading, body, _ := strings.Cut(part, "\n")
		entries[heading] = body
	}
	return entries
}

// Alarms tell the topic, if there is one; what is a part of another, or there for rollouts, does not, and the emulator can neither
// join alarms nor compute.
func TestAlarmsTellTheTopic(t *testing.T) {
	const topic = "arn:aws:sns:eu-central-1:111122223333:pager"
	for _, stage := range stages {
		silent, told := load(t).at(t, stage, withBus), load(t).at(t, stage, withBus, "AlarmTopicArn="+topic)
		for _, kind := range alarmKinds {
			if (len(told.ofType(kind)) == 0) != (kind == alarmKinds[1] && stage == "local") {
				t.Errorf("%s: %s: %v", stage, kind, told.ofType(kind))
			}
			for _, id := range told.ofType(kind) {
				want := any([]any{topic})
				if !strings.HasSuffix(id, "Alarm") {
					want = nil
				}
				if diff := cmp.Diff(want, told.properties(t, id, kind)["AlarmActions"]); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", stage, id, diff)
				}
				if silent.properties(t, id, kind)["AlarmActions"] != nil {
					t.Errorf("%s: %s tells somebody without a topic", stage, id)
				}
			}
		}
	}
}

// CodeDeploy turns back when the new version fails.
func TestARolloutIsTurnedBackByTheFunctionsOwnAlarm(t *testing.T) {
	tpl := load(t).at(t, "prod", withBus)
	metrics := tpl.alarmMetrics(t)
	for _, function := range tpl.functions() {
		alarms := names(dig(t, tpl.function(t, function), "DeploymentPreference", "Alarms"))
		for i, alarm := range alarms { // by its id or by its name
			if id := tpl.alarmCalled(t, alarm); id != "" {
				alarms[i] = id
			} else if tpl.resources[alarm] == nil {
				t.Errorf("%s is watched by %s, which is no alarm", function, alarm)
			}
		}
		if function == "BookingFunction" && !slices.Contains(alarms, "ApiErrorsForRollout") {
			t.Errorf("%s is watched by %v, want the errors of the API among them", function, alarms)
		}
		if !slices.ContainsFunc(metrics, func(r reference) bool {
			return slices.Contains(alarms, r.from) && r.metric == "Errors" && r.dimensions["FunctionName"] == function
		}) {
			t.Errorf("%s is watched by %v, want an alarm on its errors", function, alarms)
		}
	}
}

// alarmCalled returns the id of the alarm of that name, or nothing.
func (tpl template) alarmCalled(t *testing.T, alarm string) string {
	t.Helper()
	for _, id := range tpl.ofType(alarmKinds[0]) {
		if name(tpl.properties(t, id, alarmKinds[0])["AlarmName"]) == alarm {
			return id
		}
	}
	return ""
}

// A consumer that falls behind fails nowhere: only the age of what waits shows it. What nothing consumes has an alarm as soon as
// anything lies there.
func TestEveryQueueIsWatched(t *testing.T) {
	tpl := load(t).at(t, "prod", withBus)
	consumers, metrics := tpl.consumers(t), tpl.alarmMetrics(t)
	for _, queue := range tpl.ofType("AWS::SQS::Queue") {
		want := "ApproximateNumberOfMessagesVisible"
		if consumers[queue] != "" {
			want = "ApproximateAgeOfOldestMessage"
		}
		if !slices.ContainsFunc(metrics, func(r reference) bool {
			return r.metric == want && r.dimensions["QueueName"] == queue+".QueueName"
		}) {
			t.Errorf("no alarm reads %s of %s", want, queue)
		}
	}
}

// SQS leaves a message out of the age after three receives, so one that fails and comes back must be out before its age goes off:
// the alarm is about a consumer, dead letters are about a message.
func TestOneFailingMessageIsNoAgeAlarm(t *testing.T) {
	tpl := load(t).at(t, "prod")
	for id, queue := range map[string]string{"PaymentsAgeAlarm": "PaymentsQueue", "ProjectionAgeAlarm": "ProjectionQueue"} {
		alarm := tpl.properties(t, id, alarmKinds[0])
		visibility := tpl.number(t, tpl.properties(t, queue, "AWS::SQS::Queue")["VisibilityTimeout"])
		threshold, points := tpl.number(t, alarm["Threshold"]), tpl.number(t, alarm["DatapointsToAlarm"])
		if last := 2 * visibility; last >= threshold+60*points {
			t.Errorf("%s goes off %d s after a message came, and one that fails counts for %d s", id, threshold+60*points, last)
		}
	}
}

// What wakes somebody, in the words of docs/SLO.md: the budget, and how many times too fast it is used up.
func TestBurnRatesFollowFromTheObjective(t *testing.T) {
	const budget = 0.1 // percent of requests that may fail: 99.9 % shall not
	tpl := load(t).at(t, "prod")
	for id, rate := range map[string]float64{"ApiFastBurnLong": 14.4, "ApiFastBurnShort": 14.4, "ApiSlowBurnLong": 6, "ApiSlowBurnShort": 6} {
		got, _ := tpl.properties(t, id, alarmKinds[0])["Threshold"].(float64)
		if want := rate * budget; got-want > 1e-9 || want-got > 1e-9 {
			t.Errorf("%s: %v %% of the requests, want %v", id, got, want)
		}
	}
}
