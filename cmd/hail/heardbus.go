package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// heardBus is an event bus with a rule that puts what comes from any Hailstone on a queue.
type heardBus struct {
	arn    string
	queues *sqs.Client
	url    string
}

// hearBus makes a bus on an emulator, which asks for no policy of the queue.
func hearBus(ctx context.Context, config aws.Config) (heardBus, error) {
	const name = "company"
	b := heardBus{queues: sqs.NewFromConfig(config)}
	queue, err := b.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name)})
	if err != nil {
		return b, fmt.Errorf("create the bus's queue: %w", err)
	}
	b.url = aws.ToString(queue.QueueUrl)
	const arnOf = sqstypes.QueueAttributeNameQueueArn
	attributes, err := b.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &b.url, AttributeNames: []sqstypes.QueueAttributeName{arnOf}})
	if err != nil {
		return b, fmt.Errorf("look at the bus's queue: %w", err)
	}
	client := eventbridge.NewFromConfig(config)
	bus, err := client.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String(name)})
	if err != nil {
		return b, fmt.Errorf("create the bus: %w", err)
	}
	b.arn = aws.ToString(bus.EventBusArn)
	if _, err := client.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: aws.String(name), EventBusName: aws.String(name), EventPattern: aws.String(`{"source": [{"prefix": "hailstone."}]}`),
	}); err != nil {
		return b, fmt.Errorf("create the rule of the bus: %w", err)
	}
	if _, err := client.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: aws.String(name), EventBusName: aws.String(name),
		Targets: []types.Target{{Id: aws.String(name), Arn: aws.String(attributes.Attributes[string(arnOf)])}},
	}); err != nil {
		return b, fmt.Errorf("direct the rule of the bus to its queue: %w", err)
	}
	return b, nil
}

// receive adds what came since the last time, as "source type detail".
func (b heardBus) receive(ctx context.Context, heard map[string]bool) error {
	for {
		out, err := b.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &b.url, MaxNumberOfMessages: 10})
		if err != nil || len(out.Messages) == 0 {
			return err
		}
		for _, message := range out.Messages {
			var event struct {
				Source     string          `json:"source"`
				DetailType string          `json:"detail-type"`
				Detail     json.RawMessage `json:"detail"`
			}
			if err := json.Unmarshal([]byte(aws.ToString(message.Body)), &event); err != nil {
				return fmt.Errorf("read an event: %w", err)
			}
			var fields map[string]any // in the order of their names
			decoder := json.NewDecoder(bytes.NewReader(event.Detail))
			decoder.UseNumber()
			if err := decoder.Decode(&fields); err != nil {
				return fmt.Errorf("read an event: %w", err)
			}
			detail, err := json.Marshal(fields)
			if err != nil {
				return err
			}
			heard[fmt.Sprintf("%s %s %s", event.Source, event.DetailType, detail)] = true
			if _, err := b.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &b.url, ReceiptHandle: message.ReceiptHandle}); err != nil {
				return fmt.Errorf("delete an event: %w", err)
			}
		}
	}
}
