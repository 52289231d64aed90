package sqsqueue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
)

// lengths answers with attributes of one queue.
type lengths struct {
	attributes map[string]string
	err        error
}

func (l lengths) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	if aws.ToString(in.QueueUrl) != "https://sqs.example/q" || len(in.AttributeNames) != 1 {
		return nil, errors.New("another question")
	}
	return &sqs.GetQueueAttributesOutput{Attributes: l.attributes}, l.err
}

func TestABacklogIsWhatCanBeReceived(t *testing.T) {
	t.Parallel()
	count := func(l lengths) (int, error) {
		return sqsqueue.NewGauge(l, "https://sqs.example/q").Backlog(t.Context())
	}
	if n, err := count(lengths{attributes: map[string]string{"ApproximateNumberOfMessages": "17"}}); n != 17 || err != nil {
		t.Errorf("%d (%v), want 17", n, err)
	}
	for name, l := range map[string]lengths{
		"a failure": {err: errors.New("away")}, "no answer": {}, "no number": {attributes: map[string]string{"ApproximateNumberOfMessages": "many"}},
	} {
		if n, err := count(l); err == nil {
			t.Errorf("%s: %d and no error", name, n)
		}
	}
}
