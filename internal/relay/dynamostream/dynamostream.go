// Package dynamostream feeds a relay or a publisher from the DynamoDB stream of the
// event log.
package dynamostream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
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
// batch failed: everything from that record on is delivered again.
func Handler(log *slog.Logger, to Forwarder) func(context.Context, lambdaevents.DynamoDBEvent) (lambdaevents.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e lambdaevents.DynamoDBEvent) (lambdaevents.DynamoDBEventResponse, error) {
		resp := lambdaevents.DynamoDBEventResponse{BatchItemFailures: []lambdaevents.DynamoDBBatchItemFailure{}}
		fail := func(at int, err error) (lambdaevents.DynamoDBEventResponse, error) {
			sequence := e.Records[at].Change.SequenceNumber
			log.ErrorContext(ctx, relay.AlarmStopped, "sequence_number", sequence, "records", len(e.Records), "at", at, "error", err.Error()) //nolint:sloglint // a constant elsewhere
			resp.BatchItemFailures = append(resp.BatchItemFailures, lambdaevents.DynamoDBBatchItemFailure{ItemIdentifier: sequence})
			telemetry.Note(ctx, telemetry.Partial, slog.Int("failed", len(e.Records)-at))
			return resp, nil
		}
		records, from, broken, brokenErr := parse(ctx, log, e.Records)
		telemetry.Note(ctx, "", slog.Int("records", len(e.Records)), slog.Int("commits", len(records)))
		end := follow(ctx, log, records)
		at, err := to.Forward(ctx, records)
		end(err)
		if err != nil {
			return fail(from[at], err)
		}
		if brokenErr != nil {
			return fail(broken, brokenErr)
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

// parse reads the records up to the first that it cannot read, with the index
// that each came from.
func parse(ctx context.Context, log *slog.Logger, in []lambdaevents.DynamoDBEventRecord) (records []relay.Record, from []int, broken int, err error) {
	for i, rec := range in {
		if rec.EventName != string(lambdaevents.DynamoDBOperationTypeInsert) {
			// Only erasure changes an item of the log, and nothing removes one.
			log.WarnContext(ctx, relay.AlarmChanged, "operation", rec.EventName, "sequence_number", rec.Change.SequenceNumber) //nolint:sloglint // a constant elsewhere
			if rec.EventName == string(lambdaevents.DynamoDBOperationTypeRemove) {
				continue
			}
		}
		r, err := record(rec.Change.NewImage)
		if err != nil {
			return records, from, i, err
		}
		records, from = append(records, r), append(from, i)
	}
	return records, from, -1, nil
}

// record reads what the relay needs to know; the rest of an item stays unread.
func record(image map[string]lambdaevents.DynamoDBAttributeValue) (relay.Record, error) {
	stream, version, list := image["stream_id"], image["version"], image["events"]
	if stream.DataType() != lambdaevents.DataTypeString || version.DataType() != lambdaevents.DataTypeNumber ||
		list.DataType() != lambdaevents.DataTypeList || len(list.List()) == 0 {
		return relay.Record{}, errors.New("the record is no commit")
	}
	first, err := version.Integer()
	if err != nil {
		return relay.Record{}, fmt.Errorf("the commit's version: %w", err)
	}
	r := relay.Record{Stream: events.StreamID(stream.String()), Last: first + int64(len(list.List())) - 1}
	for _, e := range list.List() {
		if e.DataType() != lambdaevents.DataTypeMap || e.Map()["type"].DataType() != lambdaevents.DataTypeString {
			return relay.Record{}, errors.New("an event of the commit has no type")
		}
		r.EventTypes = append(r.EventTypes, e.Map()["type"].String())
	}
	r.Traceparent, r.CorrelationID = text(image, "traceparent"), text(image, "correlation_id")
	return r, nil
}

// text returns an optional attribute.
func text(image map[string]lambdaevents.DynamoDBAttributeValue, name string) string {
	if value, ok := image[name]; ok && value.DataType() == lambdaevents.DataTypeString {
		return value.String()
	}
	return ""
}
