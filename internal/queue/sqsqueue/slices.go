package sqsqueue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/queue"
)

// VisibilityAPI is the part of the SQS client that slices of work need.
type VisibilityAPI interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

// afterDeath is how long after the end of an invocation its message comes again, if it
// did not come to its end: much sooner than the queue's own visibility timeout, which
// must be several times the function's.
const afterDeath = 30 * time.Second

// Slices returns a Lambda handler for an SQS event source that hands over messages
// whose work is longer than an invocation. work does a slice and tells whether all is
// done; if not, the same message comes again at once. Nothing is sent: Lambda ends
// chains of messages that a function sends to the queue it consumes.
func Slices(log *slog.Logger, client VisibilityAPI, work func(ctx context.Context, body []byte) (done bool, err error)) func(context.Context, lambdaevents.SQSEvent) (lambdaevents.SQSEventResponse, error) {
	c := &curtain{client: client, log: log}
	return func(ctx context.Context, e lambdaevents.SQSEvent) (lambdaevents.SQSEventResponse, error) {
		resp := lambdaevents.SQSEventResponse{BatchItemFailures: []lambdaevents.SQSBatchItemFailure{}}
		for _, m := range e.Records {
			if deadline, limited := ctx.Deadline(); limited {
				c.hide(ctx, m, time.Until(deadline)+afterDeath)
			}
			done, err := guardedSlice(ctx, []byte(m.Body), work)
			switch {
			case err != nil:
				log.ErrorContext(ctx, queue.AlarmFailed, "message_id", m.MessageId, "error", err.Error()) //nolint:sloglint // a constant elsewhere
			case done:
				continue
			default:
				c.hide(ctx, m, 0)
			}
			resp.BatchItemFailures = append(resp.BatchItemFailures, lambdaevents.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
		return resp, nil
	}
}

// guardedSlice keeps a panic to the message that it came from.
func guardedSlice(ctx context.Context, body []byte, work func(context.Context, []byte) (bool, error)) (done bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			done, err = false, fmt.Errorf("panic: %v", p)
		}
	}()
	return work(ctx, body)
}

// curtain hides messages.
type curtain struct {
	client VisibilityAPI
	log    *slog.Logger

	mu  sync.Mutex
	url string // of the queue that messages come from, once it is known
}

// hide keeps a message from being received for a while. Where that fails it comes
// again when the queue says: later, and no harm done.
func (c *curtain) hide(ctx context.Context, m lambdaevents.SQSMessage, d time.Duration) {
	url, err := c.urlOf(ctx, m.EventSourceARN)
	if err == nil {
		_, err = c.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: aws.String(url), ReceiptHandle: aws.String(m.ReceiptHandle), VisibilityTimeout: int32(d.Seconds()),
		})
	}
	if err != nil {
		c.log.WarnContext(ctx, "visibility not changed", "message_id", m.MessageId, "error", err.Error())
	}
}

// urlOf asks for the address of the queue that an event source is. A setting would do,
// and would be an address to send to.
func (c *curtain) urlOf(ctx context.Context, arn string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.url != "" {
		return c.url, nil
	}
	out, err := c.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(arn[strings.LastIndex(arn, ":")+1:])})
	if err != nil {
		return "", err
	}
	c.url = aws.ToString(out.QueueUrl)
	return c.url, nil
}
