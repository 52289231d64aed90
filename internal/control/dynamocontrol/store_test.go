package dynamocontrol_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func TestContract(t *testing.T) {
	t.Parallel()
	controltest.Run(t, func(t *testing.T) control.Store {
		db := dynamolocal.New(t, dynamolocal.Harsh)
		return dynamocontrol.New(db.Client, db.Tables.Control)
	})
}

// deaf is a client whose first answer to a write is lost: it repeats the write.
type deaf struct{ dynamocontrol.API }

func (d deaf) PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if _, err := d.API.PutItem(ctx, in, options...); err != nil {
		return nil, err
	}
	return d.API.PutItem(ctx, in, options...)
}

func TestOwnWriteIsNoRival(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamocontrol.New(deaf{db.Client}, db.Tables.Control)
	for revision := range int64(2) {
		if err := store.Put(t.Context(), "a", control.Document{Body: []byte(`{}`), Revision: revision}); err != nil {
			t.Errorf("put at %d, repeated by the client: %v", revision, err)
		}
	}
}

// The table holds other items, too: leases, work, the breaker.
func TestWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamocontrol.New(db.Client, db.Tables.Control)
	for name, revision := range map[string]types.AttributeValue{
		"lease": nil, "odd": &types.AttributeValueMemberN{Value: "1.5"},
	} {
		it := map[string]types.AttributeValue{"control_id": &types.AttributeValueMemberS{Value: name}, "body": &types.AttributeValueMemberS{Value: "{}"}}
		if revision != nil {
			it["revision"] = revision
		}
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Control), Item: it}); err != nil {
			t.Fatal(err)
		}
		if d, err := store.Get(t.Context(), name); err == nil || errors.Is(err, control.ErrUnavailable) {
			t.Errorf("%s was read as %+v (%v)", name, d, err)
		}
		if err := store.Put(t.Context(), name, control.Document{Body: []byte(`{}`)}); !errors.Is(err, control.ErrConflict) {
			t.Errorf("put over %s: %v, want ErrConflict", name, err)
		}
	}
}
