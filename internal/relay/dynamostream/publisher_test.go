package dynamostream_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/dynamostream"
)

// full is a bus that takes so many events.
type full struct {
	room int
	got  []relay.IntegrationEvent
}

// Publish implements relay.Bus.
func (f *full) Publish(_ context.Context, all []relay.IntegrationEvent) (int, error) {
	f.got = all[:min(f.room, len(all))]
	if len(f.got) < len(all) {
		return len(f.got), errors.New("full")
	}
	return len(all), nil
}

// The publisher meets the same records as the relay. An erasure is published again: what
// others copied of the booking is to go there, too.
func TestABatchOfTheStreamIsPublished(t *testing.T) {
	t.Parallel()
	const id = "bk_rpwhscj53dekcesxrmjxplptkf3e4xoq"
	want := []relay.IntegrationEvent{
		{BookingID: id, Version: 1, Type: "BookingRequested"},
		{BookingID: id, Version: 3, Type: "PaymentAuthorized"},
		{BookingID: id, Version: 4, Type: "BookingConfirmed"},
		{BookingID: id, Version: 1, Type: "BookingRequested"},
	}
	for room, failedAt := range []string{
		"100000000000000000001", "100000000000000000002", "100000000000000000002", "100000000000000000003", "",
	} {
		bus := &full{room: room}
		resp, err := dynamostream.Handler(slog.New(slog.DiscardHandler), &relay.Publisher{Bus: bus, Unreadable: &shelf{}})(t.Context(), asLambdaHasIt(t, batch(t)))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range resp.BatchItemFailures {
			got += f.ItemIdentifier
		}
		if got != failedAt {
			t.Errorf("with room for %d it failed at %q, want %q", room, got, failedAt)
		}
		if diff := cmp.Diff(want[:room], append([]relay.IntegrationEvent{}, bus.got...)); diff != "" {
			t.Errorf("with room for %d (-want +got):\n%s", room, diff)
		}
	}
}

// What cannot be read cannot be published: it is kept, and what comes behind it is published.
func TestWhatCannotBeReadIsKeptAndNotPublished(t *testing.T) {
	t.Parallel()
	e := batch(t)
	e.Records[1].Change.NewImage = nil
	for _, tc := range []struct {
		room     int
		away     error
		failedAt string
	}{
		{10, nil, ""}, {1, nil, "100000000000000000003"}, {0, errors.New("away"), "100000000000000000001"}, {10, errors.New("away"), "100000000000000000002"},
	} {
		bus, kept := &full{room: tc.room}, &shelf{err: tc.away}
		resp, err := dynamostream.Handler(slog.New(slog.DiscardHandler), &relay.Publisher{Bus: bus, Unreadable: kept})(t.Context(), asLambdaHasIt(t, e))
		got := ""
		for _, f := range resp.BatchItemFailures {
			got += f.ItemIdentifier
		}
		if err != nil || got != tc.failedAt || len(bus.got) != min(2, tc.room) || tc.away == nil && len(kept.kept) != 1 {
			t.Errorf("failed at %q, want %q (%v); published %v, kept %v", got, tc.failedAt, err, bus.got, kept.kept)
		}
	}
}
