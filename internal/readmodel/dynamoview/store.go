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

// Attributes and indexes. Those of an index are there only while the booking is in
// its list, which keeps the index as short as the list.
const (
	attrID      = "view_id"
	attrVersion = "version"
	attrView    = "view"

	indexRider   = "by-rider"
	attrRider    = "rider"
	attrRiderAt  = "rider_at"
	indexWaiting = "waiting"
	attrShard    = "waiting_shard"
	attrWaiting  = "waiting_at"
)

// projection is the generation of views that is read and written.
const projection = 1

// API is the part of the DynamoDB client that the store needs.
type API interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

// Store implements readmodel.Store on a DynamoDB table.
type Store struct {
	db    API
	table string
}

var _ readmodel.Store = (*Store)(nil)

// New returns a store on the given table.
func New(db API, table string) *Store { return &Store{db: db, table: table} }

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// inProjection puts a key into its generation of views.
func inProjection(key string) types.AttributeValue {
	return text(strconv.Itoa(projection) + "#" + key)
}

func key(id booking.ID) types.AttributeValue { return inProjection(string(id)) }

// Put implements readmodel.Store by one conditional PutItem.
func (s *Store) Put(ctx context.Context, v readmodel.View) error {
	raw, err := v.Encode()
	if err != nil {
		return fmt.Errorf("encode the view of %s: %w", v.ID, err)
	}
	version := &types.AttributeValueMemberN{Value: strconv.FormatInt(v.Version, 10)}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 aws.String(s.table),
		Item:                      encode(v, version, raw),
		ConditionExpression:       aws.String("attribute_not_exists(" + attrID + ") OR #version < :new"),
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: item{":new": version},
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
		Key:       item{attrID: key(id)},
	})
	if err != nil {
		return readmodel.View{}, false, fmt.Errorf("get the view of %s: %w: %w", id, readmodel.ErrUnavailable, err)
	}
	if out.Item == nil {
		return readmodel.View{}, false, nil
	}
	v, err := decode(out.Item)
	if err != nil {
		return readmodel.View{}, false, fmt.Errorf("the view of %s: %w", id, err)
	}
	return v, true, nil
}

func encode(v readmodel.View, version types.AttributeValue, raw []byte) item {
	it := item{
		attrID: key(v.ID), attrVersion: version, attrView: text(string(raw)),
		attrRider: inProjection(v.RiderID), attrRiderAt: text(v.InRiderList().String()),
	}
	if at, ok := v.InWaitingList(); ok {
		it[attrShard], it[attrWaiting] = inProjection(shardOf(v.ID)), text(at.String())
	}
	return it
}

func decode(it item) (readmodel.View, error) {
	raw, ok := it[attrView].(*types.AttributeValueMemberS)
	if !ok {
		return readmodel.View{}, errors.New("is no string")
	}
	return readmodel.Decode([]byte(raw.Value))
}
