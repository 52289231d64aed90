package dynamodeferral_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	deferraltest.Run(t, func(t *testing.T) deferral.Store {
		t.Helper()
		db := dynamolocal.New(t, dynamolocal.Harsh)
		return dynamodeferral.New(db.Client, db.Tables.Control)
	})
}

// Key and attributes are storage format, and those of the index are what makes an
// item show up.
func TestTheItem(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamodeferral.New(db.Client, db.Tables.Control)
	id, at := deferraltest.ID(1), time.Date(2026, 11, 27, 9, 30, 0, 7_000_000, time.UTC)
	wish := deferral.Deferral{
		Booking: id, Operation: payments.Capture, Reason: "outcome_unknown: timeout", Reconcile: true, At: at, First: at.Add(30 * time.Second),
	}
	for range 2 {
		if err := store.Defer(t.Context(), wish); err != nil {
			t.Fatal(err)
		}
	}
	out, err := db.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(db.Tables.Control), Key: key(id)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]types.AttributeValue{
		"control_id": text("work/" + string(id)), "operation": text("capture"), "reason": text("outcome_unknown: timeout"),
		"reconcile": &types.AttributeValueMemberBOOL{Value: true}, "since": text("2026-11-27T09:30:00.007Z"),
		"next_attempt_at": text("2026-11-27T09:30:30.007Z"), "work_shard": text("2"), "attempts": &types.AttributeValueMemberN{Value: "2"},
		"rev": &types.AttributeValueMemberN{},
	}
	got := out.Item
	if rev, ok := got["rev"].(*types.AttributeValueMemberN); !ok || rev.Value == "2" {
		t.Errorf("rev is %v, want one that did not begin at 1", got["rev"])
	}
	got["rev"] = want["rev"]
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberBOOL{})); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func key(id booking.ID) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"control_id": text("work/" + string(id))}
}

// What is in the table and is no item of ours is told apart from none.
func TestAnItemThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	store := dynamodeferral.New(db.Client, db.Tables.Control)
	id, at := deferraltest.ID(1), time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	if err := store.Defer(t.Context(), deferral.Deferral{Booking: id, At: at, First: at}); err != nil {
		t.Fatal(err)
	}
	out, err := db.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(db.Tables.Control), Key: key(id)})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]types.AttributeValue{
		"control_id": text("work/bk_1"), "operation": nil, "reason": &types.AttributeValueMemberN{Value: "1"}, "since": text("yesterday"),
		"attempts": text("2"), "rev": nil,
	} {
		item := maps.Clone(out.Item)
		item[name] = value
		if value == nil {
			delete(item, name)
		}
		if name == "control_id" {
			item["work_shard"] = text("0")
		}
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(db.Tables.Control), Item: item}); err != nil {
			t.Fatal(err)
		}
		shard := deferral.ShardOf(id)
		if name == "control_id" {
			shard = 0
		}
		if items, err := store.Due(t.Context(), shard, at, deferral.Place{}, 10); !errors.Is(err, deferral.ErrUnavailable) {
			t.Errorf("with another %s it is read as %+v (%v)", name, items, err)
		}
	}
}
