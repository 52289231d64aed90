package dynamoevents_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t, dynamolocal.Harsh)
	eventstest.Run(t, func(*testing.T) events.Store {
		return newStore(db)
	})
}

func newStore(db dynamolocal.DB) *dynamoevents.Store {
	return dynamoevents.New(db.Client, dynamoevents.Tables{Events: db.Tables.Events, Leases: db.Tables.Control}, events.NewStamp)
}

// lost is a failure of the network that the SDK retries.
type lost struct{ error }

func (lost) RetryableError() bool { return true }

// loseResponses makes the first n attempts of an operation fail: before they
// reach DynamoDB, or after they had their effect there.
func loseResponses(operation string, n int64, afterEffect bool) (func(*dynamodb.Options), *atomic.Int64) {
	var attempts atomic.Int64
	fault := middleware.DeserializeMiddlewareFunc("lose-response", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		if middleware.GetOperationName(ctx) != operation || attempts.Add(1) > n {
			return next.HandleDeserialize(ctx, in)
		}
		if afterEffect {
			_, _, _ = next.HandleDeserialize(ctx, in) // whatever it answers is what gets lost
		}
		return middleware.DeserializeOutput{}, middleware.Metadata{}, lost{errors.New("connection reset")}
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Deserialize.Add(fault, middleware.Before) })
	}, &attempts
}

func TestAResponseThatWasLostIsOurOwnWrite(t *testing.T) {
	t.Parallel()
	for name, afterEffect := range map[string]bool{"before the effect": false, "after the effect": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault, attempts := loseResponses("PutItem", 1, afterEffect)
			db := dynamolocal.New(t, fault)
			store := newStore(db)

			appended, err := store.Append(t.Context(), events.NewStream("test/lost"), eventstest.Draft("a"))
			if err != nil || appended.Replayed {
				t.Fatalf("append: %v, replayed %v; want our own write", err, appended.Replayed)
			}
			if got := attempts.Load(); got != 2 {
				t.Errorf("%d attempts, want 2: the fault did not happen", got)
			}
			history, err := store.Load(t.Context(), "test/lost")
			if err != nil || len(history.Commits()) != 1 || history.Commits()[0].ID != appended.Commit.ID {
				t.Errorf("stored %v (%v), want the one commit that was acknowledged", history, err)
			}
		})
	}
}

// The transaction that changes a lease, too, recognizes itself.
func TestATransactionWhoseResponseWasLostIsOurs(t *testing.T) {
	t.Parallel()
	for name, afterEffect := range map[string]bool{"before the effect": false, "after the effect": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault, attempts := loseResponses("TransactWriteItems", 1, afterEffect)
			store := newStore(dynamolocal.New(t, fault))
			draft := eventstest.Draft("a")
			draft.Lease = events.Lease{Name: "driver/d-1", Change: events.LeaseTaken}

			appended, err := store.Append(t.Context(), events.NewStream("test/lost"), draft)
			if err != nil || appended.Replayed || attempts.Load() != 2 {
				t.Fatalf("append: %v, replayed %v, %d attempts; want our own write at the second", err, appended.Replayed, attempts.Load())
			}
			if holder, _, err := store.Holder(t.Context(), "driver/d-1"); err != nil || holder != "test/lost" {
				t.Errorf("holder %q, %v", holder, err)
			}
		})
	}
}

func TestAnOutcomeThatStaysUnknownIsUnavailable(t *testing.T) {
	t.Parallel()
	fault, _ := loseResponses("PutItem", 3, true)
	db := dynamolocal.New(t, fault)
	store := newStore(db)
	draft := eventstest.Draft("a")

	if _, err := store.Append(t.Context(), events.NewStream("test/unknown"), draft); !errors.Is(err, events.ErrUnavailable) {
		t.Fatalf("append: %v, want ErrUnavailable", err)
	}
	again, err := store.Append(t.Context(), events.NewStream("test/unknown"), draft)
	if err != nil || !again.Replayed {
		t.Errorf("repeating the command: %v, replayed %v; want the commit stored before", err, again.Replayed)
	}
}

func TestThrottlingIsUnavailable(t *testing.T) {
	t.Parallel()
	throttle := func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("throttle", func(context.Context, middleware.DeserializeInput, middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				return middleware.DeserializeOutput{}, middleware.Metadata{}, &types.ProvisionedThroughputExceededException{}
			}), middleware.Before)
		})
		o.RetryMaxAttempts = 1
	}
	db := dynamolocal.New(t, throttle)
	store := newStore(db)
	if _, err := store.Load(t.Context(), "test/x"); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("load: %v, want ErrUnavailable", err)
	}
	if _, err := store.Append(t.Context(), events.NewStream("test/x"), eventstest.Draft("a")); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("append: %v, want ErrUnavailable", err)
	}
}

func TestACorruptItemIsReportedWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := newStore(db)
	if _, err := store.Append(t.Context(), events.NewStream("test/corrupt"), eventstest.Draft("a")); err != nil {
		t.Fatal(err)
	}
	key := map[string]types.AttributeValue{
		"stream_id": &types.AttributeValueMemberS{Value: "test/corrupt"}, "version": &types.AttributeValueMemberN{Value: "1"},
	}
	for change, want := range map[string]string{
		"REMOVE command_id":                       "command_id is missing",
		"SET recorded_at = stream_id":             "recorded_at is no instant",
		"SET #count = #count + #count":            "count is 2, events hold 1",
		"SET events[0].#data = stream_id":         "data is no binary",
		"SET events[0] = stream_id":               "event 0 is no map",
		"SET events = stream_id":                  "events is no list",
		"SET digest = stream_id, actor = digest":  "actor is no string",
		"SET events[0].#schema = events[0].#type": "schema is no number",
	} {
		// Each change adds to the ones before: the error names every problem.
		names := map[string]string{}
		for _, n := range []string{"count", "data", "schema", "type"} {
			if strings.Contains(change, "#"+n) {
				names["#"+n] = n
			}
		}
		in := &dynamodb.UpdateItemInput{TableName: aws.String(db.Tables.Events), Key: key, UpdateExpression: aws.String(change)}
		if len(names) > 0 {
			in.ExpressionAttributeNames = names
		}
		before := item(t, db, key)
		if _, err := db.Client.UpdateItem(t.Context(), in); err != nil {
			t.Fatalf("%s: %v", change, err)
		}
		_, err := store.Load(t.Context(), "test/corrupt")
		if !errors.Is(err, events.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ErrCorrupt with %q", change, err, want)
		}
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Events), Item: before}); err != nil {
			t.Fatal(err)
		}
	}
}

func item(t *testing.T, db dynamolocal.DB, key map[string]types.AttributeValue) map[string]types.AttributeValue {
	t.Helper()
	out, err := db.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(db.Tables.Events), Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

func TestAGapInTheStreamIsCorrupt(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := newStore(db)
	at := events.NewStream("test/gap")
	for _, id := range []string{"a", "b"} {
		appended, err := store.Append(t.Context(), at, eventstest.Draft(id))
		if err != nil {
			t.Fatal(err)
		}
		history, err := events.NewHistory("test/gap", []events.Commit{appended.Commit})
		if id == "a" {
			if err != nil {
				t.Fatal(err)
			}
			at = history.Position()
		}
	}
	if _, err := db.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(db.Tables.Events), Key: map[string]types.AttributeValue{
		"stream_id": &types.AttributeValueMemberS{Value: "test/gap"}, "version": &types.AttributeValueMemberN{Value: "1"},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context(), "test/gap"); !errors.Is(err, events.ErrCorrupt) {
		t.Errorf("load: %v, want ErrCorrupt", err)
	}
}

// A create pays one unit for the item and one for its index key, everything else
// one: docs/ARCHITECTURE.md promises it.
func TestAppendCosts(t *testing.T) {
	t.Parallel()
	var units []float64
	count := func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(middleware.InitializeMiddlewareFunc("count", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				if put, ok := in.Parameters.(*dynamodb.PutItemInput); ok {
					put.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
				}
				out, md, err := next.HandleInitialize(ctx, in)
				if put, ok := out.Result.(*dynamodb.PutItemOutput); ok && err == nil {
					units = append(units, aws.ToFloat64(put.ConsumedCapacity.CapacityUnits))
				}
				return out, md, err
			}), middleware.Before)
		})
	}
	db := dynamolocal.New(t, count)
	store := newStore(db)
	if _, err := store.Append(t.Context(), events.NewStream("test/cost"), eventstest.Draft("a")); err != nil {
		t.Fatal(err)
	}
	history, err := store.Load(t.Context(), "test/cost")
	if err != nil {
		t.Fatal(err)
	}
	three := eventstest.Draft("b")
	three.Events = append(three.Events, three.Events[0], three.Events[0])
	if _, err := store.Append(t.Context(), history.Position(), three); err != nil {
		t.Fatal(err)
	}
	if len(units) != 2 || units[0] != 2 || units[1] != 1 {
		t.Errorf("a create and an append of three events cost %v units, want [2 1]", units)
	}
}
