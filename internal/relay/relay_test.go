package relay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// mailbox is a queue that loses what it is told to, by index of the hint.
type mailbox struct {
	loses []int
	err   error
	got   []queue.Hint
	calls int
}

func (m *mailbox) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	m.calls++
	m.got = append(m.got, hints...)
	return m.loses, m.err
}

func record(stream string, last int64, types ...string) relay.Record {
	return relay.Record{Stream: events.StreamID(stream), Last: last, EventTypes: types, Traceparent: "trace of " + stream}
}

func hint(stream string, version int64) queue.Hint {
	return queue.NewHint(events.StreamID(stream), version, "trace of "+stream)
}

func TestEachCommitGoesWhereItIsOfInterest(t *testing.T) {
	t.Parallel()
	var projection, payments mailbox
	r := &relay.Relay{Projection: &projection, Payments: &payments}
	failed, err := r.Forward(t.Context(), []relay.Record{
		record("b/1", 1, "BookingRequested"),
		record("b/1", 2, "PaymentStarted"),
		record("b/2", 1, "BookingRequested"),
		record("b/1", 4, "PaymentAuthorized", "BookingConfirmed"),
		record("b/3", 4, "PaymentDeclined", "BookingCanceled"),
		record("b/4", 9, "SomethingNew", "BookingRequested"),
	})
	if failed != -1 || err != nil {
		t.Fatalf("failed from %d on: %v", failed, err)
	}
	if diff := cmp.Diff([]queue.Hint{hint("b/1", 1), hint("b/1", 2), hint("b/2", 1), hint("b/1", 4), hint("b/3", 4), hint("b/4", 9)}, projection.got); diff != "" {
		t.Errorf("for the projection (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]queue.Hint{hint("b/1", 1), hint("b/2", 1), hint("b/3", 4), hint("b/4", 9)}, payments.got); diff != "" {
		t.Errorf("for payments (-want +got):\n%s", diff)
	}
}

// Payments hear of whatever can make a booking owe an operation, alone or beside
// other events, and of nothing else: what they did themselves, they know.
func TestPaymentsHearOfWhatMayBeOwed(t *testing.T) {
	t.Parallel()
	owing := []string{
		"BookingRequested", "RideCompleted", "BookingCanceled", "BookingExpired", "RefundRequested", "PaymentRetried",
	}
	for _, eventType := range append(booking.EventTypes(), "SomethingNew") {
		t.Run(eventType, func(t *testing.T) {
			t.Parallel()
			var projection, payments mailbox
			records := []relay.Record{record("b/1", 1, eventType), record("b/2", 3, "SomethingNew", eventType, "PaymentStarted")}
			failed, err := (&relay.Relay{Projection: &projection, Payments: &payments}).Forward(t.Context(), records)
			if failed != -1 || err != nil {
				t.Fatalf("failed from %d on: %v", failed, err)
			}
			both := []queue.Hint{hint("b/1", 1), hint("b/2", 3)}
			if diff := cmp.Diff(both, projection.got); diff != "" {
				t.Errorf("for the projection (-want +got):\n%s", diff)
			}
			if !slices.Contains(owing, eventType) {
				both = nil
			}
			if diff := cmp.Diff(both, payments.got); diff != "" {
				t.Errorf("for payments (-want +got):\n%s", diff)
			}
		})
	}
	for _, eventType := range owing {
		if !slices.Contains(booking.EventTypes(), eventType) {
			t.Errorf("there is no event %s", eventType)
		}
	}
}

func TestNothingIsSentWithoutAHint(t *testing.T) {
	t.Parallel()
	for _, records := range [][]relay.Record{nil, {record("b/1", 2, "PaymentStarted")}} {
		var projection, payments mailbox
		failed, err := (&relay.Relay{Projection: &projection, Payments: &payments}).Forward(t.Context(), records)
		if failed != -1 || err != nil || payments.calls != 0 || projection.calls != len(records) {
			t.Errorf("failed from %d on: %v; %d and %d calls", failed, err, projection.calls, payments.calls)
		}
	}
}

// Of the records 0 to 5, payments hear of 1, 3 and 5. Everything from the first
// record on that may lack one of its hints is shown to the relay again.
func TestTheFirstRecordThatMayLackAHint(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for name, test := range map[string]struct {
		projection, payments mailbox
		first                int
		says                 []string
	}{
		"one for the projection":           {mailbox{loses: []int{4}, err: away}, mailbox{}, 4, []string{"projection queue: away"}},
		"the first for the projection":     {mailbox{loses: []int{0, 5}, err: away}, mailbox{}, 0, []string{"projection queue: away"}},
		"one for payments":                 {mailbox{}, mailbox{loses: []int{2}, err: away}, 5, []string{"payments queue: away"}},
		"several for payments":             {mailbox{}, mailbox{loses: []int{1, 2}, err: away}, 3, []string{"payments queue: away"}},
		"both, the projection's is first":  {mailbox{loses: []int{2}, err: away}, mailbox{loses: []int{1}, err: away}, 2, []string{"projection queue: away", "payments queue: away"}},
		"both, that of payments is first":  {mailbox{loses: []int{4}, err: away}, mailbox{loses: []int{0}, err: away}, 1, []string{"projection queue: away", "payments queue: away"}},
		"which of the projection's?":       {mailbox{err: away}, mailbox{}, 0, []string{"projection queue: away"}},
		"which of those for payments?":     {mailbox{}, mailbox{err: away}, 1, []string{"payments queue: away"}},
		"a known one and an unknown one":   {mailbox{loses: []int{5}, err: away}, mailbox{err: away}, 1, []string{"projection queue", "payments queue"}},
		"both unknown":                     {mailbox{err: away}, mailbox{err: away}, 0, []string{"projection queue", "payments queue"}},
		"the projection's last, all went?": {mailbox{loses: []int{5}, err: away}, mailbox{loses: []int{2}, err: away}, 5, []string{"projection queue", "payments queue"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var records []relay.Record
			for i := range 6 {
				eventType := "PaymentStarted"
				if i%2 == 1 {
					eventType = "BookingRequested"
				}
				records = append(records, record("b/1", int64(i+1), eventType))
			}
			first, err := (&relay.Relay{Projection: &test.projection, Payments: &test.payments}).Forward(t.Context(), records)
			if first != test.first || !errors.Is(err, away) {
				t.Errorf("failed from %d on: %v; want %d", first, err, test.first)
			}
			for _, text := range test.says {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("the error is %v, want one with %q", err, text)
				}
			}
			// One queue that is down keeps nothing from the other.
			if test.projection.calls != 1 || test.payments.calls != 1 {
				t.Errorf("%d and %d calls, want one each", test.projection.calls, test.payments.calls)
			}
		})
	}
}
