package events_test

import (
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
)

func TestAHistoryGoesBackToWhatItsNewestCommitsSay(t *testing.T) {
	t.Parallel()
	log := eventstest.NewMemory(events.NewStamp)
	at := events.NewStream("booking/bk_1")
	for i, trace := range []events.Trace{
		{CorrelationID: "req-1", Traceparent: "trace-1"}, {CorrelationID: "req-2", CausationID: "booking/bk_1@1"}, {Traceparent: "trace-3"}, {},
	} {
		draft := eventstest.Draft([]string{"a", "b", "c", "d"}[i])
		draft.Trace, draft.RecordedAt = trace, time.Unix(0, 0)
		if _, err := log.Append(t.Context(), at, draft); err != nil {
			t.Fatal(err)
		}
		h, err := log.Load(t.Context(), "booking/bk_1")
		if err != nil {
			t.Fatal(err)
		}
		at = h.Position()
	}
	h, err := log.Load(t.Context(), "booking/bk_1")
	want := events.Trace{CorrelationID: "req-2", CausationID: "booking/bk_1@1", Traceparent: "trace-3"}
	if got := h.Trace(); err != nil || got != want {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
	if got, want := h.Continue(events.Trace{CorrelationID: "req-9"}), (events.Trace{CorrelationID: "req-9", Traceparent: "trace-3"}); got != want {
		t.Errorf("what follows is %+v, want %+v", got, want)
	}
	if got := (events.History{}).Trace(); got != (events.Trace{}) {
		t.Errorf("an empty history goes back to %+v", got)
	}
}
