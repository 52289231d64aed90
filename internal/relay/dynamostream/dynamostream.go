// Package dynamostream feeds a relay or a publisher from the DynamoDB stream of the
// event log.
package dynamostream

import (
	"context"
	"fmt"
	"log/slog"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// Forwarder passes records on, in any order and possibly more than once. It returns the
// index of the first that it may not have passed on, and why; -1 if there is none.
type Forwarder interface {
	Forward(ctx context.Context, records []relay.Record) (int, error)
}

var (
	_ Forwarder = (*relay.Relay)(nil)
	_ Forwarder = (*relay.Publisher)(nil)
)

// Handler returns a Lambda handler for a stream event source that reports where a
// batch failed: everything from that record on is delivered again. A record that cannot be
// read does not fail: no repeat would mend it, and the shard would stand still until the
// stream drops it.
func Handler(log *slog.Logger, to Forwarder) func(context.Context, Event) (lambdaevents.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e Event) (lambdaevents.DynamoDBEventResponse, error) {
		resp := lambdaevents.DynamoDBEventResponse{BatchItemFailures: []lambdaevents.DynamoDBBatchItemFailure{}}
		fail := func(at int, err error) (lambdaevents.DynamoDBEventResponse, error) {
			sequence := e.Records[at].SequenceNumber
			log.ErrorContext(ctx, relay.AlarmStopped, "sequence_number", sequence, "records", len(e.Records), "at", at, "error", err.Error()) //nolint:sloglint // a constant elsewhere
			resp.BatchItemFailures = append(resp.BatchItemFailures, lambdaevents.DynamoDBBatchItemFailure{ItemIdentifier: sequence})
			telemetry.Note(ctx, telemetry.Partial, slog.Int("failed", len(e.Records)-at))
			return resp, nil
		}
		records, from := parse(ctx, log, e.Records)
		telemetry.Note(ctx, "", slog.Int("records", len(e.Records)), slog.Int("commits", len(records)))
		end := follow(ctx, log, records)
		at, err := to.Forward(ctx, records)
		end(err)
		if err != nil {
			return fail(from[at], err)
		}
		return resp, nil
	}
}

// follow makes what becomes of each record a part of the trace that its commit belongs
// to, and says so: by this line a trace is found here, too.
func follow(ctx context.Context, log *slog.Logger, records []relay.Record) (end func(error)) {
	ends := make([]func(error), len(records))
	for i := range records {
		origin := telemetry.Origin{Traceparent: records[i].Traceparent, CorrelationID: records[i].CorrelationID}
		if id, ok := booking.IDOf(records[i].Stream); ok {
			origin.BookingID, origin.CausationID = string(id), fmt.Sprintf("%s@%d", records[i].Stream, records[i].Last)
		}
		var one context.Context
		one, records[i].Traceparent, ends[i] = telemetry.Begin(ctx, telemetry.Producer, "relay", origin)
		log.InfoContext(one, "relaying", "version", records[i].Last)
	}
	return func(err error) {
		for _, end := range ends {
			end(err)
		}
	}
}

// parse reads the records, with the index that each came from. Those that cannot be read are
// among them.
func parse(ctx context.Context, log *slog.Logger, in []StreamRecord) (records []relay.Record, from []int) {
	for i, rec := range in {
		if rec.Operation != operationInsert {
			// Only erasure changes an item of the log, and nothing removes one.
			log.WarnContext(ctx, relay.AlarmChanged, "operation", rec.Operation, "sequence_number", rec.SequenceNumber) //nolint:sloglint // a constant elsewhere
			if rec.Operation == operationRemove {
				continue
			}
		}
		r, err := rec.commit()
		if err != nil {
			r = rec.unreadable(err)
			log.ErrorContext(ctx, relay.AlarmUnreadable, "operation", rec.Operation, "sequence_number", rec.SequenceNumber, "keys", r.Unreadable.Keys, "error", err.Error()) //nolint:sloglint // a constant elsewhere
		}
		records, from = append(records, r), append(from, i)
	}
	return records, from
}
