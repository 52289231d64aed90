// Package eventbridgebus puts integration events on an Amazon EventBridge bus.
package eventbridgebus

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/relay"
)

// batchLimit is the most entries of one PutEvents.
const batchLimit = 10

// API is the part of the EventBridge client that the bus needs.
type API interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Bus implements relay.Bus on an EventBridge bus.
type Bus struct {
	api    API
	arn    string
	source string
}

var _ relay.Bus = (*Bus)(nil)

// New returns the bus with the given ARN for what happens in a stack. The stack is in the
// entries' source, so that several can share a bus.
func New(client API, arn, stack string) *Bus {
	return &Bus{api: client, arn: arn, source: "hailstone." + stack}
}

// Publish implements relay.Bus, with one PutEvents per ten events. It ends at the first
// entry that is not accepted: all from there on will be published again.
func (b *Bus) Publish(ctx context.Context, all []relay.IntegrationEvent) (int, error) {
	accepted := 0
	for chunk := range slices.Chunk(all, batchLimit) {
		n, err := b.put(ctx, chunk)
		accepted += n
		if err != nil {
			return accepted, err
		}
	}
	return accepted, nil
}

func (b *Bus) put(ctx context.Context, chunk []relay.IntegrationEvent) (int, error) {
	entries := make([]types.PutEventsRequestEntry, len(chunk))
	for i, e := range chunk {
		detail, err := json.Marshal(e)
		if err != nil {
			return 0, fmt.Errorf("encode event %d of %s: %w", e.Version, e.BookingID, err)
		}
		entries[i] = types.PutEventsRequestEntry{
			EventBusName: aws.String(b.arn), Source: aws.String(b.source), DetailType: aws.String(e.Type), Detail: aws.String(string(detail)),
		}
	}
	out, err := b.api.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return 0, fmt.Errorf("put %d entries: %w", len(entries), err)
	}
	// The results are in the order of the entries. One without an id counts as refused,
	// whatever the number of failures says, and so does one that is missing.
	for i := range entries {
		if i >= len(out.Entries) || aws.ToString(out.Entries[i].EventId) == "" {
			return i, fmt.Errorf("put %d entries: %d failed, the first is entry %d%s", len(entries), out.FailedEntryCount, i, reason(out.Entries, i))
		}
	}
	return len(entries), nil
}

// reason is the code of an error; its text could quote the entry.
func reason(results []types.PutEventsResultEntry, at int) string {
	if at >= len(results) {
		return " (no result)"
	}
	return " (" + aws.ToString(results[at].ErrorCode) + ")"
}
