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

// API is the part of the DynamoDB client that the store needs.
type API interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Tables names the tables of a store.
type Tables struct {
	Events string // the log
	Leases string // who holds which lease; it may hold other items, too
}

// Store implements events.Store on DynamoDB tables.
type Store struct {
	db     API
	tables Tables
	stamp  func() events.Stamp
}

var _ events.Store = (*Store)(nil)

// New returns a store on the given tables. stamp is asked once per Append;
// production passes events.NewStamp.
func New(db API, tables Tables, stamp func() events.Stamp) *Store {
	return &Store{db: db, tables: tables, stamp: stamp}
}

// Load implements events.Store by a strongly consistent Query, page by page
// until DynamoDB says that there is no more.
func (s *Store) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	var commits []events.Commit
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName:                 aws.String(s.tables.Events),
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String(attrStream + " = :id"),
		ExpressionAttributeValues: item{":id": text(string(id))},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return events.History{}, fmt.Errorf("load %s: %w", id, awserror.Mark(err, events.ErrUnavailable))
		}
		for _, it := range page.Items {
			c, err := decode(it)
			if err != nil {
				return events.History{}, fmt.Errorf("load %s: %w", id, err)
			}
			commits = append(commits, c)
		}
	}
	return events.NewHistory(id, commits)
}

// Append implements events.Store by one conditional PutItem, or by a transaction
// of two writes where a lease changes hands.
func (s *Store) Append(ctx context.Context, at events.Position, draft events.Draft) (events.Appended, error) {
	attempted, err := at.Seal(draft, s.stamp())
	if err != nil {
		return events.Appended{}, err
	}
	write := s.put
	if draft.Lease.Change != events.LeaseKept {
		write = s.transact
	}
	appended, err := write(ctx, attempted, draft)
	if err != nil {
		return events.Appended{}, fmt.Errorf("append to %s at %d: %w", attempted.Stream, attempted.Version, err)
	}
	return appended, nil
}

const placeIsFree = "attribute_not_exists(" + attrStream + ")"

func (s *Store) put(ctx context.Context, attempted events.Commit, draft events.Draft) (events.Appended, error) {
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(s.tables.Events),
		Item:                                encode(attempted),
		ConditionExpression:                 aws.String(placeIsFree),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var taken *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return events.Appended{Commit: attempted}, nil
	case errors.As(err, &taken):
		return resolve(taken.Item, attempted, draft)
	default:
		return events.Appended{}, failed(awserror.Of(err), err)
	}
}

// failed is what became of a write that neither was stored nor found its place taken.
// A transaction at one of its items is a lost race, which the SDK does not repeat. An
// attempt before the last may have been stored, whatever the last one answered.
func failed(class awserror.Class, err error) error {
	switch class {
	case awserror.Conflict:
		return fmt.Errorf("%w: %w", events.ErrConflict, err)
	case awserror.Bug:
		return err
	default:
		return fmt.Errorf("%w: %w", events.ErrUnavailable, err)
	}
}

func resolve(stored item, attempted events.Commit, draft events.Draft) (events.Appended, error) {
	c, err := decode(stored)
	if err != nil {
		return events.Appended{}, err
	}
	return events.Resolve(c, attempted, draft)
}
