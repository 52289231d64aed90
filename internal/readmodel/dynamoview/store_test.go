package dynamoview_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

var id = booking.IDFor(booking.Caller{Subject: "alice"}, "view")

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	readmodeltest.Run(t, func(t *testing.T) readmodel.Ledger {
		t.Helper()
		db := dynamolocal.New(t, dynamolocal.Short)
		return dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	})
}

// A record is as it was seen only if its version is, too, whatever made it differ from its body.
func TestAViewOfAnotherVersionIsNotReplaced(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	if err := store.Put(t.Context(), readmodeltest.View(id, 4)); err != nil {
		t.Fatal(err)
	}
	records, err := store.Records(t.Context(), []booking.ID{id})
	if err != nil {
		t.Fatal(err)
	}
	seen := records[id]
	if _, err := db.Client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(db.Tables.Views), Key: map[string]types.AttributeValue{"view_id": text("1#" + string(id))},
		UpdateExpression: aws.String("SET #v = :v"), ExpressionAttributeNames: map[string]string{"#v": "version"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": &types.AttributeValueMemberN{Value: "9"}},
	}); err != nil {
		t.Fatal(err)
	}
	if done, err := store.Replace(t.Context(), readmodeltest.View(id, 5), &seen); err != nil || done {
		t.Errorf("replaced %v, %v; want that it was changed meanwhile", done, err)
	}
}

// An audit that saw an older view than there is would write over the newer one, or call a
// view that is there missing. A view that is read for a rider may be older.
func TestAnAuditReadsWhatIsStored(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t, dynamolocal.Stale)
	store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	if err := store.Put(t.Context(), readmodeltest.View(id, 4)); err != nil {
		t.Fatal(err)
	}
	if records, err := store.Records(t.Context(), []booking.ID{id}); err != nil || records[id].Version != 4 {
		t.Errorf("records: %v, %v; want version 4", records, err)
	}
	if found, _, err := store.Walk(t.Context(), readmodel.Segment{Of: 1}, "", 10); err != nil || len(found) != 1 {
		t.Errorf("walk: %v, %v; want the view", found, err)
	}
	if _, found, err := store.Get(t.Context(), id); err != nil || found {
		t.Errorf("get: found %v, %v; want a read at half the price, which may be stale", found, err)
	}
}

// Keys and attributes are storage format, those of the indexes too: they are there
// only while the booking stands in the list.
func TestTheItem(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	assignBy := time.Date(2026, 11, 23, 9, 50, 0, 0, time.UTC)
	due := readmodeltest.View(id, 6)
	due.Deadline = assignBy.Add(time.Hour)
	for _, test := range []struct {
		view   readmodel.View
		listed map[string]types.AttributeValue
	}{
		{readmodeltest.View(id, 4), nil},
		{readmodeltest.Waiting(id, 5, assignBy), map[string]types.AttributeValue{
			"waiting_shard": text("1#3"), "waiting_at": text("2026-11-23T09:50:00.000Z#" + string(id)),
		}},
		{due, map[string]types.AttributeValue{
			"deadline_shard": text("1#27"), "deadline_at": text("2026-11-23T10:50:00.000Z#" + string(id)),
		}},
		{readmodeltest.View(id, 7), nil},
	} {
		if err := store.Put(t.Context(), test.view); err != nil {
			t.Fatal(err)
		}
		out, err := db.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(db.Tables.Views), Key: key()})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := test.view.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]types.AttributeValue{
			"view_id": text("1#" + string(id)), "version": number(test.view.Version), "view": text(string(raw)),
			"rider": text("1#" + string(readmodeltest.Rider())), "rider_at": text("2026-11-23T09:30:00.123Z#" + string(id)),
		}
		maps.Copy(want, test.listed)
		if diff := cmp.Diff(want, out.Item, cmpopts.IgnoreUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{})); diff != "" {
			t.Errorf("the item at version %d (-want +got):\n%s", test.view.Version, diff)
		}
	}
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func text(s string) *types.AttributeValueMemberS { return &types.AttributeValueMemberS{Value: s} }

func key() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"view_id": text("1#" + string(id))}
}

func TestAnItemThatIsNoViewIsAnError(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]types.AttributeValue{
		"no view":       nil,
		"not text":      &types.AttributeValueMemberN{Value: "1"},
		"no JSON":       text("{"),
		"another shape": text(`{"id":"x","colour":"red"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dynamolocal.New(t)
			item := key()
			if view != nil {
				item["view"] = view
			}
			if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Views), Item: item}); err != nil {
				t.Fatal(err)
			}
			_, ok, err := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection).Get(t.Context(), id)
			if ok || err == nil || errors.Is(err, readmodel.ErrUnavailable) || !strings.Contains(err.Error(), string(id)) {
				t.Errorf("got %v, %v; want an error that names the booking", ok, err)
			}
		})
	}
}

func TestAViewThatCannotBeEncodedIsAnError(t *testing.T) {
	t.Parallel()
	v := readmodeltest.View(id, 1)
	v.Pickup.Label = "\xff"
	if err := dynamoview.New(nil, "views", 1).Put(t.Context(), v); err == nil || errors.Is(err, readmodel.ErrUnavailable) {
		t.Errorf("put: %v, want an error that repeating cannot mend", err)
	}
}

// faulty makes every attempt of an operation fail, after its effect if told so.
func faulty(fails error, afterEffect bool) func(*dynamodb.Options) {
	fault := middleware.DeserializeMiddlewareFunc("fault", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		if afterEffect {
			_, _, _ = next.HandleDeserialize(ctx, in) // whatever it answers gets lost
		}
		return middleware.DeserializeOutput{}, middleware.Metadata{}, fails
	})
	return func(o *dynamodb.Options) {
		o.RetryMaxAttempts = 1
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Deserialize.Add(fault, middleware.Before) })
	}
}

func TestAnUnreachableTableIsUnavailable(t *testing.T) {
	t.Parallel()
	throttled := &types.ProvisionedThroughputExceededException{}
	for name, afterEffect := range map[string]bool{"before the effect": false, "after the effect": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dynamolocal.New(t, faulty(throttled, afterEffect))
			store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
			if err := store.Put(t.Context(), readmodeltest.View(id, 1)); !errors.Is(err, readmodel.ErrUnavailable) || !errors.Is(err, error(throttled)) {
				t.Errorf("put: %v, want ErrUnavailable because of the throttling", err)
			}
			if _, ok, err := store.Get(t.Context(), id); ok || !errors.Is(err, readmodel.ErrUnavailable) {
				t.Errorf("get: %v, %v; want ErrUnavailable", ok, err)
			}
			// Putting again is harmless, whatever became of the first.
			plain := dynamoview.New(dynamolocal.NewClient(t), db.Tables.Views, readmodel.FirstProjection)
			if err := plain.Put(t.Context(), readmodeltest.View(id, 1)); err != nil {
				t.Fatal(err)
			}
			if v, ok, err := plain.Get(t.Context(), id); !ok || err != nil || v.Version != 1 {
				t.Errorf("get: %+v, %v, %v; want version 1", v, ok, err)
			}
		})
	}
}
