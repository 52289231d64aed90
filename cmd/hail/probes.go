package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/paysim"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
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

// refundByHand and cancelByHand return a hand at the payment simulator, which does what its own pages would.
func refundByHand(simulator, key string) func(context.Context, string, int64) error {
	return func(ctx context.Context, ref string, amount int64) error {
		return byHand(ctx, simulator+"/v1/refunds", key, url.Values{"payment_intent": {ref}, "amount": {strconv.FormatInt(amount, 10)}})
	}
}

func cancelByHand(simulator, key string) func(context.Context, string) error {
	return func(ctx context.Context, ref string) error {
		return byHand(ctx, simulator+"/v1/payment_intents/"+url.PathEscape(ref)+"/cancel", key, url.Values{})
	}
}

func byHand(ctx context.Context, url, key string, form url.Values) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("by hand: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("by hand: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("by hand: the simulator answers %s", response.Status)
	}
	return nil
}

// view returns a reader of the views, as the booking function reads them.
func (s stack) view() (func(context.Context, string) (int64, error), error) {
	table, err := s.output("ViewsTableName")
	if err != nil {
		return nil, err
	}
	control, err := s.output("ControlTableName")
	if err != nil {
		return nil, err
	}
	db := dynamodb.NewFromConfig(s.config)
	views := &readmodel.Live{
		Pointer: &readmodel.Pointer{Control: dynamocontrol.New(db, control), Now: time.Now},
		In:      func(projection int) readmodel.Ledger { return dynamoview.New(db, table, projection) },
	}
	return func(ctx context.Context, bookingID string) (int64, error) {
		v, _, err := views.Get(ctx, booking.ID(bookingID))
		return v.Version, err
	}, nil
}

// deadLetters counts the messages in the stack's dead-letter queues.
func (s stack) deadLetters(ctx context.Context) (map[string]int, error) {
	queues := sqs.NewFromConfig(s.config)
	counts := make(map[string]int)
	for name, url := range s.outputs {
		if !strings.HasSuffix(name, "DeadLetterQueueUrl") {
			continue
		}
		n, err := countMessages(ctx, queues, url, sqstypes.QueueAttributeNameApproximateNumberOfMessages)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		counts[name] = n
	}
	return counts, nil
}

// countMessages adds up the messages that a queue counts under the given names.
func countMessages(ctx context.Context, queues *sqs.Client, url string, names ...sqstypes.QueueAttributeName) (n int, err error) {
	out, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	for _, name := range names {
		count, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("count messages: %w", err)
		}
		n += count
	}
	return n, nil
}
