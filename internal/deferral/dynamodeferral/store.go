// Package dynamodeferral keeps deferred work in the Control table, one item per
// booking. A sparse index over shards and times shows what is due.
package dynamodeferral

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// API is the part of the DynamoDB client that the store needs.
type API interface {
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Store implements deferral.Store on a DynamoDB table.
type Store struct {
	db    API
	table string
}

var _ deferral.Store = (*Store)(nil)

// New returns a store on the given table.
func New(db API, table string) *Store { return &Store{db: db, table: table} }

// attempt is what somebody sets who wants a booking looked at.
const attempt = "SET #since = if_not_exists(#since, :at), #work_shard = :shard, #next_attempt_at = if_not_exists(#next_attempt_at, :first), " +
	"#rev = if_not_exists(#rev, :start) + :one, #operation = :operation, #reason = :reason"

// Defer implements deferral.Store by one UpdateItem. The SDK's own repeat of it counts
// one attempt more than there was.
func (s *Store) Defer(ctx context.Context, d deferral.Deferral) error {
	if _, err := s.wish(ctx, d, 1, ""); err != nil {
		return fmt.Errorf("defer the payment of %s: %w", d.Booking, awserror.Mark(err, deferral.ErrUnavailable))
	}
	return nil
}

// Offer implements deferral.Store by one conditional UpdateItem.
func (s *Store) Offer(ctx context.Context, d deferral.Deferral) error {
	if _, err := s.wish(ctx, d, 0, "attribute_not_exists("+attrID+")"); err != nil && !refused(err) {
		return fmt.Errorf("offer the payment of %s: %w", d.Booking, awserror.Mark(err, deferral.ErrUnavailable))
	}
	return nil
}

func (s *Store) wish(ctx context.Context, d deferral.Deferral, attempts int, condition string) (*dynamodb.UpdateItemOutput, error) {
	set, values := attempt, item{
		":at": instant(d.At), ":shard": text(strconv.Itoa(deferral.ShardOf(d.Booking))), ":first": instant(d.First),
		":start": number(start()), ":one": number(1), ":operation": text(string(d.Operation)), ":reason": text(string(d.Reason)),
		":attempts": number(int64(attempts)),
	}
	names := aliases(attrSince, attrShard, attrNext, attrRev, attrOperation, attrReason, attrAttempts)
	if d.Reconcile {
		set += ", #reconcile = :true"
		names["#reconcile"], values[":true"] = attrReconcile, &types.AttributeValueMemberBOOL{Value: true}
	}
	in := &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key(d.Booking), UpdateExpression: aws.String(set + " ADD #attempts :attempts"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	return s.db.UpdateItem(ctx, in, repeatConflicts)
}

// repeatConflicts makes the SDK repeat a wish that met a transaction at its item: there is
// nothing about it to decide again.
func repeatConflicts(o *dynamodb.Options) {
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, awserror.TransactionConflict)
}

// start is where the revisions of a new item begin.
func start() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:])                            // never fails
	return int64(binary.BigEndian.Uint64(b[:]) >> 16) // 48 bits
}

// Due implements deferral.Store by Queries of the index, which lags behind the items
// for a moment.
func (s *Store) Due(ctx context.Context, shard int, at time.Time, after deferral.Place, limit int) ([]deferral.Item, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String(indexDue),
		KeyConditionExpression:    aws.String("#work_shard = :shard AND #next_attempt_at <= :at"),
		ExpressionAttributeNames:  aliases(attrShard, attrNext),
		ExpressionAttributeValues: item{":shard": text(strconv.Itoa(shard)), ":at": instant(at)},
		Limit:                     aws.Int32(int32(limit)), //nolint:gosec // a page
	}
	if after != (deferral.Place{}) {
		in.ExclusiveStartKey = item{attrID: text(itemID(after.Booking)), attrShard: text(strconv.Itoa(shard)), attrNext: instant(after.Next)}
	}
	var items []deferral.Item
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list deferred payments of shard %d: %w", shard, awserror.Mark(err, deferral.ErrUnavailable))
		}
		for _, it := range out.Items {
			item, err := decode(it)
			if err != nil {
				return nil, fmt.Errorf("list deferred payments of shard %d: %w: %w", shard, deferral.ErrUnavailable, err)
			}
			items = append(items, item)
		}
		// A page may end before its limit; only a missing key says that there is no more.
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil || len(items) >= limit {
			return items, nil
		}
		in.Limit = aws.Int32(int32(limit - len(items))) //nolint:gosec // a page
	}
}

// Advance implements deferral.Store by one conditional UpdateItem.
func (s *Store) Advance(ctx context.Context, read deferral.Item, due payments.Operation, next time.Time) (deferral.Item, error) {
	err := s.update(ctx, read, "SET #next_attempt_at = :next, #operation = :operation, #rev = #rev + :one",
		aliases(attrRev, attrNext, attrOperation), item{":next": instant(next), ":operation": text(string(due))})
	if err != nil {
		return deferral.Item{}, failure("advance the deferred payment of", read.Booking, err)
	}
	read.Operation, read.Next = due, next
	read.Rev++
	return read, nil
}

// Reconciled implements deferral.Store by one conditional UpdateItem.
func (s *Store) Reconciled(ctx context.Context, read deferral.Item) error {
	err := s.update(ctx, read, "SET #rev = #rev + :one REMOVE #reconcile", aliases(attrRev, attrReconcile), item{})
	return failure("take the wish to reconcile off", read.Booking, err)
}

func (s *Store) update(ctx context.Context, read deferral.Item, expression string, names map[string]string, values item) error {
	values[":one"], values[":rev"] = number(1), number(read.Rev)
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key(read.Booking), UpdateExpression: &expression, ConditionExpression: aws.String("#rev = :rev"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	return err
}

// Delete implements deferral.Store by one conditional DeleteItem.
func (s *Store) Delete(ctx context.Context, read deferral.Item) error {
	_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.table, Key: key(read.Booking), ConditionExpression: aws.String("#rev = :rev"),
		ExpressionAttributeNames: aliases(attrRev), ExpressionAttributeValues: item{":rev": number(read.Rev)},
	})
	return failure("delete the deferred payment of", read.Booking, err)
}
