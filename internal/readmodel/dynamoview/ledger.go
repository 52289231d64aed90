package dynamoview

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Overdue implements readmodel.Ledger by one Query of the index.
func (s *Store) Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error) {
	// "~" is behind every id, so the bookings of that very instant are in, too.
	until := readmodel.Place{Time: q.By}.String() + "~"
	places, err := s.index(ctx, indexQuery{
		index: indexDeadline, hash: attrDeadlineShard, sort: attrDeadline, key: s.inProjection(strconv.Itoa(q.Shard)),
		after: q.After, until: until, limit: q.Limit + 1,
	})
	if err != nil || len(places) <= q.Limit {
		return places, readmodel.Place{}, err
	}
	return places[:q.Limit], places[q.Limit-1], nil
}

// Records implements readmodel.Ledger by one strongly consistent BatchGetItem.
func (s *Store) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	items, err := s.batch(ctx, ids, true)
	if err != nil {
		return nil, err
	}
	found := make(map[booking.ID]readmodel.Record, len(items))
	for _, it := range items {
		r, err := s.record(it)
		if err != nil {
			return nil, fmt.Errorf("a stored view: %w", err)
		}
		found[r.ID] = r
	}
	return found, nil
}

// record reads an item as it is, right or wrong: an audit is to see what a bug or a
// hand has made of it.
func (s *Store) record(it item) (readmodel.Record, error) {
	value := func(name string) string {
		v, _ := it[name].(*types.AttributeValueMemberS)
		if v == nil {
			return ""
		}
		return v.Value
	}
	id, ok := strings.CutPrefix(value(attrID), s.prefix)
	if !ok {
		return readmodel.Record{}, errors.New("its key is of another projection")
	}
	r := readmodel.Record{
		ID: booking.ID(id), Body: []byte(value(attrView)), Rider: strings.TrimPrefix(value(attrRider), s.prefix),
		InRider: value(attrRiderAt), InWaiting: value(attrWaiting), InDeadlines: value(attrDeadline),
	}
	if n, ok := it[attrVersion].(*types.AttributeValueMemberN); ok {
		r.Version, _ = strconv.ParseInt(n.Value, 10, 64) // a version that is none is 0, and differs
	}
	return r, nil
}

// Drop implements readmodel.Ledger by one DeleteItem.
func (s *Store) Drop(ctx context.Context, id booking.ID) error {
	_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(s.table), Key: item{attrID: s.key(id)}}, repeatConflicts)
	if err != nil {
		return fmt.Errorf("drop the view of %s: %w", id, awserror.Mark(err, readmodel.ErrUnavailable))
	}
	return nil
}

// Walk implements readmodel.Ledger by one Scan of a segment of the table, past the
// views of other projections.
func (s *Store) Walk(ctx context.Context, at readmodel.Segment, after string, limit int) ([]booking.ID, string, error) {
	in := &dynamodb.ScanInput{
		TableName: aws.String(s.table), Segment: aws.Int32(int32(at.Index)), TotalSegments: aws.Int32(int32(at.Of)), //nolint:gosec // a few
		ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(attrID), Limit: aws.Int32(int32(limit)), //nolint:gosec // a page
		FilterExpression: aws.String("begins_with(" + attrID + ", :prefix)"), ExpressionAttributeValues: item{":prefix": text(s.prefix)},
	}
	if after != "" {
		in.ExclusiveStartKey = item{attrID: text(after)}
	}
	out, err := s.db.Scan(ctx, in)
	if err != nil {
		return nil, "", fmt.Errorf("walk views: %w", awserror.Mark(err, readmodel.ErrUnavailable))
	}
	var ids []booking.ID
	for _, it := range out.Items {
		r, err := s.record(it)
		if err != nil {
			return nil, "", fmt.Errorf("walk views: %w", err)
		}
		ids = append(ids, r.ID)
	}
	last, _ := out.LastEvaluatedKey[attrID].(*types.AttributeValueMemberS)
	if last == nil {
		return ids, "", nil
	}
	return ids, last.Value, nil
}
