package dynamoview_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// inShard returns the nth booking whose place in the waiting list is in a shard.
func inShard(shard, nth int) booking.ID {
	for i := 0; ; i++ {
		id := booking.IDFor(booking.Caller{Subject: "shard"}, fmt.Sprint(i))
		if readmodel.WaitingShard(id) == shard {
			if nth == 0 {
				return id
			}
			nth--
		}
	}
}

// However the bookings that wait are spread over the shards, the pages of the
// list put together are all of them, in order, each once.
func TestUnevenShardsHideNobody(t *testing.T) {
	t.Parallel()
	const bookings, shards = 17, readmodel.WaitingShards
	random := rand.New(rand.NewPCG(1, 2))
	for name, shardOf := range map[string]func(i int) int{
		"all in one shard":                  func(int) int { return 2 },
		"all but one in one shard":          func(i int) int { return min(1, i/(bookings-1)) },
		"one shard after the other":         func(i int) int { return i * shards / bookings },
		"side by side":                      func(i int) int { return i % shards },
		"the longest waits behind the rest": func(i int) int { return min(i, 1) * 3 },
		"at random":                         func(int) int { return random.IntN(shards) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dynamolocal.New(t)
			store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
			used := map[int]int{}
			var want []booking.ID
			for i := range bookings {
				shard := shardOf(i)
				id := inShard(shard, used[shard])
				used[shard]++
				want = append(want, id)
				if err := store.Put(t.Context(), readmodeltest.Waiting(id, 4, noon.Add(time.Duration(i)*time.Second))); err != nil {
					t.Fatal(err)
				}
			}
			for _, limit := range []int{1, 2, 3, 5, bookings - 1, bookings, bookings + 1} {
				pages := walk(t, store, limit)
				if diff := cmp.Diff(want, slices.Concat(pages...)); diff != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
				}
				if got, want := len(pages), (bookings+limit-1)/limit; got != want {
					t.Errorf("%d pages of %d, want %d full ones", got, limit, want)
				}
			}
		})
	}
}

// walk reads the whole waiting list and returns its pages.
func walk(t *testing.T, store *dynamoview.Store, limit int) [][]booking.ID {
	t.Helper()
	const endless = 100
	var pages [][]booking.ID
	after := readmodel.Place{}
	for range endless {
		views, next, err := store.Waiting(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, ids(views))
		if next == (readmodel.Place{}) {
			return pages
		}
		after = next
	}
	t.Fatalf("the list has no end with pages of %d", limit)
	return nil
}

func ids(views []readmodel.View) []booking.ID {
	var found []booking.ID
	for _, v := range views {
		found = append(found, v.ID)
	}
	return found
}

// The largest page that the API gives is one BatchGetItem of the most keys that
// DynamoDB takes.
func TestTheLargestPage(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	const most = 100
	for i := range most + 1 {
		v := readmodeltest.View(inShard(0, i), 1)
		v.RequestedAt = noon.Add(time.Duration(i) * time.Second)
		if err := store.Put(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	views, next, err := store.ByRider(t.Context(), readmodeltest.Rider(), readmodel.Place{}, most)
	if err != nil || len(views) != most || next.ID != inShard(0, 1) {
		t.Fatalf("%d views, next %v, error %v; want 100, and one more behind them", len(views), next, err)
	}
	views, next, err = store.ByRider(t.Context(), readmodeltest.Rider(), next, most)
	if err != nil || len(views) != 1 || next != (readmodel.Place{}) {
		t.Errorf("%d views, next %v, error %v; want the last", len(views), next, err)
	}
}

// changed lets an operation happen, and changes what it answers.
func changed[In, Out any](change func(*In, *Out)) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(middleware.InitializeMiddlewareFunc("change", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				out, md, err := next.HandleInitialize(ctx, in)
				asked, ofKind := in.Parameters.(*In)
				if result, ok := out.Result.(*Out); ok && ofKind && err == nil {
					change(asked, result)
				}
				return out, md, err
			}), middleware.Before)
		})
	}
}

// failing makes the attempts of one operation fail before they reach DynamoDB.
func failing(operation string) func(*dynamodb.Options) {
	fault := middleware.DeserializeMiddlewareFunc("fail", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		if middleware.GetOperationName(ctx) != operation {
			return next.HandleDeserialize(ctx, in)
		}
		return middleware.DeserializeOutput{}, middleware.Metadata{}, &types.ProvisionedThroughputExceededException{}
	})
	return func(o *dynamodb.Options) {
		o.RetryMaxAttempts = 1
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Deserialize.Add(fault, middleware.Before) })
	}
}

