package dynamoevents_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func newCatalog(db dynamolocal.DB) *dynamoevents.Catalog {
	return dynamoevents.NewCatalog(db.Client, dynamoevents.Tables{Events: db.Tables.Events, Leases: db.Tables.Control})
}

func TestCatalogKeepsTheContract(t *testing.T) {
	t.Parallel()
	eventstest.RunCatalog(t, func(t *testing.T) (events.Store, events.Catalog) {
		t.Helper()
		db := dynamolocal.New(t, dynamolocal.Harsh)
		return newStore(db), newCatalog(db)
	})
}

// One commit that cannot be read must not hide the others, nor itself.
func TestAWalkPassesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	good := events.StreamID("test/good")
	if _, err := newStore(db).Append(t.Context(), events.NewStream(good), eventstest.Draft("c")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Events), Item: map[string]types.AttributeValue{
		"stream_id": &types.AttributeValueMemberS{Value: "test/bad"}, "version": &types.AttributeValueMemberN{Value: "3"},
	}}); err != nil {
		t.Fatal(err)
	}
	commits, _, err := newCatalog(db).Walk(t.Context(), events.WalkQuery{Segments: 1})
	if err != nil || len(commits) != 2 {
		t.Fatalf("%d commits, %v; want both", len(commits), err)
	}
	for _, c := range commits {
		if c.Stream == good && len(c.Events) != 1 || c.Stream == "test/bad" && (c.Version != 3 || c.Events != nil) {
			t.Errorf("walked %+v", c)
		}
	}
}

// Items of others in the index of first commits hide no commit, wherever a page ends.
func TestTheFirstCommitsPassWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	var shard int
	for i := range 3 {
		d := eventstest.Draft("c")
		d.RecordedAt = at.Add(time.Duration(i) * time.Second)
		id := events.StreamID("test/good")
		shard = events.FirstShard(id)
		for n := 0; i > 0 && (events.FirstShard(id) != shard || n <= i*100); n++ {
			id = events.StreamID(fmt.Sprint("test/good-", i, "-", n))
		}
		if _, err := newStore(db).Append(t.Context(), events.NewStream(id), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, recorded := range []string{"2026-11-23T09:30:00", "2026-11-23T09:30:01", "2026-11-23T09:30:01.x", "9999"} {
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Events), Item: map[string]types.AttributeValue{
			"stream_id": text("test/bad " + recorded), "version": &types.AttributeValueMemberN{Value: "1"}, "recorded_at": text(recorded),
			"first_bucket": text(fmt.Sprintf("2026-11-23T09#%d", shard)),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1, 2, 3, 4, 10} {
		found := 0
		for after := (events.First{}); ; {
			firsts, next, err := newCatalog(db).Firsts(t.Context(), events.FirstsQuery{Shard: shard, From: at.Truncate(time.Hour), After: after, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			found += len(firsts)
			if after = next; next == (events.First{}) {
				break
			}
		}
		if found != 3 {
			t.Errorf("in pages of %d, %d of 3 commits were found", limit, found)
		}
	}
}

func TestACatalogThatCannotBeReadIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"Scan", "Query", "BatchGetItem"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			fault, _ := loseResponses(operation, 1000, false)
			catalog := newCatalog(dynamolocal.New(t, fault, func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 }))
			var errs []error
			switch operation {
			case "Scan":
				_, _, walk := catalog.Walk(t.Context(), events.WalkQuery{Segments: 1})
				_, _, leases := catalog.Leases(t.Context(), "")
				errs = []error{walk, leases}
			case "Query":
				_, _, firsts := catalog.Firsts(t.Context(), events.FirstsQuery{Limit: 1})
				errs = []error{firsts}
			default:
				_, exist := catalog.Exist(t.Context(), []events.StreamID{"test/a"})
				errs = []error{exist}
			}
			for _, err := range errs {
				if !errors.Is(err, events.ErrUnavailable) {
					t.Errorf("%v, want ErrUnavailable", err)
				}
			}
		})
	}
}

// idle is a DynamoDB that answers a batch, and has not processed any of it.
type idle struct {
	dynamoevents.CatalogAPI
	calls int
}

func (i *idle) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	const endless = 100
	if i.calls++; i.calls > endless {
		return nil, errors.New("it is asked without end")
	}
	return &dynamodb.BatchGetItemOutput{UnprocessedKeys: in.RequestItems}, nil
}

// Throttled altogether: the caller waits better than a loop does, and knows nothing of any stream.
func TestABatchOfWhichNothingIsProcessedIsUnavailable(t *testing.T) {
	t.Parallel()
	api := &idle{}
	found, err := dynamoevents.NewCatalog(api, dynamoevents.Tables{Events: "events"}).Exist(t.Context(), []events.StreamID{"test/a", "test/b"})
	if !errors.Is(err, events.ErrUnavailable) || found != nil || api.calls != 1 {
		t.Errorf("%v, %v after %d calls; want ErrUnavailable after one", found, err, api.calls)
	}
}

// The table of leases holds documents and work, too.
func TestOnlyLeasesAreListed(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t, dynamolocal.Harsh)
	draft := eventstest.Draft("take")
	draft.Lease = events.Lease{Name: "driver/d-1", Change: events.LeaseTaken}
	if _, err := newStore(db).Append(t.Context(), events.NewStream("test/holder"), draft); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"projection", "work/bk_1", "breaker/payments", "sweeper/firsts"} {
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Control), Item: map[string]types.AttributeValue{
			"control_id": &types.AttributeValueMemberS{Value: name}, "body": &types.AttributeValueMemberS{Value: "{}"},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	var all []events.HeldLease
	for after, page := "", 0; page == 0 || after != ""; page++ {
		held, next, err := newCatalog(db).Leases(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		all, after = append(all, held...), next
	}
	if len(all) != 1 || all[0] != (events.HeldLease{Name: "driver/d-1", Holder: "test/holder"}) {
		t.Errorf("leases: %v, want the one", all)
	}
}
