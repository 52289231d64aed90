package deploytest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// A month has 30 days on the page.
const (
	monthHours   = 30 * 24
	monthSeconds = monthHours * 3600
)

// charge is a row of a bill: so many of something, each at a price.
type charge struct {
	what  string
	count float64
	price float64 // US$ of July to November 2026, us-east-1
}

// row is a charge as docs/COSTS.md writes it.
func (c charge) row() string {
	return fmt.Sprintf("| %s | %s | %s | %.2f |", c.what, plain(c.count), price(c.price), c.count*c.price)
}

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func price(p float64) string {
	if p < 0.01 {
		return plain(p)
	}
	return fmt.Sprintf("%.2f", p)
}

// bill expects the rows, and the sum of them, in docs/COSTS.md.
func bill(t *testing.T, charges []charge) {
	t.Helper()
	var rows []string
	sum := 0.0
	for _, c := range charges {
		if c.count == 0 {
			t.Errorf("no %s", c.what)
		}
		sum += c.count * c.price
		rows = append(rows, c.row())
	}
	rows = append(rows, fmt.Sprintf("| **sum** |  |  | **%.2f** |", sum))
	lists(t, "COSTS.md", rows)
}

// lists expects rows of a table in a page of docs/, one under the other.
func lists(t *testing.T, page string, rows []string) {
	t.Helper()
	if !strings.Contains(document(t, page), strings.Join(rows, "\n")) {
		t.Errorf("docs/%s lacks the rows\n%s", page, strings.Join(rows, "\n"))
	}
}

// What a stack costs though nobody rides is listed in docs/COSTS.md: as many of each as
// the template of prod has, and the products and the sum as they come.
func TestTheCostsOfAnIdleStackAreTrue(t *testing.T) {
	t.Parallel()
	tpl := load(t).at(t, "prod", "StripeWebhookSecretArn=arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook")
	const given = 2                    // secrets by parameter: the provider's key, and that of its notices
	alarms := len(tpl.alarmMetrics(t)) // an alarm costs as much for each metric in it
	metrics := 0
	for _, d := range telemetry.Definitions() {
		metrics += len(strings.Split(d.By, ", "))
	}
	bill(t, []charge{
		{"metrics in alarms", float64(alarms), 0.10},
		{"composite alarms", float64(len(tpl.ofType(alarmKinds[1]))), 0.50},
		{"dashboards", float64(len(tpl.ofType("AWS::CloudWatch::Dashboard"))), 3},
		{"keys of KMS", float64(len(tpl.ofType("AWS::KMS::Key"))), 1},
		{"requests of KMS, at most", tpl.keyRequests(t), 0.000003},
		{"secrets", float64(given + len(tpl.ofType("AWS::SecretsManager::Secret"))), 0.40},
		{"metrics of ours, all that there are", float64(metrics), 0.30},
	})
	// The sweeper runs every minute.
	minutes := monthSeconds / 60.0
	says(t, "COSTS.md", fmt.Sprintf("The sweeper's %s minutes come to %.0f cent of requests and, at 200 ms each, %.0f cents of\ntime",
		grouped(minutes), 100*minutes*0.0000002, 100*minutes*0.2*256/1024*0.0000133334))
	// Each of them looks at the eight shards of deferred work, half a read unit each, and at the queue.
	says(t, "COSTS.md", fmt.Sprintf("The look costs 4 read units and 1 SQS request a\nminute, %.0f cents a month.", 100*minutes*(4*0.000000125+0.0000004)))
}

// keyRequests is how often a month DynamoDB and SQS ask KMS for a data key, if all functions are busy all the time. SQS
// asks twice for each sender and once for each receiver of a queue in the time for which it reuses a data key (SQS
// Developer Guide, "Estimating AWS KMS costs"), DynamoDB once for each caller of a table in 5 minutes (DynamoDB Developer
// Guide, "DynamoDB encryption at rest: usage notes").
func (tpl template) keyRequests(t *testing.T) float64 {
	t.Helper()
	const reused = 300 // seconds, of both
	requests := 0
	for _, function := range tpl.functions() {
		_, statements, _ := tpl.role(t, function)
		tables := map[string]bool{}
		for _, grant := range allowed(statements) {
			action, resource, _ := strings.Cut(grant, " on ")
			switch {
			case action == "sqs:SendMessage":
				requests += 2
			case action == "sqs:ReceiveMessage":
				requests++
			case strings.HasPrefix(action, "dynamodb:"):
				table, _, _ := strings.Cut(resource, ".")
				tables[table] = true
			}
		}
		requests += len(tables)
	}
	return float64(requests * monthSeconds / reused)
}

