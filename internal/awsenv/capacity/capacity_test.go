package capacity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// Every operation that the service uses says what it consumed.
func TestEveryOperationIsMetered(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t, capacity.Metered)
	table := aws.String(db.Tables.Control)
	item := map[string]types.AttributeValue{"control_id": &types.AttributeValueMemberS{Value: "meter"}}
	for name, test := range map[string]struct {
		call          func(context.Context) error
		reads, writes bool
	}{
		"PutItem": {writes: true, call: func(ctx context.Context) error {
			_, err := db.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item})
			return err
		}},
		"UpdateItem": {writes: true, call: func(ctx context.Context) error {
			_, err := db.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: item})
			return err
		}},
		"DeleteItem": {writes: true, call: func(ctx context.Context) error {
			_, err := db.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: item})
			return err
		}},
		"TransactWriteItems": {writes: true, call: func(ctx context.Context) error {
			_, err := db.Client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
				TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: table, Item: item}}},
			})
			return err
		}},
		"GetItem": {reads: true, call: func(ctx context.Context) error {
			_, err := db.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: item})
			return err
		}},
		"BatchGetItem": {reads: true, call: func(ctx context.Context) error {
			_, err := db.Client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*table: {Keys: []map[string]types.AttributeValue{item}}}})
			return err
		}},
		"Query": {reads: true, call: func(ctx context.Context) error {
			_, err := db.Client.Query(ctx, &dynamodb.QueryInput{
				TableName: table, KeyConditionExpression: aws.String("control_id = :id"),
				ExpressionAttributeValues: map[string]types.AttributeValue{":id": item["control_id"]},
			})
			return err
		}},
		"Scan": {reads: true, call: func(ctx context.Context) error {
			_, err := db.Client.Scan(ctx, &dynamodb.ScanInput{TableName: table})
			return err
		}},
		"one that fails": {call: func(ctx context.Context) error {
			if _, err := db.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("no-such-table"), Key: item}); err == nil {
				t.Error("there is such a table")
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: item}); err != nil {
				t.Fatal(err)
			}
			line := invoke(t, test.call)
			if _, ok := line[string(telemetry.ReadUnits)].(float64); ok != test.reads {
				t.Errorf("read units: %v", line)
			}
			if _, ok := line[string(telemetry.WriteUnits)].(float64); ok != test.writes {
				t.Errorf("write units: %v", line)
			}
		})
	}
}

// invoke makes a call in an invocation, and returns the invocation's line.
func invoke(t *testing.T, call func(context.Context) error) map[string]any {
	t.Helper()
	var out bytes.Buffer
	f := telemetry.New(telemetry.Config{Stack: "hail", Name: "meter", Out: &out, Now: time.Now})
	if _, err := f.Handler(call).Invoke(t.Context(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", &out, err)
	}
	return line
}
