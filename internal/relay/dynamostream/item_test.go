package dynamostream_test

import (
	"encoding/json"
	"strconv"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// The relay reads the items that the event store writes: what was appended
// becomes a hint, by way of the item as DynamoDB has it.
func TestTheItemsOfTheEventStoreAreRelayed(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamoevents.New(db.Client, dynamoevents.Tables{Events: db.Tables.Events, Leases: db.Tables.Control}, events.NewStamp)
	const id = events.StreamID("booking/bk_1")

	created := eventstest.Draft("created")
	created.Events[0].Type = "BookingRequested"
	later := eventstest.Draft("later")
	later.Events = append(later.Events, later.Events[0], later.Events[0])
	later.Trace, later.Personal = events.Trace{}, nil
	for _, d := range []events.Draft{created, later} {
		h, err := store.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Append(t.Context(), h.Position(), d); err != nil {
			t.Fatal(err)
		}
	}

	var projection, payments mailbox
	if failedAt, logged := run(t, insertions(t, db), &projection, &payments); failedAt != nil {
		t.Fatalf("failed at %v: %s", failedAt, logged)
	}
	want := []queue.Hint{queue.NewHint(id, 1, created.Trace.Traceparent), queue.NewHint(id, 4, "")}
	if diff := cmp.Diff(want, projection.got); diff != "" {
		t.Errorf("for the projection (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:1], payments.got); diff != "" {
		t.Errorf("for payments (-want +got):\n%s", diff)
	}
}

// insertions returns the stream records that the items of the events table would
// have made.
func insertions(t *testing.T, db dynamolocal.DB) lambdaevents.DynamoDBEvent {
	t.Helper()
	out, err := db.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(db.Tables.Events)})
	if err != nil {
		t.Fatal(err)
	}
	var records []any
	for i, item := range out.Items {
		records = append(records, map[string]any{
			"eventName": "INSERT", "dynamodb": map[string]any{"NewImage": fields(t, item), "SequenceNumber": strconv.Itoa(i)},
		})
	}
	raw, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	var e lambdaevents.DynamoDBEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// wire returns a value as the JSON of a stream record has it.
func wire(t *testing.T, v types.AttributeValue) any {
	t.Helper()
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value} // encoded by encoding/json
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, e := range v.Value {
			list = append(list, wire(t, e))
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": fields(t, v.Value)}
	default:
		t.Fatalf("an attribute is %T", v)
		return nil
	}
}

func fields(t *testing.T, m map[string]types.AttributeValue) map[string]any {
	t.Helper()
	out := map[string]any{}
	for name, v := range m {
		out[name] = wire(t, v)
	}
	return out
}
