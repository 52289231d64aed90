package system_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
)

// meter adds up what DynamoDB says that calls consume.
type meter struct {
	mu       sync.Mutex
	consumed consumption
	calls    []string
}

// consumption is in write and read units.
type consumption struct{ writes, reads float64 }

func (c consumption) plus(d consumption) consumption {
	return consumption{c.writes + d.writes, c.reads + d.reads}
}

// take returns what was consumed since the last call of take, and by which calls.
func (m *meter) take() (consumption, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	consumed, calls := m.consumed, m.calls
	m.consumed, m.calls = consumption{}, nil
	var parts []string
	for i, call := range calls {
		if i == slices.Index(calls, call) {
			n := 0
			for _, c := range calls {
				if c == call {
					n++
				}
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, call))
		}
	}
	return consumed, strings.Join(parts, ", ")
}

// option makes a client ask for the capacity of each call, and this meter add it
// up.
func (m *meter) option(t *testing.T) func(*dynamodb.Options) {
	t.Helper()
	measured := middleware.InitializeMiddlewareFunc("meter", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		capacity.Ask(in.Parameters)
		out, md, err := next.HandleInitialize(ctx, in)
		if err != nil {
			t.Errorf("%T: %v", in.Parameters, err) // what fails is not metered
			return out, md, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		switch r := out.Result.(type) {
		case *dynamodb.PutItemOutput:
			m.add("PutItem", consumption{writes: aws.ToFloat64(r.ConsumedCapacity.CapacityUnits)})
		case *dynamodb.UpdateItemOutput:
			m.add("UpdateItem", consumption{writes: aws.ToFloat64(r.ConsumedCapacity.CapacityUnits)})
		case *dynamodb.DeleteItemOutput:
			m.add("DeleteItem", consumption{writes: aws.ToFloat64(r.ConsumedCapacity.CapacityUnits)})
		case *dynamodb.GetItemOutput:
			m.add("GetItem", consumption{reads: aws.ToFloat64(r.ConsumedCapacity.CapacityUnits)})
		case *dynamodb.QueryOutput:
			// A query that finds nothing costs the least there is to pay, half a unit or,
			// strongly consistent, a whole one. DynamoDB Local says that it is free.
			least := 0.5
			if aws.ToBool(in.Parameters.(*dynamodb.QueryInput).ConsistentRead) {
				least = 1
			}
			m.add("Query", consumption{reads: max(least, aws.ToFloat64(r.ConsumedCapacity.CapacityUnits))})
		case *dynamodb.BatchGetItemOutput:
			for _, c := range r.ConsumedCapacity {
				m.add("BatchGetItem", consumption{reads: aws.ToFloat64(c.CapacityUnits)})
			}
		case *dynamodb.TransactWriteItemsOutput:
			m.add("TransactWriteItems", consumption{writes: transactionUnits(in.Parameters.(*dynamodb.TransactWriteItemsInput))})
		default:
			t.Errorf("%T is not metered", r)
		}
		return out, md, err
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Initialize.Add(measured, middleware.Before) })
	}
}

func (m *meter) add(call string, c consumption) {
	m.consumed, m.calls = m.consumed.plus(c), append(m.calls, call)
}

// transactionUnits is what AWS says that a transaction costs: two write units for
// each kilobyte, or part of one, of each item. DynamoDB Local reports a flat
// number whatever is in it, so that it cannot be asked. A lease is far below a
// kilobyte, also one that is deleted.
func transactionUnits(in *dynamodb.TransactWriteItemsInput) float64 {
	units := 0
	for _, w := range in.TransactItems {
		size := 0
		if w.Put != nil {
			size = mapSize(w.Put.Item)
		}
		units += 2 * max(1, (size+1023)/1024)
	}
	return float64(units)
}

// mapSize is the size of an item by AWS's rule: its names and values in UTF-8, three
// bytes for each list or map, one more for each of its elements.
func mapSize(m map[string]types.AttributeValue) int {
	size := 0
	for name, v := range m {
		size += len(name) + valueSize(v)
	}
	return size
}

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return len(v.Value)/2 + 2
	case *types.AttributeValueMemberL:
		size := 3
		for _, e := range v.Value {
			size += 1 + valueSize(e)
		}
		return size
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + mapSize(v.Value)
	default:
		return 1
	}
}
