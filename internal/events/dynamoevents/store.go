package dynamoevents

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// API is the part of the DynamoDB client that the store needs.
type API interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Store implements events.Store on a DynamoDB table.
type Store struct {
	db    API
	table string
	stamp func() events.Stamp
}

var _ events.Store = (*Store)(nil)

// New returns a store on the given table. stamp is asked once per Append;
// production passes events.NewStamp.
func New(db API, table string, stamp func() events.Stamp) *Store {
	return &Store{db: db, table: table, stamp: stamp}
}

// Load implements events.Store by a strongly consistent Query, page by page
// until DynamoDB says that there is no more.
func (s *Store) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	var commits []events.Commit
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName:                 aws.String(s.table),
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String(attrStream + " = :id"),
		ExpressionAttributeValues: item{":id": text(string(id))},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return events.History{}, fmt.Errorf("load %s: %w: %w", id, events.ErrUnavailable, err)
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

// Append implements events.Store by one conditional PutItem.
func (s *Store) Append(ctx context.Context, at events.Position, draft events.Draft) (events.Appended, error) {
	attempted, err := at.Seal(draft, s.stamp())
	if err != nil {
		return events.Appended{}, err
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(s.table),
		Item:                                encode(attempted),
		ConditionExpression:                 aws.String("attribute_not_exists(" + attrStream + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return events.Appended{Commit: attempted}, nil
	}
	appended, err := resolve(err, attempted, draft)
	if err != nil {
		return events.Appended{}, fmt.Errorf("append to %s at %d: %w", attempted.Stream, attempted.Version, err)
	}
	return appended, nil
}

// resolve finds out what a failed write means. After anything but a failed
// condition the outcome is unknown: an attempt before the last may have been
// stored, whatever the last one answered.
func resolve(err error, attempted events.Commit, draft events.Draft) (events.Appended, error) {
	var taken *types.ConditionalCheckFailedException
	if !errors.As(err, &taken) {
		return events.Appended{}, fmt.Errorf("%w: %w", events.ErrUnavailable, err)
	}
	stored, err := decode(taken.Item)
	if err != nil {
		return events.Appended{}, err
	}
	return events.Resolve(stored, attempted, draft)
}
