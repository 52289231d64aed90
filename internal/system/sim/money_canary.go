package sim

import (
	"encoding/json"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Bugs of deciding about facts of payments.
const (
	declineSettlesDebt Canary = "a declined card settles what is owed"
	failureForgotten   Canary = "a refund that has failed succeeds, by an older answer"
	wrongBelieved      Canary = "an amount that the provider misreports is recorded"
)

func moneyCanaries() []Canary { return []Canary{declineSettlesDebt, failureForgotten, wrongBelieved} }

// canaryFact is a draft as it would be if facts were decided about wrongly.
func (w *World) canaryFact(draft events.Draft) events.Draft {
	switch w.canary {
	case declineSettlesDebt:
		return rewritten(draft, booking.TypePaymentFailed, func(data map[string]any) (eventType string) {
			if data["reason"] == booking.ReasonSpent {
				return booking.TypePaymentFailed
			}
			data["code"] = data["reason"]
			return booking.TypePaymentDeclined
		})
	case failureForgotten:
		return rewritten(draft, booking.TypePaymentRefundFailed, func(data map[string]any) string {
			delete(data, "ref")
			return booking.TypePaymentRefundFailed
		})
	case wrongBelieved:
		return rewritten(draft, booking.TypePaymentCaptured, func(data map[string]any) string {
			amount, _ := data["amount"].(map[string]any)
			if n, ok := amount["amount"].(float64); ok && w.result.Faults[misreported] > 0 {
				amount["amount"] = n + 1
			}
			return booking.TypePaymentCaptured
		})
	default:
		return draft
	}
}

// rewritten is a draft whose only event, if it is of a type, gets other data and another
// type.
func rewritten(draft events.Draft, of string, change func(data map[string]any) (eventType string)) events.Draft {
	if len(draft.Events) != 1 || draft.Events[0].Type != of {
		return draft
	}
	var data map[string]any
	if err := json.Unmarshal(draft.Events[0].Data, &data); err != nil {
		return draft
	}
	eventType := change(data)
	encoded, err := json.Marshal(data)
	if err != nil {
		return draft
	}
	draft.Events = []events.Event{{Type: eventType, Schema: 1, Data: encoded}}
	return draft
}