// What some parameters add to the fixed costs.
func TestTheCostsOfParametersAreTrue(t *testing.T) {
	t.Parallel()
	without := len(load(t).at(t, "prod").alarmMetrics(t))
	bus := load(t).at(t, "prod", "EventBusArn=arn:aws:events:eu-central-1:111122223333:event-bus/b")
	counted := load(t).at(t, "prod", "RouteMetrics=true")
	if got := dig(t, counted.properties(t, "Api", "AWS::Serverless::HttpApi"), "DefaultRouteSettings", "DetailedMetricsEnabled"); got != true {
		t.Fatalf("RouteMetrics=true leaves detailed metrics %v", got)
	}
	// Count, 4xx, 5xx, Latency, IntegrationLatency, DataProcessed: API Gateway Developer Guide, "Monitor CloudWatch metrics for HTTP APIs".
	const metricsOfARoute = 6
	memory := load(t).number(t, load(t).function(t, "BookingFunction")["MemorySize"])
	var rows []string
	for _, c := range []struct {
		parameter string
		charge
	}{
		{"`RouteMetrics=true`", charge{"metrics of routes", float64(metricsOfARoute * len(deployedRoutes(t, counted))), 0.30}},
		{"`DispatchMachine=true`", charge{"machine clients of Cognito", float64(len(load(t).at(t, "prod", "DispatchMachine=true").ofType("AWS::Cognito::UserPoolClient")) - 1), 6}},
		{"`DispatchMachine=true`", charge{"tokens of machines, one an hour", monthHours, 0.00225}},
		{"`BookingProvisionedConcurrency=1`", charge{"GB-seconds kept started", float64(memory) / 1024 * monthSeconds, 0.0000033334}},
		{"`EventBusArn`", charge{"metrics in alarms", float64(len(bus.alarmMetrics(t)) - without), 0.10}},
	} {
		rows = append(rows, "| "+c.parameter+" "+c.row())
	}
	lists(t, "COSTS.md", rows)
	says(t, "DEPLOY.md", fmt.Sprintf("Each costs %.2f dollars a month on arm64", float64(memory)/1024*monthSeconds*0.0000033334))
}

// Traces are recorded of the first invocation of a second and of 5 % of the rest, for each function: AWS Lambda Developer
// Guide, "Visualize Lambda function invocations using AWS X-Ray".
func TestTheCostsOfTracesAreTrue(t *testing.T) {
	t.Parallel()
	const rides, rest, perTrace = 1e6, 0.05, 0.000005
	var rows []string
	sum := 0.0
	for _, function := range section(t, "COSTS.md", "What the functions do") {
		perRide, err := strconv.ParseFloat(function[5], 64)
		if err != nil {
			t.Fatal(err)
		}
		invocations := rides * perRide
		traces := min(invocations, monthSeconds) + rest*max(0, invocations-monthSeconds)
		sum += traces * perTrace
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %.2f |", function[0], plain(invocations), plain(math.Round(traces)), traces*perTrace))
	}
	lists(t, "COSTS.md", append(rows, fmt.Sprintf("| **sum** |  |  | **%.2f** |", sum)))
	says(t, "COSTS.md", fmt.Sprintf("at %s dollars a trace:", price(perTrace)))
	says(t, "COSTS.md", fmt.Sprintf("| traces | %s | https://", price(perTrace)))
	if tpl := load(t); tpl.globals["Tracing"] != "Active" {
		t.Errorf("Tracing is %v: the page says what Active costs", tpl.globals["Tracing"])
	}
}

// typical is how long what API Gateway fills into a line of the access log is; "-" stands for what a request does not have.
// The route is the longest.
var typical = map[string]string{
	"requestId": "f2Xb9h0OliAEMNw=", "requestTimeEpoch": "1790000000000", "status": "200", "responseLatency": "100", "integrationLatency": "100",
	"integrationErrorMessage": "-", "error.responseType": "-", "authorizer.error": "-", "responseLength": "1000", "identity.sourceIp": "255.255.255.255",
}

// The bytes of a line of the access log are those of the template's format.
func TestTheBytesOfTheAccessLogAreTrue(t *testing.T) {
	t.Parallel()
	tpl := load(t).at(t, "prod")
	longest := ""
	for _, route := range deployedRoutes(t, tpl) {
		if key := route[:strings.LastIndex(route, " ")]; len(key) > len(longest) {
			longest = key
		}
	}
	format := name(dig(t, tpl.properties(t, "Api", "AWS::Serverless::HttpApi"), "AccessLogSettings", "Format"))
	line := regexp.MustCompile(`\$context\.[A-Za-z.]+`).ReplaceAllStringFunc(format, func(variable string) string {
		value, known := typical[strings.TrimPrefix(variable, "$context.")]
		if variable == "$context.routeKey" {
			value, known = longest, true
		}
		if !known {
			t.Errorf("how long is %s?", variable)
		}
		return value
	})
	says(t, "COSTS.md", fmt.Sprintf("A line of the access log is %d bytes", len(strings.TrimSpace(line))))
}

// Every price on the page says where it comes from.
func TestEveryPriceHasASource(t *testing.T) {
	t.Parallel()
	sources := map[string][]string{}
	for _, row := range section(t, "COSTS.md", "Prices and where they come from") {
		sources[row[0]] = row
		if len(row) != 4 || !strings.HasPrefix(row[2], "https://") || row[3] == "" {
			t.Errorf("%v: want what, price, page, and what was seen", row)
		}
	}
	used := map[string]bool{}
	for heading, at := range map[string][2]int{
		"A million bookings in dollars": {0, 1}, "With an event bus": {0, 1}, "What a stack costs each month, though nobody rides": {0, 2}, "What parameters add each month": {1, 3},
	} {
		for _, row := range section(t, "COSTS.md", heading) {
			what, price := row[at[0]], row[at[1]]
			if what == "**sum**" {
				continue
			}
			used[what] = true
			if source := sources[what]; len(source) < 2 || source[1] != price {
				t.Errorf("%s: %s at %s has no source, or another price there: %v", heading, what, price, source)
			}
		}
	}
	used["traces"] = true
	for _, what := range slices.Sorted(maps.Keys(sources)) {
		if !used[what] {
			t.Errorf("the price of %s is used nowhere", what)
		}
	}
}
