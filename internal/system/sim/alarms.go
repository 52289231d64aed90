package sim

import (
	"context"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// alarmForgotten is a function that records what people must look at, and says nothing.
const alarmForgotten Canary = "an alarm is not raised"

// alarmOf are the events that people must hear of.
var alarmOf = map[string]string{
	booking.TypePaymentFailed: payments.AlarmFailed, booking.TypePaymentAuthorizationLost: payments.AlarmFailed,
	booking.TypePaymentRefundFailed: payments.AlarmRefundFailed, booking.TypePaymentDisputed: payments.AlarmDisputed,
}

// alarmsOf are the alarms that an append must be followed by: those of its first time.
func alarmsOf(appended events.Appended, err error) []string {
	if err != nil || appended.Replayed {
		return nil
	}
	var all []string
	for _, e := range appended.Commit.Events {
		if alarm := alarmOf[e.Type]; alarm != "" {
			all = append(all, alarm)
		}
	}
	return all
}

// hears takes note of an alarm, which must have its cause in the same invocation.
func (o *oracle) hears(ctx context.Context, message string) {
	t, ok := ctx.Value(taskKey{}).(*task)
	if !ok || t.inv == nil || !slices.Contains([]string{payments.AlarmFailed, payments.AlarmRefundFailed, payments.AlarmDisputed}, message) {
		return
	}
	i := slices.Index(t.inv.alarms, message)
	if i < 0 {
		o.fail("an alarm has a cause", "", "%s: %s", t.name, message)
		return
	}
	t.inv.alarms = slices.Delete(t.inv.alarms, i, i+1)
}
