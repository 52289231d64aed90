package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/outage"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/recovery"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// recoveryPatience is how long anything may take to mend itself that need not wait for time to pass.
const recoveryPatience = time.Minute

// recovering is the local stack as its recovery is checked.
func (s stack) recovering(ctx context.Context) (recovery.Stack, error) {
	names := map[string]string{"EventsTableName": "", "ViewsTableName": "", "ControlTableName": "", "RebuildQueueUrl": ""}
	for name := range names {
		var err error
		if names[name], err = s.output(name); err != nil {
			return recovery.Stack{}, err
		}
	}
	all, err := tokens(ctx, s.local)
	if err != nil {
		return recovery.Stack{}, err
	}
	db := dynamodb.NewFromConfig(s.config)
	return recovery.Stack{
		Rider:    api.Client{Base: s.local.API, Token: all[localstack.Rider]},
		Dispatch: api.Client{Base: s.local.API, Token: all[localstack.Dispatch]},
		Bookings: &booking.Service{
			Store:   dynamoevents.New(db, dynamoevents.Tables{Events: names["EventsTableName"], Leases: names["ControlTableName"]}, events.NewStamp),
			Backoff: booking.RaceBackoff(rand.Float64), Sleep: resilience.Sleep, Log: slog.New(slog.DiscardHandler),
		},
		Views:        func(projection int) readmodel.Ledger { return dynamoview.New(db, names["ViewsTableName"], projection) },
		Control:      dynamocontrol.New(db, names["ControlTableName"]),
		Deferred:     dynamodeferral.New(db, names["ControlTableName"]),
		Walks:        sqsqueue.NewSender(sqs.NewFromConfig(s.config), names["RebuildQueueUrl"]),
		Sweep:        s.sweep,
		Faults:       outage.Provider{URL: s.local.Paysim}.Faults,
		CancelByHand: cancelByHand(s.local.Paysim, localstack.ProviderKey),
		Patience:     recoveryPatience,
	}, nil
}

// sweep has the sweeper run once, besides what its schedule does.
func (s stack) sweep(ctx context.Context) error {
	function, err := cloudformation.NewFromConfig(s.config).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName: &s.name, LogicalResourceId: aws.String("SweeperFunction"),
	})
	if err != nil {
		return fmt.Errorf("find the sweeper: %w", err)
	}
	out, err := lambda.NewFromConfig(s.config).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: function.StackResourceDetail.PhysicalResourceId, Qualifier: aws.String("live"), Payload: []byte("{}"),
	})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("%s: %s", *out.FunctionError, out.Payload)
	}
	if err != nil {
		return fmt.Errorf("run the sweeper: %w", err)
	}
	return nil
}
