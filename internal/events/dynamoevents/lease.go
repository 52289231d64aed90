package dynamoevents

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// A lease is one item: its name, and the stream that holds it. No item, no holder.
const (
	attrLease  = "control_id"
	attrHolder = "holder"

	freeOrOurs = "attribute_not_exists(" + attrLease + ") OR " + attrHolder + " = :us"
)

// The places of the two writes in the transaction, and so of their reasons.
const (
	commitWrite = iota
	leaseWrite
)

// conditionFailed is the reason of a write whose condition does not hold (Amazon DynamoDB
// API Reference, TransactionCanceledException).
const conditionFailed = "ConditionalCheckFailed"

// transact appends and changes a lease, both or neither. The SDK gives each call
// a token of its own and repeats it with its retries.
func (s *Store) transact(ctx context.Context, attempted events.Commit, draft events.Draft) (events.Appended, error) {
	_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		commitWrite: {Put: &types.Put{
			TableName:                           aws.String(s.tables.Events),
			Item:                                encode(attempted),
			ConditionExpression:                 aws.String(placeIsFree),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		leaseWrite: s.leaseWrite(draft.Lease, attempted.Stream),
	}}, repeatThrottled)
	var canceled *types.TransactionCanceledException
	switch {
	case err == nil:
		return events.Appended{Commit: attempted}, nil
	case errors.As(err, &canceled) && len(canceled.CancellationReasons) == 2:
		return s.canceled(canceled.CancellationReasons, err, attempted, draft)
	default:
		return events.Appended{}, failed(awserror.Of(err), err)
	}
}

// repeatThrottled makes the SDK repeat a transaction that DynamoDB canceled for want of
// capacity, as it repeats a throttled PutItem: nothing of it was written.
func repeatThrottled(o *dynamodb.Options) { o.Retryer = repeatingThrottled{o.Retryer} }

type repeatingThrottled struct{ aws.Retryer }

// IsErrorRetryable implements aws.Retryer.
func (r repeatingThrottled) IsErrorRetryable(err error) bool {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return awserror.OfReasons(codesOf(canceled.CancellationReasons)...) == awserror.Retry
	}
	return r.Retryer.IsErrorRetryable(err)
}

func codesOf(reasons []types.CancellationReason) []string {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = aws.ToString(r.Code)
	}
	return codes
}

func (s *Store) leaseWrite(l events.Lease, stream events.StreamID) types.TransactWriteItem {
	us := item{":us": text(string(stream))}
	if l.Change == events.LeaseTaken {
		return types.TransactWriteItem{Put: &types.Put{
			TableName:           aws.String(s.tables.Leases),
			Item:                item{attrLease: text(l.Name), attrHolder: text(string(stream))},
			ConditionExpression: aws.String(freeOrOurs), ExpressionAttributeValues: us,
		}}
	}
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName:           aws.String(s.tables.Leases),
		Key:                 item{attrLease: text(l.Name)},
		ConditionExpression: aws.String(freeOrOurs), ExpressionAttributeValues: us,
	}}
}

// canceled tells why nothing was written. The commit's place comes first: when it
// is taken, what stands there decides, whoever holds the lease by now.
func (s *Store) canceled(reasons []types.CancellationReason, err error, attempted events.Commit, draft events.Draft) (events.Appended, error) {
	codes := codesOf(reasons)
	switch {
	case codes[commitWrite] == conditionFailed:
		return resolve(reasons[commitWrite].Item, attempted, draft)
	case codes[leaseWrite] == conditionFailed:
		return events.Appended{}, fmt.Errorf("lease %s: %w", draft.Lease.Name, events.ErrLeaseHeld)
	default:
		return events.Appended{}, failed(awserror.OfReasons(codes...), err)
	}
}

// Holder implements events.Store by a strongly consistent GetItem.
func (s *Store) Holder(ctx context.Context, lease string) (events.StreamID, bool, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.tables.Leases), Key: item{attrLease: text(lease)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return "", false, fmt.Errorf("holder of %s: %w", lease, awserror.Mark(err, events.ErrUnavailable))
	}
	if out.Item == nil {
		return "", false, nil
	}
	holder, ok := out.Item[attrHolder].(*types.AttributeValueMemberS)
	if !ok {
		return "", false, fmt.Errorf("lease %s has no holder: %w", lease, events.ErrCorrupt)
	}
	return events.StreamID(holder.Value), true, nil
}
