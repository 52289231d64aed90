// Package capacity counts what calls to DynamoDB consume. AWS counts it for each
// table; this tells which function it is.
package capacity

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// Metered makes a client ask for the capacity of each call, and the invocation's
// metrics tell it. The answer grows by less than 100 bytes.
func Metered(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("capacity", meter), middleware.Before)
	})
}

func meter(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	Ask(in.Parameters)
	out, metadata, err := next.HandleInitialize(ctx, in)
	reads, writes := consumed(out.Result)
	if reads > 0 {
		telemetry.Add(ctx, telemetry.ReadUnits, reads)
	}
	if writes > 0 {
		telemetry.Add(ctx, telemetry.WriteUnits, writes)
	}
	return out, metadata, err
}

// Ask sets the wish for the capacity on the input of any operation that this service
// uses.
func Ask(parameters any) {
	const total = types.ReturnConsumedCapacityTotal
	switch p := parameters.(type) {
	case *dynamodb.GetItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.BatchGetItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.ScanInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.DeleteItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		p.ReturnConsumedCapacity = total
	}
}

func consumed(result any) (reads, writes float64) {
	switch r := result.(type) {
	case *dynamodb.GetItemOutput:
		reads = units(r.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		reads = all(r.ConsumedCapacity)
	case *dynamodb.QueryOutput:
		reads = units(r.ConsumedCapacity)
	case *dynamodb.ScanOutput:
		reads = units(r.ConsumedCapacity)
	case *dynamodb.PutItemOutput:
		writes = units(r.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		writes = units(r.ConsumedCapacity)
	case *dynamodb.DeleteItemOutput:
		writes = units(r.ConsumedCapacity)
	case *dynamodb.TransactWriteItemsOutput:
		writes = all(r.ConsumedCapacity)
	}
	return reads, writes
}

func units(c *types.ConsumedCapacity) float64 {
	if c == nil || c.CapacityUnits == nil {
		return 0 // of a call that failed
	}
	return *c.CapacityUnits
}

func all(cs []types.ConsumedCapacity) float64 {
	sum := 0.0
	for i := range cs {
		sum += units(&cs[i])
	}
	return sum
}