// waiting returns a store with some bookings that wait, and their order.
func waiting(t *testing.T, count int, options ...func(*dynamodb.Options)) (*dynamoview.Store, dynamolocal.DB, []booking.ID) {
	t.Helper()
	db := dynamolocal.New(t, options...)
	store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	var order []booking.ID
	for i := range count {
		id := inShard(i%readmodel.WaitingShards, i)
		order = append(order, id)
		if err := store.Put(t.Context(), readmodeltest.Waiting(id, 4, noon.Add(time.Duration(i)*time.Minute))); err != nil {
			t.Fatal(err)
		}
	}
	return store, db, order
}

func TestAListThatIsThrottledIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"Query", "BatchGetItem"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			store, _, _ := waiting(t, 2, failing(operation))
			var throttled *types.ProvisionedThroughputExceededException
			views, next, err := store.Waiting(t.Context(), readmodel.Place{}, 1)
			if !errors.Is(err, readmodel.ErrUnavailable) || !errors.As(err, &throttled) || views != nil || next != (readmodel.Place{}) {
				t.Errorf("waiting: %v, next %v, error %v; want ErrUnavailable alone", views, next, err)
			}
			views, next, err = store.ByRider(t.Context(), readmodeltest.Rider(), readmodel.Place{}, 1)
			if !errors.Is(err, readmodel.ErrUnavailable) || views != nil || next != (readmodel.Place{}) {
				t.Errorf("by rider: %v, next %v, error %v; want ErrUnavailable alone", views, next, err)
			}
		})
	}
}

// unprocessed answers a BatchGetItem with no more than so many of its items, and
// the keys of the others.
func unprocessed(calls *atomic.Int64, served func(call int64) int) func(*dynamodb.Options) {
	return changed(func(_ *dynamodb.BatchGetItemInput, out *dynamodb.BatchGetItemOutput) {
		n := served(calls.Add(1))
		for table, items := range out.Responses {
			if len(items) <= n {
				continue
			}
			var left types.KeysAndAttributes
			for _, it := range items[n:] {
				left.Keys = append(left.Keys, map[string]types.AttributeValue{"view_id": it["view_id"]})
			}
			out.Responses[table] = items[:n]
			out.UnprocessedKeys = map[string]types.KeysAndAttributes{table: left}
		}
	})
}

func TestABatchThatIsDonePartlyIsGoneOnWith(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	store, _, want := waiting(t, 7, unprocessed(&calls, func(int64) int { return 3 }))
	views, next, err := store.Waiting(t.Context(), readmodel.Place{}, 10)
	if diff := cmp.Diff(want, ids(views)); diff != "" || err != nil || next != (readmodel.Place{}) {
		t.Errorf("next %v, error %v (-want +got):\n%s", next, err, diff)
	}
	if got := calls.Load(); got != 3 {
		t.Errorf("%d calls, want 3 for 7 items in threes", got)
	}
}

func TestABatchThatIsNotDoneAtAllIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		served func(call int64) int
		calls  int64
	}{
		"from the first call on":  {func(int64) int { return 0 }, 1},
		"from the second call on": {func(call int64) int { return int(4 - 4*min(1, call-1)) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			store, _, _ := waiting(t, 6, unprocessed(&calls, test.served))
			views, next, err := store.Waiting(t.Context(), readmodel.Place{}, 10)
			if !errors.Is(err, readmodel.ErrUnavailable) || views != nil || next != (readmodel.Place{}) {
				t.Errorf("%v, next %v, error %v; want ErrUnavailable alone", views, next, err)
			}
			if got := calls.Load(); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
		})
	}
}

// lagging adds a key to the waiting index that the table has no more, as an index
// shows it that lags behind.
func lagging(stale *readmodel.Place) func(*dynamodb.Options) {
	return changed(func(in *dynamodb.QueryInput, out *dynamodb.QueryOutput) {
		shard, place := text("1#"+strconv.Itoa(readmodel.WaitingShard(stale.ID))), text(stale.String())
		after, inside := in.ExpressionAttributeValues[":after"].(*types.AttributeValueMemberS)
		read := inside && after.Value >= stale.String()
		if stale.ID == "" || read || in.ExpressionAttributeValues[":key"].(*types.AttributeValueMemberS).Value != shard.Value {
			return
		}
		key := map[string]types.AttributeValue{"view_id": text("1#" + string(stale.ID)), "waiting_shard": shard, "waiting_at": place}
		out.Items = append([]map[string]types.AttributeValue{key}, out.Items...)
		out.Items = out.Items[:min(len(out.Items), int(*in.Limit))]
	})
}

