package dynamobreaker

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// Client is what a Store needs of DynamoDB. *dynamodb.Client is one.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

var _ Client = (*dynamodb.Client)(nil)

// Store keeps the record of one breaker.
type Store struct {
	db    Client
	table string
	id    string
}

var _ fleet.Store = (*Store)(nil)

// New returns the store of the breaker with a name. It does not ask the table.
func New(db Client, table, name string) *Store {
	return &Store{db: db, table: table, id: "breaker/" + name}
}

// once keeps the SDK from repeating what is not worth a second wait, or would
// count twice.
func once(o *dynamodb.Options) { o.RetryMaxAttempts = 1 }

func (s *Store) key() item { return item{attrID: text(s.id)} }

// Read implements fleet.Store.
func (s *Store) Read(ctx context.Context, newest bool) (fleet.Record, error) {
	if newest {
		return s.read(ctx, newest) // by an operator, who has time
	}
	return s.read(ctx, newest, once)
}

func (s *Store) read(ctx context.Context, newest bool, options ...func(*dynamodb.Options)) (fleet.Record, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: s.key(), ConsistentRead: &newest}, options...)
	if err != nil {
		return fleet.Record{}, fmt.Errorf("read %s: %w", s.id, err)
	}
	return s.record(out.Item)
}

func (s *Store) record(it item) (fleet.Record, error) {
	r, err := decode(it)
	if err != nil {
		return fleet.Record{}, fmt.Errorf("read %s: %w", s.id, err)
	}
	return r, nil
}

// Report implements fleet.Store.
func (s *Store) Report(ctx context.Context, r fleet.Report) (now fleet.Record, done bool, err error) {
	u := newUpdate(r.Version)
	for _, n := range r.Counts {
		u.add(countName(countHealthy, n.Version, n.Epoch), n.Healthy)
		u.add(countName(countFailing, n.Version, n.Epoch), n.Failing)
		u.add(countName(countUnaware, n.Version, n.Epoch), n.Unaware)
	}
	u.drop(r.Drop)
	return s.write(ctx, u)
}

// Change implements fleet.Store.
func (s *Store) Change(ctx context.Context, c fleet.Change) (now fleet.Record, done bool, err error) {
	return s.write(ctx, changeOf(c))
}

func changeOf(c fleet.Change) *update {
	u := newUpdate(c.From)
	u.stage(c.To)
	u.drop(c.Drop)
	if c.Holder != "" {
		u.only(u.name(attrProbeOwner) + " = " + u.value(text(c.Holder)))
		u.only(u.name(attrProbeUntil) + " > " + u.value(millis(c.At)))
	}
	return u
}

func (s *Store) write(ctx context.Context, u *update) (now fleet.Record, done bool, err error) {
	expression, condition := u.expression(), u.condition()
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: s.key(),
		UpdateExpression: &expression, ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, once)
	if refused := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &refused) {
		now, err = s.record(refused.Item)
		return now, false, err
	}
	if err != nil && awserror.Of(err) == awserror.Conflict {
		// An operator's order is being written. What was refused is not repeated: the
		// order raises the version.
		now, err = s.read(ctx, true, once)
		return now, false, err
	}
	if err != nil {
		return fleet.Record{}, false, fmt.Errorf("write %s: %w", s.id, err)
	}
	now, err = s.record(out.Attributes)
	return now, true, err
}

// Give implements fleet.Store.
func (s *Store) Give(ctx context.Context, c fleet.Change, o fleet.Order) (done bool, err error) {
	u := changeOf(c)
	u.order(o)
	expression, condition := u.expression(), u.condition()
	_, err = s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{
			TableName: &s.table, Key: s.key(),
			UpdateExpression: &expression, ConditionExpression: &condition,
			ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		}},
		{Put: &types.Put{
			TableName: &s.table, Item: orderItem(s.orderID(o.Number), o),
			ConditionExpression: aws.String("attribute_not_exists(" + attrID + ")"),
		}},
	}})
	if canceled := (*types.TransactionCanceledException)(nil); errors.As(err, &canceled) && lostRace(canceled) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write %s: %w", s.id, err)
	}
	return true, nil
}

// lostRace tells whether a transaction was canceled because of another write, and not for
// want of capacity, say.
func lostRace(canceled *types.TransactionCanceledException) bool {
	var codes []string
	for _, r := range canceled.CancellationReasons {
		codes = append(codes, aws.ToString(r.Code))
	}
	return awserror.OfReasons(codes...) == awserror.Conflict
}

// Given implements fleet.Store.
func (s *Store) Given(ctx context.Context, number int64) (fleet.Order, error) {
	id := s.orderID(number)
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table, Key: item{attrID: text(id)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return fleet.Order{}, fmt.Errorf("read %s: %w", id, err)
	}
	if out.Item == nil {
		return fleet.Order{}, fmt.Errorf("read %s: there is none", id)
	}
	o, err := decodeOrder(out.Item)
	if err != nil {
		return fleet.Order{}, fmt.Errorf("read %s: %w", id, err)
	}
	return o, nil
}

func (s *Store) orderID(n int64) string { return fmt.Sprintf("%s/order/%d", s.id, n) }
