package dynamobreaker_test

import (
	"context"
	"testing"

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