// An index may show a booking both where it stood and where it stands by now, and
// one that has left the list or whose view is gone. Each is listed once, where its
// view says, or not at all, and the list goes on behind it.
func TestAnIndexThatLags(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		leave func(*dynamoview.Store, dynamolocal.DB, booking.ID) error
		stays bool
	}{
		"moved": {func(*dynamoview.Store, dynamolocal.DB, booking.ID) error { return nil }, true},
		"assigned": {func(store *dynamoview.Store, _ dynamolocal.DB, id booking.ID) error {
			return store.Put(context.Background(), readmodeltest.View(id, 5))
		}, false},
		"gone": {func(_ *dynamoview.Store, db dynamolocal.DB, id booking.ID) error {
			_, err := db.Client.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{
				TableName: aws.String(db.Tables.Views), Key: map[string]types.AttributeValue{"view_id": text("1#" + string(id))},
			})
			return err
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stale readmodel.Place
			store, db, want := waiting(t, 5, lagging(&stale))
			if err := test.leave(store, db, want[4]); err != nil {
				t.Fatal(err)
			}
			stale = readmodel.Place{Time: noon.Add(-time.Minute), ID: want[4]}
			if !test.stays {
				want = want[:4]
			}
			for _, limit := range []int{1, 2, 3, 10} {
				if diff := cmp.Diff(want, slices.Concat(walk(t, store, limit)...)); diff != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
				}
			}
		})
	}
}

// What no build of this service wrote, or one whose form is not known, hides nothing else,
// in whatever portions the list is read: a view that cannot be read comes with its id alone,
// a place that cannot be read is passed over.
func TestABrokenItemHidesNoOther(t *testing.T) {
	t.Parallel()
	broken := inShard(0, 0)
	place := text(readmodel.Place{Time: noon.Add(-time.Minute), ID: broken}.String())
	for name, test := range map[string]struct {
		item   map[string]types.AttributeValue
		keys   func(*dynamodb.QueryInput, *dynamodb.QueryOutput)
		listed bool
	}{
		"a place that is none":    {map[string]types.AttributeValue{"waiting_at": text("1 day ago")}, nil, false},
		"a view that is missing":  {map[string]types.AttributeValue{"waiting_at": place}, nil, true},
		"a view of another type":  {map[string]types.AttributeValue{"waiting_at": place, "view": &types.AttributeValueMemberBOOL{}}, nil, true},
		"a view of another shape": {map[string]types.AttributeValue{"waiting_at": place, "view": text(`{"colour":"red"}`)}, nil, true},
		"a key without its place": {map[string]types.AttributeValue{"waiting_at": place}, func(_ *dynamodb.QueryInput, out *dynamodb.QueryOutput) {
			for _, it := range out.Items {
				if id, _ := it["view_id"].(*types.AttributeValueMemberS); id != nil && id.Value == "1#"+string(broken) {
					delete(it, "waiting_at")
				}
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []func(*dynamodb.Options)
			if test.keys != nil {
				options = append(options, changed(test.keys))
			}
			db := dynamolocal.New(t, options...)
			store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
			var want []booking.ID
			if test.listed {
				want = append(want, broken)
			}
			for i := range 3 {
				id := inShard(0, i+1)
				want = append(want, id)
				if err := store.Put(t.Context(), readmodeltest.Waiting(id, 4, noon.Add(time.Duration(i)*time.Minute))); err != nil {
					t.Fatal(err)
				}
			}
			test.item["view_id"], test.item["waiting_shard"] = text("1#"+string(broken)), text("1#0")
			if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Views), Item: test.item}); err != nil {
				t.Fatal(err)
			}
			for _, limit := range []int{1, 2, 3, 10} {
				if diff := cmp.Diff(want, slices.Concat(walk(t, store, limit)...)); diff != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
				}
			}
			views, _, err := store.Waiting(t.Context(), readmodel.Place{}, 1)
			if err != nil || len(views) != 1 || views[0].Readable() == test.listed {
				t.Errorf("the first is %+v (%v)", views, err)
			}
		})
	}
}

// Nor does it keep the sweeper from those whose deadline has come.
func TestABrokenDeadlineHidesNoOther(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	var want []booking.ID
	shard := readmodel.DeadlineShard(inShard(0, 0))
	for i := 0; len(want) < 4; i++ {
		id := inShard(0, i)
		if readmodel.DeadlineShard(id) != shard {
			continue
		}
		v := readmodeltest.View(id, 1)
		v.Deadline = noon.Add(time.Duration(i) * time.Second)
		if err := store.Put(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	for _, id := range []string{"1#first", "1#second"} {
		item := map[string]types.AttributeValue{"view_id": text(id), "deadline_shard": text("1#" + strconv.Itoa(shard)), "deadline_at": text("2026-11-23")}
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Views), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1, 2, 3, 4, 10} {
		var got []booking.ID
		for after := (readmodel.Place{}); ; {
			places, next, err := store.Overdue(t.Context(), readmodel.OverdueQuery{Shard: shard, By: noon.Add(time.Hour), After: after, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range places {
				got = append(got, at.ID)
			}
			if after = next; next == (readmodel.Place{}) {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}
