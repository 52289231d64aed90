package status

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// SQS is the part of the client that counts messages.
type SQS interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Queue is a queue and its dead-letter queue, by their URLs.
type Queue struct{ Name, URL, Dead string }

// Depth is how many messages a queue has, about.
type Depth struct {
	Name string `json:"name"`
	// Waiting may be received now, InFlight are at a function, Delayed wait for their time.
	Waiting  int `json:"waiting"`
	InFlight int `json:"in_flight"`
	Delayed  int `json:"delayed"`
	// Dead are in the dead-letter queue, in sight or not.
	Dead int `json:"dead"`
}

func (s Sources) queues(ctx context.Context, r *Report) error {
	var depths []Depth
	for _, q := range s.Queues {
		alive := Depth{Name: q.Name}
		if q.URL != "" { // else a queue of what was given up
			var err error
			if alive, err = s.depth(ctx, q.Name, q.URL); err != nil {
				return err
			}
		}
		dead, err := s.depth(ctx, "dead letters of "+q.Name, q.Dead)
		if err != nil {
			return err
		}
		alive.Dead = dead.Waiting + dead.InFlight + dead.Delayed
		depths = append(depths, alive)
	}
	r.Queues = depths
	for _, d := range depths {
		if d.Dead > 0 {
			r.attend("%d dead letters of the %s queue: hail dlq list --queue %s tells what is wrong with them.", d.Dead, d.Name, d.Name)
		}
	}
	return nil
}

func (s Sources) depth(ctx context.Context, name, url string) (Depth, error) {
	d := Depth{Name: name}
	counts := map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages:           &d.Waiting,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &d.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &d.Delayed,
	}
	in := &sqs.GetQueueAttributesInput{QueueUrl: &url}
	for attribute := range counts {
		in.AttributeNames = append(in.AttributeNames, attribute)
	}
	out, err := s.SQS.GetQueueAttributes(ctx, in)
	if err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	for attribute, count := range counts {
		// An emulator may leave one out that would be 0.
		*count, _ = strconv.Atoi(out.Attributes[string(attribute)])
	}
	return d, nil
}
