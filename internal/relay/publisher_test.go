package relay_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/relay"
)

// bus accepts so many events and no more.
type bus struct {
	accepts int
	calls   int
	got     []relay.IntegrationEvent
}

var errAway = errors.New("away")

func (b *bus) Publish(_ context.Context, all []relay.IntegrationEvent) (int, error) {
	b.calls++
	b.got = all
	if b.accepts < len(all) {
		return b.accepts, errAway
	}
	return len(all), nil
}

const (
	one   = "bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	other = "bk_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func commits() []relay.Record {
	return []relay.Record{
		record("booking/"+one, 1, "BookingRequested"),
		record("booking/"+one, 4, "PaymentAuthorized", "BookingConfirmed"),
		record("driver/d-1", 1, "SomethingElse"),
		record("booking/"+other, 1, "BookingRequested"),
	}
}

// A commit of several events is as many entries, each with its own version.
func TestEachEventIsPublished(t *testing.T) {
	t.Parallel()
	b := &bus{accepts: 4}
	failed, err := (&relay.Publisher{Bus: b}).Forward(t.Context(), commits())
	if failed != -1 || err != nil {
		t.Fatalf("failed from %d on: %v", failed, err)
	}
	want := []relay.IntegrationEvent{
		{BookingID: one, Version: 1, Type: "BookingRequested"},
		{BookingID: one, Version: 3, Type: "PaymentAuthorized"},
		{BookingID: one, Version: 4, Type: "BookingConfirmed"},
		{BookingID: other, Version: 1, Type: "BookingRequested"},
	}
	if diff := cmp.Diff(want, b.got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// A commit is done once all of its events were accepted.
func TestTheFirstRecordThatMayNotBePublished(t *testing.T) {
	t.Parallel()
	for accepts, want := range []int{0, 1, 1, 3} {
		failed, err := (&relay.Publisher{Bus: &bus{accepts: accepts}}).Forward(t.Context(), commits())
		if failed != want || !errors.Is(err, errAway) || !strings.Contains(err.Error(), "event bus") {
			t.Errorf("with %d accepted it failed from %d on: %v; want %d", accepts, failed, err, want)
		}
	}
}

func TestWithoutEventsTheBusIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, records := range [][]relay.Record{nil, {record("driver/d-1", 1, "SomethingElse")}} {
		b := &bus{}
		if failed, err := (&relay.Publisher{Bus: b}).Forward(t.Context(), records); failed != -1 || err != nil || b.calls != 0 {
			t.Errorf("failed from %d on: %v; %d calls", failed, err, b.calls)
		}
	}
}
