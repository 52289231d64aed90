package dynamoview

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// ByRider implements readmodel.Store.
func (s *Store) ByRider(ctx context.Context, rider booking.RiderID, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	places, err := s.index(ctx, indexQuery{
		index: indexRider, hash: attrRider, sort: attrRiderAt, key: s.inProjection(string(rider)), after: after, newestFirst: true, limit: limit + 1,
	})
	if err != nil {
		return nil, readmodel.Place{}, err
	}
	return s.views(ctx, attrRiderAt, places, limit)
}

// Waiting implements readmodel.Store: the shards are asked side by side, and
// their answers merged.
func (s *Store) Waiting(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	var wg sync.WaitGroup
	found := make([][]readmodel.Place, readmodel.WaitingShards)
	errs := make([]error, readmodel.WaitingShards)
	for shard := range readmodel.WaitingShards {
		wg.Go(func() {
			found[shard], errs[shard] = s.index(ctx, indexQuery{
				index: indexWaiting, hash: attrShard, sort: attrWaiting, key: s.inProjection(strconv.Itoa(shard)), after: after, limit: limit + 1,
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, readmodel.Place{}, err
	}
	places := slices.Concat(found...)
	slices.SortFunc(places, func(a, b readmodel.Place) int { return cmp.Compare(a.String(), b.String()) })
	return s.views(ctx, attrWaiting, places, limit)
}

// indexQuery asks for keys of one partition of an index.
type indexQuery struct {
	index, hash, sort string
	key               types.AttributeValue
	after             readmodel.Place // zero from the start
	until             string          // the last sort key wanted; empty for no end
	newestFirst       bool
	limit             int
}

// condition returns the one condition on the sort key that DynamoDB allows.
func (q indexQuery) condition() (string, item) {
	condition, values := q.hash+" = :key", item{":key": q.key}
	bounded := func(operator string) (string, item) { return condition + " AND " + q.sort + " " + operator, values }
	switch {
	case q.until != "":
		// BETWEEN takes both ends: text just behind a place stands for "after it".
		values[":from"], values[":until"] = text(behind(q.after)), text(q.until)
		return bounded("BETWEEN :from AND :until")
	case q.after == (readmodel.Place{}):
		return condition, values
	}
	values[":after"] = text(q.after.String())
	if q.newestFirst {
		return bounded("< :after")
	}
	return bounded("> :after")
}

// behind returns the least text behind a place, and any text before all places for
// none.
func behind(p readmodel.Place) string {
	if p == (readmodel.Place{}) {
		return "0"
	}
	return p.String() + "\x00"
}

// index returns places, as many as were asked for or as there are. An item whose place
// cannot be read is passed over: it must not hide what comes after it. An audit mends it.
func (s *Store) index(ctx context.Context, q indexQuery) ([]readmodel.Place, error) {
	condition, values := q.condition()
	var places []readmodel.Place
	var from item
	for {
		out, err := s.db.Query(ctx, &dynamodb.QueryInput{
			TableName: aws.String(s.table), IndexName: aws.String(q.index), ExclusiveStartKey: from,
			KeyConditionExpression: aws.String(condition), ExpressionAttributeValues: values,
			ScanIndexForward: aws.Bool(!q.newestFirst), Limit: aws.Int32(int32(q.limit - len(places))), //nolint:gosec // at most 101
		})
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", q.index, awserror.Mark(err, readmodel.ErrUnavailable))
		}
		for _, it := range out.Items {
			at, _ := it[q.sort].(*types.AttributeValueMemberS)
			if at == nil {
				continue
			}
			if place, err := readmodel.ParsePlace(at.Value); err == nil {
				places = append(places, place)
			}
		}
		// A page may end before its limit; only a missing key says that there is no more.
		if from = out.LastEvaluatedKey; from == nil || len(places) >= q.limit {
			return places, nil
		}
	}
}

// views fetches the views at places, of which one more than limit means that the
// list goes on. An index lags behind its table, so a view may have left its place,
// for another one further on or for good: it is left out here.
func (s *Store) views(ctx context.Context, sortKey string, places []readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	var next readmodel.Place
	if len(places) > limit {
		places = places[:limit]
		next = places[limit-1]
	}
	items, err := s.items(ctx, places)
	if err != nil {
		return nil, readmodel.Place{}, err
	}
	at := map[string]item{}
	for _, it := range items {
		if place, ok := it[sortKey].(*types.AttributeValueMemberS); ok {
			at[place.Value] = it
		}
	}
	views := make([]readmodel.View, 0, len(places))
	for _, place := range places {
		it, ok := at[place.String()]
		if !ok {
			continue
		}
		v, err := decode(it)
		if err != nil {
			v = readmodel.Unreadable(place.ID)
		}
		views = append(views, v)
	}
	return views, next, nil
}

// items fetches the items of the bookings at places, in no particular order.
func (s *Store) items(ctx context.Context, places []readmodel.Place) ([]item, error) {
	var asked []booking.ID
	for _, at := range places {
		asked = append(asked, at.ID)
	}
	return s.batch(ctx, asked, false)
}

// batch fetches the items of at most 100 bookings, in no particular order.
func (s *Store) batch(ctx context.Context, ids []booking.ID, consistent bool) ([]item, error) {
	asked := map[booking.ID]bool{} // DynamoDB refuses to be asked for a key twice
	var keys, found []item
	for _, id := range ids {
		if !asked[id] {
			asked[id] = true
			keys = append(keys, item{attrID: s.key(id)})
		}
	}
	for len(keys) > 0 {
		out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: keys, ConsistentRead: aws.Bool(consistent)},
		}})
		if err != nil {
			return nil, fmt.Errorf("get %d views: %w", len(keys), awserror.Mark(err, readmodel.ErrUnavailable))
		}
		left := out.UnprocessedKeys[s.table].Keys
		if len(left) >= len(keys) {
			// Throttled altogether: the client waits better than this loop could.
			return nil, fmt.Errorf("get %d views: %w: none was processed", len(keys), readmodel.ErrUnavailable)
		}
		keys = left
		found = append(found, out.Responses[s.table]...)
	}
	return found, nil
}
