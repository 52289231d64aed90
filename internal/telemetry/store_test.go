package telemetry_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// The store that tells is a store.
func TestAStoreThatTellsKeepsTheContract(t *testing.T) {
	t.Parallel()
	eventstest.Run(t, func(*testing.T) events.Store { return telemetry.Store(eventstest.NewMemory(events.NewStamp)) })
}

func TestEveryEventIsCountedOnceWhereItIsAppended(t *testing.T) {
	t.Parallel()
	d := deploy(t, slog.LevelInfo, true)
	log := telemetry.Store(eventstest.NewMemory(events.NewStamp))
	draft := events.Draft{
		CommandID: "create", Actor: "rider/r", RecordedAt: time.Unix(0, 0), Trace: events.Trace{CorrelationID: "req-0"},
		Events: []events.Event{
			{Type: booking.TypeBookingRequested, Schema: 1, Data: []byte("{}")},
			{Type: booking.TypePaymentAuthorizationLost, Schema: 1, Data: []byte("{}")},
			{Type: booking.TypeBookingConfirmed, Schema: 1, Data: []byte("{}")},
		},
	}
	id := booking.ID("bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	lines, err := d.invokes(func(ctx context.Context) error {
		for range 2 { // the second is a replay
			if _, err := log.Append(ctx, events.NewStream(id.Stream()), draft); err != nil {
				return err
			}
		}
		other := draft
		other.CommandID = "another"
		if _, err := log.Append(ctx, events.NewStream(id.Stream()), other); err == nil {
			t.Error("no conflict")
		}
		one, _, end := telemetry.Begin(ctx, telemetry.Consumer, "project", telemetry.Origin{BookingID: string(id)})
		defer end(nil)
		if _, err := log.Load(one, id.Stream()); err != nil {
			return err
		}
		d.Log.InfoContext(one, "loaded")
		return nil
	})
	if err != nil || len(lines) != 2 {
		t.Fatalf("%v, %v", lines, err)
	}
	if lines[0]["correlation_id"] != "req-0" || lines[1]["correlation_id"] != nil {
		t.Errorf("the line %v, and the invocation's, %v", lines[0], lines[1])
	}
	for metric, want := range map[string]any{"BookingsAccepted": 1.0, "PaymentsFailed": 1.0, "Conflicts": 1.0, "RidesCompleted": nil} {
		if lines[1][metric] != want {
			t.Errorf("%s is %v, want %v", metric, lines[1][metric], want)
		}
	}
	names := map[string]int{}
	for _, s := range d.export.spans {
		names[s.Name]++
	}
	if names["append"] != 3 || names["load"] != 1 || names["project"] != 1 || names["booking"] != 1 {
		t.Errorf("the spans are %v", names)
	}
}
