package dynamobreaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	fleettest.Run(t, func(t *testing.T) fleet.Store {
		t.Helper()
		db := dynamolocal.New(t)
		return dynamobreaker.New(db.Client, db.Tables.Control, "payments")
	})
}

// An operator sees what there is, and orders are given by it; a call may be guarded by what
// was there a moment ago, at half the price.
func TestAnOperatorReadsWhatIsStored(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t, dynamolocal.Stale)
	store := dynamobreaker.New(db.Client, db.Tables.Control, "payments")
	order := fleet.Order{Number: 1, Mode: "FORCED_OPEN", By: "ops", Why: "a test", At: time.UnixMilli(1).UTC(), FoundMode: "AUTO"}
	if done, err := store.Give(t.Context(), fleet.Change{To: fleet.Stage{Version: 1}}, order); err != nil || !done {
		t.Fatalf("give: %v, %v", done, err)
	}
	if r, err := store.Read(t.Context(), true); err != nil || r.Version != 1 || r.Orders != 1 {
		t.Errorf("read: %+v, %v; want version 1", r, err)
	}
	if o, err := store.Given(t.Context(), 1); err != nil || o.By != "ops" {
		t.Errorf("given: %+v, %v", o, err)
	}
	if r, err := store.Read(t.Context(), false); err != nil || r.Version != 0 {
		t.Errorf("read for a call: %+v, %v; want a read that may be stale", r, err)
	}
}

// A report or a change that meets an operator's order is refused, and what it then reads is
// the newest.
func TestAWriteThatMeetsAnOrderIsRefused(t *testing.T) {
	t.Parallel()
	refusals := &dynamolocal.Refusals{}
	db := dynamolocal.New(t, dynamolocal.Stale, refusals.Option)
	store := dynamobreaker.New(db.Client, db.Tables.Control, "payments")
	if _, done, err := store.Change(t.Context(), fleet.Change{To: fleet.Stage{Version: 1}}); err != nil || !done {
		t.Fatalf("change: %v, %v", done, err)
	}
	refusals.TransactionConflict(2)
	if r, done, err := store.Report(t.Context(), fleet.Report{Version: 1, Counts: []fleet.Count{{Version: 1, Epoch: 7, Failing: 3}}}); err != nil || done || r.Version != 1 || r.Counts != nil {
		t.Errorf("report: %+v, done %v, %v; want the record as it is, and nothing done", r, done, err)
	}
	if r, done, err := store.Change(t.Context(), fleet.Change{From: 1, To: fleet.Stage{Version: 2}}); err != nil || done || r.Version != 1 {
		t.Errorf("change: %+v, done %v, %v; want the record as it is, and nothing done", r, done, err)
	}
	for _, reasons := range [][]string{{"TransactionConflict", "None"}, {"ConditionalCheckFailed", "None"}, {"None", "ConditionalCheckFailed"}} {
		refusals.Cancel(1, reasons...)
		if done, err := store.Give(t.Context(), fleet.Change{From: 1, To: fleet.Stage{Version: 2}}, fleet.Order{Number: 1}); err != nil || done {
			t.Errorf("give after %v: %v, %v; want that it lost a race", reasons, done, err)
		}
	}
	refusals.Cancel(1, "ThrottlingError", "None")
	if done, err := store.Give(t.Context(), fleet.Change{From: 1, To: fleet.Stage{Version: 2}}, fleet.Order{Number: 1}); err == nil || done {
		t.Errorf("give while throttled: %v, %v; want an error, not a lost race", done, err)
	}
}

// holding is a table that holds one item, whatever is asked.
type holding struct {
	dynamobreaker.Client
	item map[string]types.AttributeValue
}

func (h holding) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{Item: h.item}, nil
}

// What somebody put there by hand is no state: the environments go on alone.
func TestAnItemThatDoesNotFitIsAnError(t *testing.T) {
	t.Parallel()
	word := &types.AttributeValueMemberS{Value: "word"}
	for _, name := range []string{"version", "state", "until", "mode", "orders", "probe_until", "healthy_0_100", "failing_0_100"} {
		store := dynamobreaker.New(holding{item: map[string]types.AttributeValue{name: word}}, "table", "payments")
		if r, err := store.Read(t.Context(), false); err == nil {
			t.Errorf("%s: %+v, want an error", name, r)
		}
	}
	number := &types.AttributeValueMemberN{Value: "1"}
	for _, name := range []string{"state", "mode", "probe_owner"} {
		store := dynamobreaker.New(holding{item: map[string]types.AttributeValue{name: number}}, "table", "payments")
		if r, err := store.Read(t.Context(), false); err == nil {
			t.Errorf("%s: %+v, want an error", name, r)
		}
	}
	strange := map[string]types.AttributeValue{"healthy": number, "healthy_x_1": number, "failing_1_y": number, "note": word}
	if r, err := dynamobreaker.New(holding{item: strange}, "table", "payments").Read(t.Context(), false); err != nil || len(r.Counts) != 0 {
		t.Errorf("%+v, %v; want what is none of ours left alone", r, err)
	}
}
