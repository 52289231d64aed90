// Package dynamoview keeps views in a DynamoDB table: one item per booking and
// projection version, written on the condition that it is newer than the stored.
package dynamoview

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
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

	indexDeadline     = "by-deadline"
	attrDeadlineShard = "deadline_shard"
	attrDeadline      = "deadline_at"
)

// API is the part of the DynamoDB client that the store needs.
type API interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Store implements readmodel.Ledger: one projection in a DynamoDB table that may
// hold others, too.
type Store struct {
	db     API
	table  string
	prefix string // of every key, those of the indexes included
}

var _ readmodel.Ledger = (*Store)(nil)

// New returns a store of one projection on the given table.
func New(db API, table string, projection int) *Store {
	return &Store{db: db, table: table, prefix: strconv.Itoa(projection) + "#"}
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// inProjection puts a key into this projection.
func (s *Store) inProjection(key string) types.AttributeValue { return text(s.prefix + key) }

func (s *Store) key(id booking.ID) types.AttributeValue { return s.inProjection(string(id)) }

// Put implements readmodel.Store by one conditional PutItem.
func (s *Store) Put(ctx context.Context, v readmodel.View) error {
	_, err := s.put(ctx, v, "attribute_not_exists("+attrID+") OR #version < :new", item{":new": number(v.Version)})
	return err
}

// Replace implements readmodel.Ledger by one conditional PutItem. What is stored of
// a version is compared as it is, not by its digest.
func (s *Store) Replace(ctx context.Context, v readmodel.View, seen *readmodel.Record) (bool, error) {
	if seen == nil {
		return s.put(ctx, v, "attribute_not_exists("+attrID+")", nil)
	}
	return s.put(ctx, v, "#version = :version AND #view = :body", item{":version": number(seen.Version), ":body": text(string(seen.Body))})
}

// put stores v on a condition, and tells whether it held.
func (s *Store) put(ctx context.Context, v readmodel.View, condition string, values item) (bool, error) {
	r, err := readmodel.RecordOf(v)
	if err != nil {
		return false, fmt.Errorf("encode the view of %s: %w", v.ID, err)
	}
	in := &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: s.encode(r), ConditionExpression: aws.String(condition), ExpressionAttributeValues: values}
	for name, attribute := range map[string]string{"#version": attrVersion, "#view": attrView} {
		if strings.Contains(condition, name) { // DynamoDB refuses names that are not used
			if in.ExpressionAttributeNames == nil {
				in.ExpressionAttributeNames = map[string]string{}
			}
			in.ExpressionAttributeNames[name] = attribute
		}
	}
	_, err = s.db.PutItem(ctx, in, repeatConflicts)
	var failed *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &failed):
		return false, nil
	default:
		return false, fmt.Errorf("put the view of %s at %d: %w", v.ID, v.Version, awserror.Mark(err, readmodel.ErrUnavailable))
	}
}

// repeatConflicts makes the SDK repeat a write that met a transaction at its item. The
// condition of the write says all there is to decide; its caller could only fail, and be
// called again much later.
func repeatConflicts(o *dynamodb.Options) {
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, awserror.TransactionConflict)
}

// Get implements readmodel.Store by one eventually consistent GetItem: a caller
// who needs a certain version asks the log.
func (s *Store) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table),
		Key:       item{attrID: s.key(id)},
	})
	if err != nil {
		return readmodel.View{}, false, fmt.Errorf("get the view of %s: %w", id, awserror.Mark(err, readmodel.ErrUnavailable))
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

func (s *Store) encode(r readmodel.Record) item {
	it := item{
		attrID: s.key(r.ID), attrVersion: number(r.Version), attrView: text(string(r.Body)),
		attrRider: s.inProjection(r.Rider), attrRiderAt: text(r.InRider),
	}
	if r.InWaiting != "" {
		it[attrShard], it[attrWaiting] = s.inProjection(strconv.Itoa(readmodel.WaitingShard(r.ID))), text(r.InWaiting)
	}
	if r.InDeadlines != "" {
		it[attrDeadlineShard], it[attrDeadline] = s.inProjection(strconv.Itoa(readmodel.DeadlineShard(r.ID))), text(r.InDeadlines)
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
