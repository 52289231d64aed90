package scale_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// budget is the least rate of a rebuild's walk beside one of bare calls.
const budget = 0.8

// TestWalkBesideBareCalls prints what a walk costs beside the least that there is to do:
// a parallel Scan of the log, and one conditional PutItem for each booking, of the same
// items, as many at a time. The two go by turns.
func TestWalkBesideBareCalls(t *testing.T) {
	const turns = 3
	w := newWorld(t)
	w.ride(0, *bookings)
	w.build(pattern)
	items := w.items()
	var ours, bare time.Duration
	for turn := range turns {
		bare = least(bare, w.bareWalk(100+turn, items))
		ours = least(ours, w.build(200+turn))
	}
	ratio := bare.Seconds() / ours.Seconds()
	t.Logf("of %d bookings, the best of %d turns: ours %.0f/s, bare %.0f/s, ratio %.2f (budget %.1f)",
		*bookings, turns, float64(*bookings)/ours.Seconds(), float64(*bookings)/bare.Seconds(), ratio, budget)
	if *judge && ratio < budget {
		t.Errorf("a walk has %.2f of the rate of bare calls; want %.1f", ratio, budget)
	}
}

func least(best, now time.Duration) time.Duration {
	if best == 0 || now < best {
		return now
	}
	return best
}

// build lets workers fill a projection, undisturbed, and returns how long that took.
func (w *world) build(projection int) time.Duration {
	w.Helper()
	run := rebuild.Run{ID: "build-" + strconv.Itoa(projection), Work: rebuild.Build, Projection: projection, Plan: rebuild.Plan{Segments: segments}}
	state, revision, err := rebuild.ReadState(w.Context(), w.control)
	if err != nil {
		w.Fatal(err)
	}
	state.Run = &run
	if err := control.Write(w.Context(), w.control, readmodel.ProjectionDocument, state, revision); err != nil {
		w.Fatal(err)
	}
	began := time.Now()
	each(w.T, segments, func(ctx context.Context, i int) error {
		for {
			done, err := w.worker().Work(ctx, rebuild.Task{V: 1, Run: run.ID, Segment: i}, time.Now().Add(time.Minute))
			if done || err != nil {
				return err
			}
		}
	})
	took := time.Since(began)
	all, err := rebuild.ReadAllProgress(w.Context(), w.control, run)
	if counts, _, over := rebuild.Sum(all); err != nil || over != segments || counts.Streams != int64(*bookings) {
		w.Fatalf("%d of %d segments, %+v (%v)", over, segments, counts, err)
	}
	return took
}

// streams returns all bookings of the log.
func (w *world) streams() map[booking.ID]bool {
	w.Helper()
	all := map[booking.ID]bool{}
	var mu sync.Mutex
	w.scan(func(id booking.ID) error {
		mu.Lock()
		defer mu.Unlock()
		all[id] = true
		return nil
	})
	return all
}

// scan reads the log as barely as possible, all segments side by side, and calls met
// once for each stream, several at a time.
func (w *world) scan(met func(booking.ID) error) {
	w.Helper()
	each(w.T, segments, func(ctx context.Context, segment int) error {
		in := &dynamodb.ScanInput{
			TableName: &w.db.Tables.Events, ConsistentRead: aws.Bool(true), Segment: aws.Int32(int32(segment)), TotalSegments: aws.Int32(segments),
		}
		var last string
		var failed atomic.Pointer[error]
		for {
			out, err := w.db.Client.Scan(ctx, in)
			if err != nil {
				return err
			}
			var group sync.WaitGroup
			slots := make(chan struct{}, parallel)
			for _, item := range out.Items {
				stream, ok := item["stream_id"].(*types.AttributeValueMemberS)
				if !ok || stream.Value == last {
					continue
				}
				last = stream.Value
				slots <- struct{}{}
				group.Go(func() {
					defer func() { <-slots }()
					if err := met(booking.ID(strings.TrimPrefix(stream.Value, "booking/"))); err != nil {
						failed.Store(&err)
					}
				})
			}
			group.Wait()
			if err := failed.Load(); err != nil {
				return *err
			}
			if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
				return nil
			}
		}
	})
}

// bareWalk does the same with nothing around the calls: it puts the items of another
// projection, under the keys of this one.
func (w *world) bareWalk(projection int, items map[booking.ID]item) time.Duration {
	w.Helper()
	began := time.Now()
	w.scan(func(id booking.ID) error {
		moved := item{}
		for name, value := range items[id] {
			if text, ok := value.(*types.AttributeValueMemberS); ok && strings.HasPrefix(text.Value, patternPrefix) {
				value = &types.AttributeValueMemberS{Value: strconv.Itoa(projection) + "#" + strings.TrimPrefix(text.Value, patternPrefix)}
			}
			moved[name] = value
		}
		_, err := w.db.Client.PutItem(w.Context(), &dynamodb.PutItemInput{
			TableName: &w.db.Tables.Views, Item: moved, ConditionExpression: aws.String("attribute_not_exists(version) OR version < :new"),
			ExpressionAttributeValues: item{":new": moved["version"]},
		})
		return err
	})
	return time.Since(began)
}

type item = map[string]types.AttributeValue

// pattern is the projection whose items are put barely.
const (
	pattern       = 50
	patternPrefix = "50#"
)

// items returns the items of the pattern, which are all that there are.
func (w *world) items() map[booking.ID]item {
	w.Helper()
	all := map[booking.ID]item{}
	in := &dynamodb.ScanInput{TableName: &w.db.Tables.Views}
	for {
		out, err := w.db.Client.Scan(w.Context(), in)
		if err != nil {
			w.Fatal(err)
		}
		for _, it := range out.Items {
			if key, ok := it["view_id"].(*types.AttributeValueMemberS); ok {
				all[booking.ID(strings.TrimPrefix(key.Value, patternPrefix))] = it
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
			break
		}
	}
	if len(all) != *bookings {
		w.Fatalf("%d items of %d bookings", len(all), *bookings)
	}
	return all
}
