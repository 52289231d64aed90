package deploytest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Every commitment that docs/SLO.md names has its page and says where it was seen, and what the row of services for a
// request promises together is the product of theirs.
func TestCommitmentsHaveSourcesAndTheirProductIsTrue(t *testing.T) {
	t.Parallel()
	const inARow = 3 // API Gateway, Lambda, DynamoDB
	product, factors := 1.0, []string{}
	for i, row := range section(t, "SLO.md", "What we depend on") {
		if len(row) != 4 || row[3] == "" {
			t.Fatalf("%v: want dependency, commitment, what happens without it, and where it was seen", row)
		}
		if !strings.Contains(row[0], "](https://aws.amazon.com/") && row[0] != "the payment provider" {
			t.Errorf("%s names no page", row[0])
		}
		if i >= inARow {
			continue
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(row[1], " %"), 64)
		if err != nil {
			t.Fatalf("%s: %v", row[0], err)
		}
		product *= percent / 100
		factors = append(factors, strconv.FormatFloat(percent/100, 'f', 4, 64))
	}
	says(t, "SLO.md", fmt.Sprintf("API Gateway, Lambda and DynamoDB stand in a row for a request: %s = %.2f %%.", strings.Join(factors, " × "), 100*product))
}

// The objectives are those that alarms watch, and waiting is as long as queues and the stream keep what waits.
func TestObjectivesAreThoseOfTheAlarms(t *testing.T) {
	t.Parallel()
	tpl := load(t).at(t, "prod")
	watch := func(alarm string) (threshold, minutes, of int) {
		id := tpl.alarmCalled(t, "hailstone-prod-"+alarm)
		p := tpl.properties(t, id, alarmKinds[0])
		return tpl.number(t, p["Threshold"]), tpl.number(t, p["DatapointsToAlarm"]) * tpl.number(t, p["Period"]) / 60,
			tpl.number(t, p["EvaluationPeriods"]) * tpl.number(t, p["Period"]) / 60
	}
	latency, minutes, of := watch("api-latency")
	says(t, "SLO.md", fmt.Sprintf("take less than %d s, cold starts included | `Latency` p99 of the API | `api-latency`: above for %d of %d minutes", latency/1000, minutes, of))
	lag, minutes, _ := watch("projection-lag")
	says(t, "SLO.md", fmt.Sprintf("follow the log within %d s | `ProjectionLag` p99 | `projection-lag`: above for %d minutes", lag/1000, minutes))
	due, _, _ := watch("oldest-due-payment")
	says(t, "SLO.md", fmt.Sprintf("is tried within %d minutes", due/60))
	_, minutes, _ = watch("sweeper-silent")
	says(t, "SLO.md", fmt.Sprintf("`sweeper-silent` after %d minutes", minutes))

	const stream = 24 // hours that DynamoDB keeps a record
	kept := tpl.number(t, tpl.properties(t, "PaymentsQueue", "AWS::SQS::Queue")["MessageRetentionPeriod"])
	says(t, "SLO.md", fmt.Sprintf("records and messages wait for it, %d h and %d days", stream, kept/86400))
	retried := tpl.number(t, tpl.events(t, "RelayFunction")[0].properties["MaximumRecordAgeInSeconds"])
	says(t, "SLO.md", fmt.Sprintf("wait in the stream, up to %d h", retried/3600))
}
