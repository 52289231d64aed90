package eventbridgebus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/eventbridgebus"
)

const (
	id  = booking.ID("bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	arn = "arn:aws:events:eu-central-1:111122223333:event-bus/company"
)

// bridge is EventBridge: what spoil does to the results of each call, by its number.
type bridge struct {
	calls [][]types.PutEventsRequestEntry
	spoil func(call int, out *eventbridge.PutEventsOutput) error
}

func (b *bridge) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	b.calls = append(b.calls, in.Entries)
	out := &eventbridge.PutEventsOutput{}
	for i := range in.Entries {
		out.Entries = append(out.Entries, types.PutEventsResultEntry{EventId: aws.String(fmt.Sprint(i))})
	}
	if b.spoil != nil {
		if err := b.spoil(len(b.calls), out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func some(n int) []relay.IntegrationEvent {
	all := make([]relay.IntegrationEvent, n)
	for i := range all {
		all[i] = relay.IntegrationEvent{BookingID: id, Version: int64(i + 1), Type: "BookingRequested"}
	}
	return all
}

// The form of an entry is what consumers rely on.
func TestTheFormOfAnEntry(t *testing.T) {
	t.Parallel()
	var b bridge
	n, err := eventbridgebus.New(&b, arn, "hailstone-prod").Publish(t.Context(), []relay.IntegrationEvent{{BookingID: id, Version: 4, Type: "BookingConfirmed"}})
	if n != 1 || err != nil {
		t.Fatalf("accepted %d: %v", n, err)
	}
	want := [][]types.PutEventsRequestEntry{{{
		EventBusName: aws.String(arn), Source: aws.String("hailstone.hailstone-prod"), DetailType: aws.String("BookingConfirmed"),
		Detail: aws.String(`{"booking_id":"bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":4,"type":"BookingConfirmed"}`),
	}}}
	if diff := cmp.Diff(want, b.calls, cmpopts.IgnoreUnexported(types.PutEventsRequestEntry{})); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestTenEntriesGoAtATime(t *testing.T) {
	t.Parallel()
	for events, want := range map[int][]int{0: nil, 1: {1}, 10: {10}, 11: {10, 1}, 25: {10, 10, 5}} {
		var b bridge
		n, err := eventbridgebus.New(&b, arn, "s").Publish(t.Context(), some(events))
		if n != events || err != nil {
			t.Errorf("of %d events %d were accepted: %v", events, n, err)
		}
		var sizes []int
		for _, entries := range b.calls {
			sizes = append(sizes, len(entries))
		}
		if diff := cmp.Diff(want, sizes); diff != "" {
			t.Errorf("%d events (-want +got):\n%s", events, diff)
		}
	}
}

// Of 25 events in three calls, the first entry that is not accepted ends it.
func TestWhatIsNotAcceptedForCertainIsNot(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	refuse := func(at int, code string) func(*eventbridge.PutEventsOutput) error {
		return func(out *eventbridge.PutEventsOutput) error {
			out.Entries[at] = types.PutEventsResultEntry{ErrorCode: aws.String(code), ErrorMessage: aws.String("quotes the entry")}
			out.FailedEntryCount++
			return nil
		}
	}
	for name, test := range map[string]struct {
		call            int // the one that goes wrong
		spoil           func(*eventbridge.PutEventsOutput) error
		accepted, calls int
		says            string
	}{
		"the first call fails":       {1, func(*eventbridge.PutEventsOutput) error { return away }, 0, 1, "put 10 entries: away"},
		"the last call fails":        {3, func(*eventbridge.PutEventsOutput) error { return away }, 20, 3, "put 5 entries: away"},
		"the first entry is refused": {1, refuse(0, "ThrottlingException"), 0, 1, "1 failed, the first is entry 0 (ThrottlingException)"},
		"an entry amid is refused":   {2, refuse(4, "InternalFailure"), 14, 2, "1 failed, the first is entry 4 (InternalFailure)"},
		"the very last is refused":   {3, refuse(4, "InternalFailure"), 24, 3, "entry 4 (InternalFailure)"},
		"two are refused":            {1, func(out *eventbridge.PutEventsOutput) error { _ = refuse(7, "B")(out); return refuse(2, "A")(out) }, 2, 1, "2 failed, the first is entry 2 (A)"},
		"a refusal that is not counted": {1, func(out *eventbridge.PutEventsOutput) error {
			err := refuse(3, "InternalFailure")(out)
			out.FailedEntryCount = 0
			return err
		}, 3, 1, "entry 3 (InternalFailure)"},
		"a result is missing": {1, func(out *eventbridge.PutEventsOutput) error { out.Entries = out.Entries[:9]; return nil }, 9, 1, "entry 9 (no result)"},
		"an empty id":         {2, func(out *eventbridge.PutEventsOutput) error { out.Entries[0].EventId = aws.String(""); return nil }, 10, 2, "entry 0 ()"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bridge{spoil: func(call int, out *eventbridge.PutEventsOutput) error {
				if call != test.call {
					return nil
				}
				return test.spoil(out)
			}}
			n, err := eventbridgebus.New(&b, arn, "s").Publish(t.Context(), some(25))
			if n != test.accepted || len(b.calls) != test.calls {
				t.Errorf("accepted %d in %d calls, want %d in %d", n, len(b.calls), test.accepted, test.calls)
			}
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "quotes") {
				t.Errorf("the error is %v, want one with %q", err, test.says)
			}
		})
	}
}

func TestAnEventThatIsNoJSONIsNotPublished(t *testing.T) {
	t.Parallel()
	all := some(12)
	all[10].Type = "\xff"
	var b bridge
	n, err := eventbridgebus.New(&b, arn, "s").Publish(t.Context(), all)
	if n != 10 || len(b.calls) != 1 || err == nil || !strings.Contains(err.Error(), "encode event 11 of "+string(id)) {
		t.Errorf("accepted %d in %d calls: %v", n, len(b.calls), err)
	}
}
