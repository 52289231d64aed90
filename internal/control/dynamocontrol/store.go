// Package dynamocontrol keeps control documents in a DynamoDB table, one item
// each, beside other items that are none of its business.
package dynamocontrol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/control"
)

// Attributes. The body is JSON text, so that an operator can read it.
const (
	attrID       = "control_id"
	attrRevision = "revision"
	attrBody     = "body"
)

// API is the part of the DynamoDB client that the store needs.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// Store implements control.Store on a DynamoDB table.
type Store struct {
	db    API
	table string
}

var _ control.Store = (*Store)(nil)

// New returns a store on the given table.
func New(db API, table string) *Store { return &Store{db: db, table: table} }

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Get implements control.Store by a strongly consistent GetItem.
func (s *Store) Get(ctx context.Context, id string) (control.Document, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table), Key: item{attrID: text(id)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return control.Document{}, fmt.Errorf("get %s: %w", id, awserror.Mark(err, control.ErrUnavailable))
	}
	if out.Item == nil {
		return control.Document{}, nil
	}
	d, err := decode(out.Item)
	if err != nil {
		return control.Document{}, fmt.Errorf("get %s: %w", id, err)
	}
	return d, nil
}

// Put implements control.Store by one conditional PutItem.
func (s *Store) Put(ctx context.Context, id string, d control.Document) error {
	in := &dynamodb.PutItemInput{
		TableName:                           aws.String(s.table),
		Item:                                item{attrID: text(id), attrRevision: number(d.Revision + 1), attrBody: text(string(d.Body))},
		ConditionExpression:                 aws.String("attribute_not_exists(" + attrID + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if d.Revision > 0 {
		in.ConditionExpression = aws.String(attrRevision + " = :seen")
		in.ExpressionAttributeValues = item{":seen": number(d.Revision)}
	}
	_, err := s.db.PutItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed):
	case awserror.Of(err) == awserror.Conflict: // a transaction is at the item
		return fmt.Errorf("put %s at %d: %w: %w", id, d.Revision, control.ErrConflict, err)
	default:
		return fmt.Errorf("put %s at %d: %w", id, d.Revision, awserror.Mark(err, control.ErrUnavailable))
	}
	// The client library repeats what it got no answer to: then ours is there.
	stored, err := decode(failed.Item)
	if err == nil && stored.Revision == d.Revision+1 && bytes.Equal(stored.Body, d.Body) {
		return nil
	}
	return fmt.Errorf("put %s at %d: %w", id, d.Revision, control.ErrConflict)
}

func decode(it item) (control.Document, error) {
	revision, isNumber := it[attrRevision].(*types.AttributeValueMemberN)
	body, isText := it[attrBody].(*types.AttributeValueMemberS)
	if !isNumber || !isText {
		return control.Document{}, errors.New("the item is no control document")
	}
	n, err := strconv.ParseInt(revision.Value, 10, 64)
	if err != nil {
		return control.Document{}, fmt.Errorf("its revision: %w", err)
	}
	return control.Document{Body: []byte(body.Value), Revision: n}, nil
}
