package dynamoview_test

import (
	"context"
	"errors"
	"strings"
	"testing"

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
	db := dynamolocal.New(t)
	readmodeltest.Run(t, func(*testing.T) readmodel.Store { return dynamoview.New(db.Client, db.Tables.Views) })
}

// Keys and attributes are storage format.
func TestTheItem(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	v := readmodeltest.View(id, 4)
	if err := dynamoview.New(db.Client, db.Tables.Views).Put(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	out, err := db.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(db.Tables.Views), Key: key()})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]types.AttributeValue{
		"view_id": text("1#" + string(id)), "version": &types.AttributeValueMemberN{Value: "4"}, "view": text(string(raw)),
	}
	if diff := cmp.Diff(want, out.Item, cmpopts.IgnoreUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{})); diff != "" {
		t.Errorf("the item (-want +got):\n%s", diff)
	}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

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
			_, ok, err := dynamoview.New(db.Client, db.Tables.Views).Get(t.Context(), id)
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
	if err := dynamoview.New(nil, "views").Put(t.Context(), v); err == nil || errors.Is(err, readmodel.ErrUnavailable) {
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
			store := dynamoview.New(db.Client, db.Tables.Views)
			if err := store.Put(t.Context(), readmodeltest.View(id, 1)); !errors.Is(err, readmodel.ErrUnavailable) || !errors.Is(err, error(throttled)) {
				t.Errorf("put: %v, want ErrUnavailable because of the throttling", err)
			}
			if _, ok, err := store.Get(t.Context(), id); ok || !errors.Is(err, readmodel.ErrUnavailable) {
				t.Errorf("get: %v, %v; want ErrUnavailable", ok, err)
			}
			// Putting again is harmless, whatever became of the first.
			plain := dynamoview.New(dynamolocal.NewClient(t), db.Tables.Views)
			if err := plain.Put(t.Context(), readmodeltest.View(id, 1)); err != nil {
				t.Fatal(err)
			}
			if v, ok, err := plain.Get(t.Context(), id); !ok || err != nil || v.Version != 1 {
				t.Errorf("get: %+v, %v, %v; want version 1", v, ok, err)
			}
		})
	}
}
