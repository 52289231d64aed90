package scale_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

const (
	// leastOfAppends is the least rate of our appends beside bare conditional puts of the
	// same items; mostOfRecords the most time that relay and projector take for a record
	// beside the calls alone.
	leastOfAppends = 0.9
	mostOfRecords  = 2.0
)

// TestCallsBesideBareCalls prints what an append costs beside the conditional PutItem
// that it is, and what relay and projector take for a record beside the Query and the
// PutItem that they make. What is compared goes by turns, one call after the other.
func TestCallsBesideBareCalls(t *testing.T) {
	turns := 3
	if *judge {
		turns = 25 // whatever else runs can only add: the best of many is steady
	}
	w := newWorld(t)
	w.ride(0, 1)
	commit := w.sample(w.db.Tables.Events)
	h, err := w.log.Load(t.Context(), bookingID(0).Stream())
	if err != nil {
		t.Fatal(err)
	}
	first := h.Commits()[0]
	draft := events.Draft{
		CommandID: first.CommandID, Request: []byte("{}"), Events: first.Events, Personal: first.Personal, Actor: first.Actor, RecordedAt: first.RecordedAt, Trace: first.Trace,
	}
	var appended, put, follow, call time.Duration
	for turn := range turns {
		from := (turn + 1) * calls()
		appended = least(appended, w.loop(func(i int) error {
			_, err := w.log.Append(w.Context(), events.NewStream(bookingID(from+i).Stream()), draft)
			return err
		}))
		put = least(put, w.loop(func(i int) error {
			return w.putBarely(w.db.Tables.Events, rekeyed(commit, "stream_id", fmt.Sprint("bare/", from+i)))
		}))
	}
	appends := put.Seconds() / appended.Seconds()
	t.Logf("append, the best of %d turns of %d: ours %s, bare %s each, rate %.2f (budget %.1f)", turns, calls(), per(appended), per(put), appends, leastOfAppends)

	p := &readmodel.Projector{Log: w.log, Views: w.in(1)}
	r := &relay.Relay{Projection: hintsTo(func(ctx context.Context, h queue.Hint) error {
		id := bookingID(int(h.Version))
		_, err := p.Project(ctx, id)
		return err
	}), Payments: hintsTo(func(context.Context, queue.Hint) error { return nil })}
	if _, err := p.Project(t.Context(), bookingID(0)); err != nil {
		t.Fatal(err)
	}
	view := w.sample(w.db.Tables.Views)
	for turn := range turns {
		from := (turn + 1) * calls()
		follow = least(follow, w.loop(func(i int) error {
			// The version tells which booking: the hint is handed over at once.
			_, err := r.Forward(w.Context(), []relay.Record{{Stream: bookingID(from + i).Stream(), Last: int64(from + i), EventTypes: []string{"BookingRequested"}}})
			return err
		}))
		call = least(call, w.loop(func(i int) error {
			if err := w.queryBarely(bookingID(from + i).Stream()); err != nil {
				return err
			}
			return w.putBarely(w.db.Tables.Views, rekeyed(view, "view_id", fmt.Sprintf("77#%d", from+i)))
		}))
	}
	records := follow.Seconds() / call.Seconds()
	t.Logf("relay and projector, the same: ours %s, bare %s a record, time %.2f (budget %.1f)", per(follow), per(call), records, mostOfRecords)
	if *judge && (appends < leastOfAppends || records > mostOfRecords) {
		t.Error("over the budget")
	}
}

// loop does something for each of as many bookings as there are, and returns how long it took.
func (w *world) loop(do func(i int) error) time.Duration {
	w.Helper()
	began := time.Now()
	for i := range calls() {
		if err := do(i); err != nil {
			w.Fatal(err)
		}
	}
	return time.Since(began)
}

// calls is how many there are in a turn: more would prove no more.
func calls() int { return min(*bookings, 200) }

func per(d time.Duration) time.Duration {
	return (d / time.Duration(calls())).Round(time.Microsecond)
}

// hintsTo is a queue whose consumer gets each hint at once.
type hintsTo func(context.Context, queue.Hint) error

// Send implements queue.Sender.
func (to hintsTo) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	for i, h := range hints {
		if err := to(ctx, h); err != nil {
			return []int{i}, err
		}
	}
	return nil, nil
}

// sample returns an item of a table: the first commit of a ride, or its view.
func (w *world) sample(table string) item {
	w.Helper()
	in := &dynamodb.ScanInput{TableName: &table}
	if table == w.db.Tables.Events {
		in.FilterExpression, in.ExpressionAttributeNames = aws.String("#v = :one"), map[string]string{"#v": "version"}
		in.ExpressionAttributeValues = item{":one": &types.AttributeValueMemberN{Value: "1"}}
	}
	out, err := w.db.Client.Scan(w.Context(), in)
	if err != nil || len(out.Items) != 1 {
		w.Fatalf("%d items (%v)", len(out.Items), err)
	}
	return out.Items[0]
}

func rekeyed(from item, key, value string) item {
	moved := maps.Clone(from)
	moved[key] = &types.AttributeValueMemberS{Value: value}
	return moved
}

func (w *world) putBarely(table string, it item) error {
	_, err := w.db.Client.PutItem(w.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it, ConditionExpression: aws.String("attribute_not_exists(version)")})
	return err
}

func (w *world) queryBarely(stream events.StreamID) error {
	out, err := w.db.Client.Query(w.Context(), &dynamodb.QueryInput{
		TableName: &w.db.Tables.Events, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("stream_id = :s"),
		ExpressionAttributeValues: item{":s": &types.AttributeValueMemberS{Value: string(stream)}},
	})
	if err == nil && len(out.Items) == 0 {
		err = fmt.Errorf("%s is empty", stream)
	}
	return err
}
