package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/paysim"
)

// ledger returns a reader of the payment simulator's ledger.
func ledger(simulator string) func(context.Context, string) ([]smoke.Payment, error) {
	return func(ctx context.Context, bookingID string) ([]smoke.Payment, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, simulator+"/_control/ledger", nil)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		defer func() { _ = response.Body.Close() }()
		var all paysim.Ledger
		if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		var found []smoke.Payment
		for _, p := range all.Payments {
			if p.BookingID == bookingID {
				found = append(found, smoke.Payment{
					Ref: p.Ref, Authorized: p.Authorized, Captured: p.Captured, Currency: p.Currency, OpenHold: p.OpenHold,
				})
			}
		}
		return found, nil
	}
}

// view returns a reader of the views' table. It scans: a stack that is checked has
// few bookings, and their key begins with the projection's version.
func view(cloud localstack.Cloud, stack string) func(context.Context, string) (int64, error) {
	return func(ctx context.Context, bookingID string) (int64, error) {
		outputs, err := cloud.Outputs(ctx, stack)
		if err != nil {
			return 0, err
		}
		pages := dynamodb.NewScanPaginator(cloud.Tables, &dynamodb.ScanInput{
			TableName: aws.String(outputs["ViewsTableName"]), ConsistentRead: aws.Bool(true),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return 0, fmt.Errorf("read views: %w", err)
			}
			for _, item := range page.Items {
				id, _ := item["view_id"].(*dynamotypes.AttributeValueMemberS)
				if id != nil && strings.HasSuffix(id.Value, "#"+bookingID) {
					return viewVersion(item)
				}
			}
		}
		return 0, nil
	}
}

func viewVersion(item map[string]dynamotypes.AttributeValue) (int64, error) {
	version, ok := item["version"].(*dynamotypes.AttributeValueMemberN)
	if !ok {
		return 0, errors.New("read view: it has no version")
	}
	return strconv.ParseInt(version.Value, 10, 64)
}

// deadLetters returns a counter of the messages in the stack's dead-letter queues.
func deadLetters(cloud localstack.Cloud, stack string) func(context.Context) (map[string]int, error) {
	return func(ctx context.Context) (map[string]int, error) {
		outputs, err := cloud.Outputs(ctx, stack)
		if err != nil {
			return nil, err
		}
		counts := make(map[string]int)
		for name, url := range outputs {
			if !strings.HasSuffix(name, "DeadLetterQueueUrl") {
				continue
			}
			attribute := sqstypes.QueueAttributeNameApproximateNumberOfMessages
			out, err := cloud.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
				QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{attribute},
			})
			if err != nil {
				return nil, fmt.Errorf("count messages of %s: %w", name, err)
			}
			if counts[name], err = strconv.Atoi(out.Attributes[string(attribute)]); err != nil {
				return nil, fmt.Errorf("count messages of %s: %w", name, err)
			}
		}
		return counts, nil
	}
}
