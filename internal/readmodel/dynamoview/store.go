// Package dynamoview keeps views in a DynamoDB table: one item per booking and
// projection version, written on the condition that it is newer than the stored.
package dynamoview

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

const (
	attrID      = "view_id"
	attrVersion = "version"
	attrView    = "view"
)

// projection is the generation of views that is read and written.
const projection = 1

// API is the part of the DynamoDB client that the store needs.
type API interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// Store implements readmodel.Store on a DynamoDB table.
type Store struct {
	db    API
	table string
}

var _ readmodel.Store = (*Store)(nil)

// New returns a store on the given table.
func New(db API, table string) *Store { return &Store{db: db, table: table} }

func key(id booking.ID) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: strconv.Itoa(projection) + "#" + string(id)}
}

// Put implements readmodel.Store by one conditional PutItem.
func (s *Store) Put(ctx context.Context, v readmodel.View) error {
	raw, err := v.Encode()
	if err != nil {
		return fmt.Errorf("encode the view of %s: %w", v.ID, err)
	}
	version := &types.AttributeValueMemberN{Value: strconv.FormatInt(v.Version, 10)}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.table),
		Item: map[string]types.AttributeValue{
			attrID: key(v.ID), attrVersion: version, attrView: &types.AttributeValueMemberS{Value: string(raw)},
		},
		ConditionExpression:       aws.String("attribute_not_exists(" + attrID + ") OR #version < :new"),
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: map[string]types.AttributeValue{":new": version},
	})
	var newer *types.ConditionalCheckFailedException
	if err == nil || errors.As(err, &newer) {
		return nil
	}
	return fmt.Errorf("put the view of %s at %d: %w: %w", v.ID, v.Version, readmodel.ErrUnavailable, err)
}

// Get implements readmodel.Store by one eventually consistent GetItem: a caller
// who needs a certain version asks the log.
func (s *Store) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table),
		Key:       map[string]types.AttributeValue{attrID: key(id)},
	})
	if err != nil {
		return readmodel.View{}, false, fmt.Errorf("get the view of %s: %w: %w", id, readmodel.ErrUnavailable, err)
	}
	if out.Item == nil {
		return readmodel.View{}, false, nil
	}
	raw, ok := out.Item[attrView].(*types.AttributeValueMemberS)
	if !ok {
		return readmodel.View{}, false, fmt.Errorf("the view of %s is no string", id)
	}
	v, err := readmodel.Decode([]byte(raw.Value))
	if err != nil {
		return readmodel.View{}, false, fmt.Errorf("decode the view of %s: %w", id, err)
	}
	return v, true, nil
}
