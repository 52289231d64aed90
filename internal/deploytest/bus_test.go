package deploytest

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	companyBus = "arn:aws:events:eu-central-1:111122223333:event-bus/company"
	withBus    = "EventBusArn=" + companyBus
)

// Whoever has no bus pays for nothing that serves one, and is woken by nothing of it; and a bus changes nothing else.
func TestABusBringsItsOwnPartsAndNothingElse(t *testing.T) {
	for _, stage := range stages {
		without, with := load(t).at(t, stage), load(t).at(t, stage, withBus)
		var added []string
		for _, id := range slices.Sorted(maps.Keys(with.resources)) {
			if without.resources[id] == nil {
				added = append(added, id)
			} else if diff := cmp.Diff(without.resources[id], with.resources[id]); diff != "" {
				t.Errorf("%s: %s (-without a bus +with it):\n%s", stage, id, diff)
			}
		}
		want := []string{
			"PublisherErrorsAlarm", "PublisherFailureQueue", "PublisherFailureQueuePolicy", "PublisherFailuresAlarm", "PublisherFunction",
			"PublisherIteratorAgeAlarm", "PublisherLogGroup", "PublisherRole",
		}
		if stage == "local" { // where queues take plain HTTP
			want = slices.DeleteFunc(want, func(id string) bool { return id == "PublisherFailureQueuePolicy" })
		}
		if diff := cmp.Diff(want, added); diff != "" {
			t.Errorf("%s: a bus adds (-want +got):\n%s", stage, diff)
		}
	}
}

// SAM makes a deployment group for each function, and gives it the function's condition only if told to. Without it a stack
// without a bus could not be deployed: the group names a function and an alarm that are not there.
func TestARolloutHasTheConditionOfItsFunction(t *testing.T) {
	tpl := load(t)
	conditional := 0
	for _, function := range tpl.functions() {
		if asMap(t, tpl.resources[function])["Condition"] == nil {
			continue
		}
		conditional++
		if asMap(t, tpl.function(t, function)["DeploymentPreference"])["PassthroughCondition"] != true {
			t.Errorf("%s: its deployment group is made where the function is not", function)
		}
	}
	if conditional == 0 {
		t.Error("no function has a condition: this test checked nothing")
	}
}

// The stream serves two readers of a shard: the bus has the second place, and a third reader would slow down all of them.
func TestTheStreamHasNoMoreReadersThanItServes(t *testing.T) {
	tpl := load(t)
	var readers []string
	for _, function := range tpl.functions() {
		for _, e := range tpl.events(t, function) {
			if e.kind == "DynamoDB" {
				readers = append(readers, function)
			}
		}
	}
	if diff := cmp.Diff([]string{"PublisherFunction", "RelayFunction"}, readers); diff != "" {
		t.Errorf("readers of the stream (-want +got):\n%s", diff)
	}
}

func TestWhatIsTakenForABus(t *testing.T) {
	pattern, err := regexp.Compile(`^(?:` + dig(t, load(t).parameters, "EventBusArn", "AllowedPattern").(string) + `)$`)
	if err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[string]bool{
		"":         true,
		companyBus: true,
		"arn:aws-cn:events:cn-north-1:111122223333:event-bus/default":        true,
		"arn:aws:events:eu-central-1:111122223333:event-bus/aws.partner/x/y": true,
		"company": false,
		"arn:aws:events:eu-central-1:111122223333:event-bus/*":   false,
		"arn:aws:events:eu-central-1:111122223333:event-bus/":    false,
		"arn:aws:events:eu-central-1:111122223333:rule/company":  false,
		"arn:aws:sqs:eu-central-1:111122223333:event-bus/wrong":  false,
		"arn:aws:events:eu-central-1:1111:event-bus/shortnumber": false,
	} {
		if got := pattern.MatchString(arn); got != want {
			t.Errorf("%q is taken: %v, want %v", arn, got, want)
		}
	}
}
