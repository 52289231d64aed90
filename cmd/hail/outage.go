package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/outage"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

type devOutage struct {
	Bookings int           `help:"Bookings of each phase." default:"500"`
	Clients  int           `help:"Clients that book at once." default:"4"`
	Down     time.Duration `help:"How long the payment provider is down, at least." default:"3m"`
	Hanging  time.Duration `help:"How long it hangs, at least." default:"1m"`
	Patience time.Duration `help:"How long everything may take to settle afterwards." default:"6m"`
}

// Help explains what the one-line help leaves open.
func (devOutage) Help() string {
	return `Phases of bookings follow each other: the payment provider is well, down, well, hanging (no call is
answered), and well. Riders must notice nothing; what they do notice is printed as a ratio to the
healthy phases of the same run. Afterwards every booking must be confirmed, and hold money once.`
}

func (c devOutage) Run(a *app) error {
	checks := func(r outage.Report) smoke.Report { return r.Report }
	return prove(a, "outage", checks, func(own ownStack) (outage.Report, error) {
		options, err := c.options(a, own)
		if err != nil {
			return outage.Report{}, err
		}
		return outage.Run(a.ctx, options, a.progress())
	})
}

// enoughToJudge is the least of bookings of a phase whose latencies are compared.
const enoughToJudge = 500

// emulatedBulkhead is what template.yaml sets where it is emulated.
const emulatedBulkhead = 5

func (c devOutage) options(a *app, own ownStack) (outage.Options, error) {
	s := stack{name: own.StackName, config: localstack.Config(own.AWS, own.Region), local: own.Endpoints}
	if err := s.describe(a.ctx); err != nil {
		return outage.Options{}, err
	}
	all, err := tokens(a.ctx, own.Endpoints)
	if err != nil {
		return outage.Options{}, err
	}
	waiting, err := s.waiting()
	return outage.Options{
		API: own.API, Rider: all[localstack.Rider], Provider: outage.Provider{URL: own.Paysim},
		Waiting: waiting, DeadLetters: s.deadLetters,
		Bookings: c.Bookings, Clients: c.Clients, Enough: enoughToJudge, Down: c.Down, Hanging: c.Hanging, Patience: c.Patience, Bulkhead: emulatedBulkhead,
	}, err
}

// waiting returns a reader of the payments that wait, and of the messages to the payment
// function, on their way or being handled.
func (s stack) waiting() (func(context.Context) ([]string, int, error), error) {
	control, err := s.output("ControlTableName")
	if err != nil {
		return nil, err
	}
	url, err := s.output("PaymentsQueueUrl")
	if err != nil {
		return nil, err
	}
	items, queues := dynamodeferral.New(dynamodb.NewFromConfig(s.config), control), sqs.NewFromConfig(s.config)
	return func(ctx context.Context) ([]string, int, error) {
		messages, err := countMessages(ctx, queues, url,
			sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible)
		if err != nil {
			return nil, 0, err
		}
		list, err := pending(ctx, items)
		bookings := make([]string, len(list))
		for i, waits := range list {
			bookings[i] = string(waits.Booking)
		}
		return bookings, messages, err
	}, nil
}
