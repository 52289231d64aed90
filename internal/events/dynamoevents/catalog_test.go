package dynamoevents_test

import (
	"errors"
	"testing"

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
		db := dynamolocal.New(t)
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
