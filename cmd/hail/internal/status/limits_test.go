package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
)

// What hail status calls for attention is what an alarm goes off at.
func TestLimitsAreThoseOfTheAlarms(t *testing.T) {
	t.Parallel()
	template, err := plan.ReadTemplate("../../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	resources := template.Make(plan.Settings{Stack: "s", Region: "eu-central-1", Parameters: map[string]string{"Stage": "prod"}}, "111122223333", nil).Resources
	for alarm, limit := range map[string]struct {
		at, unit time.Duration
	}{
		"PaymentsAgeAlarm":      {tooLongQueued, time.Second},
		"ProjectionAgeAlarm":    {tooLongQueued, time.Second},
		"OldestDuePaymentAlarm": {tooLongDue, time.Second},
		"BookingsOverdueAlarm":  {tooLongOverdue, time.Second},
		"ProjectionLagAlarm":    {tooFarBehind, time.Millisecond},
		"IteratorAgeAlarm":      {tooOldIterator, time.Millisecond},
	} {
		want := fmt.Sprint(int64(limit.at / limit.unit))
		if got := fmt.Sprint(resources[alarm].Properties["Threshold"]); got != want {
			t.Errorf("%s goes off at %s, hail status asks for attention at %s (%s)", alarm, got, want, limit.unit)
		}
	}
}
