package deadletters

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Queue is a dead-letter queue and where its messages came from, by their URLs. Source is
// empty where nothing can be sent back.
type Queue struct {
	Name   string
	Source string
	Dead   string
}

// API is the part of the SQS client that a desk needs.
type API interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Desk is where an operator works on dead-letter queues.
type Desk struct {
	SQS API
	// Exists tells whether there is such a booking.
	Exists func(context.Context, booking.ID) (bool, error)
}

const (
	// hold is how long a message that was looked at stays out of sight at most, should
	// nobody get to put it back.
	hold = 300 // seconds
	// patience is how long an empty answer has to be waited for. A long poll asks all
	// servers of the queue, a short one only some.
	patience = 2 // seconds
	// repeats in a row tell that a queue was seen as a whole.
	repeats = 3
	batch   = 10
)

// Count returns about how many messages a dead-letter queue has, held ones included.
func (d Desk) Count(ctx context.Context, q Queue) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}
	out, err := d.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.Dead, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("count the dead letters of %s: %w", q.Name, err)
	}
	sum := 0
	for _, name := range names {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("count the dead letters of %s: %w", q.Name, err)
		}
		sum += n
	}
	return sum, nil
}

// Walk shows every letter of a queue that the filter chooses to visit, once. A letter
// is out of others' sight meanwhile, and put back at the end unless visit says that it
// took it away. An error of visit ends the walk.
func (d Desk) Walk(ctx context.Context, q Queue, f Filter, visit func(Letter) (taken bool, err error)) (err error) {
	held := map[string]Letter{}
	seen := map[string]bool{}
	defer func() { err = errors.Join(err, d.release(context.WithoutCancel(ctx), q, held)) }()
	for nothingNew := 0; nothingNew < repeats; {
		messages, err := d.receive(ctx, q)
		if err != nil || len(messages) == 0 {
			return err
		}
		nothingNew++
		for _, m := range messages { // all of them go back, wherever the walk ends
			l := Letter{ID: aws.ToString(m.MessageId), receipt: aws.ToString(m.ReceiptHandle)}
			held[l.ID] = l
		}
		for _, m := range messages {
			l, err := d.read(ctx, q, m)
			held[l.ID] = l
			if err != nil {
				return fmt.Errorf("judge dead letter %s: %w", l.ID, err)
			}
			if seen[l.ID] {
				continue
			}
			seen[l.ID], nothingNew = true, 0
			if !f.Matches(l) {
				continue
			}
			taken, err := visit(l)
			if taken {
				delete(held, l.ID)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d Desk) receive(ctx context.Context, q Queue) ([]types.Message, error) {
	out, err := d.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.Dead, MaxNumberOfMessages: batch, VisibilityTimeout: hold, WaitTimeSeconds: patience,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, fmt.Errorf("receive dead letters of %s: %w", q.Name, err)
	}
	return out.Messages, nil
}

// release puts letters back into sight; one whose hold has ended is there already.
func (d Desk) release(ctx context.Context, q Queue, letters map[string]Letter) error {
	for _, l := range letters {
		_, err := d.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.Dead, ReceiptHandle: &l.receipt})
		var ended *types.MessageNotInflight
		if err != nil && !errors.As(err, &ended) {
			return fmt.Errorf("put dead letters of %s back (they are in sight again after %d s): %w", q.Name, hold, err)
		}
	}
	return nil
}

// ErrNoWayBack is a letter that did not come from a queue.
var ErrNoWayBack = errors.New("it is a record of the log's stream, which no queue takes: purge it when you are done with it")

// Redrive sends a letter to where it came from, and deletes it. It returns ErrNoWayBack
// where there is no such queue.
func (d Desk) Redrive(ctx context.Context, q Queue, l Letter) error {
	if q.Source == "" {
		return fmt.Errorf("redrive %s of %s: %w", l.ID, q.Name, ErrNoWayBack)
	}
	if _, err := d.SQS.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.Source, MessageBody: aws.String(l.Body)}); err != nil {
		return fmt.Errorf("redrive %s: %w", l.ID, err)
	}
	return d.Purge(ctx, q, l)
}

// Purge deletes a letter.
func (d Desk) Purge(ctx context.Context, q Queue, l Letter) error {
	if _, err := d.SQS.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.Dead, ReceiptHandle: &l.receipt}); err != nil {
		return fmt.Errorf("delete %s: %w", l.ID, err)
	}
	return nil
}
