package dynamoevents_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// badLine loses attempts of writes, half of them before and half after they had
// their effect. The SDK repeats what it loses, at once, until it gives up: then
// nobody knows the outcome.
func badLine(rate float64, seed uint64) func(*dynamodb.Options) {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	fault := middleware.DeserializeMiddlewareFunc("bad-line", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		operation := middleware.GetOperationName(ctx)
		mu.Lock()
		n := random.Float64()
		mu.Unlock()
		if n >= rate || operation != "PutItem" && operation != "TransactWriteItems" {
			return next.HandleDeserialize(ctx, in)
		}
		if n < rate/2 {
			_, _, _ = next.HandleDeserialize(ctx, in) // whatever it answers is what gets lost
		}
		return middleware.DeserializeOutput{}, middleware.Metadata{}, lost{errors.New("connection reset")}
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Deserialize.Add(fault, middleware.Before) })
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.RateLimiter = unlimited{}
		})
	}
}

// unlimited never tells the SDK to stop repeating.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

func TestTheStoreIsLinearizable(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t, badLine(0.3, 1))
	store := newStore(db)
	eventstest.Linearizable(t, 3, func(uint64, int) events.Store { return store })
}

// forgetsConditions takes the condition off the given writes of a transaction, or
// off every PutItem.
func forgetsConditions(write int) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(middleware.InitializeMiddlewareFunc("forget", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				switch p := in.Parameters.(type) {
				case *dynamodb.PutItemInput:
					if write == commitWrite {
						p.ConditionExpression = nil
					}
				case *dynamodb.TransactWriteItemsInput:
					if put := p.TransactItems[write].Put; put != nil {
						put.ConditionExpression, put.ExpressionAttributeValues = nil, nil
					}
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
		})
	}
}

// The places of the writes in a transaction.
const (
	commitWrite = iota
	leaseWrite
)

// Without its conditions the store is broken, and the same check finds that.
func TestTheConditionsAreNeeded(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]int{"of the commit": commitWrite, "of the lease": leaseWrite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(dynamolocal.New(t, forgetsConditions(write)))
			eventstest.FindsFault(t, func(uint64, int) events.Store { return store })
		})
	}
}
