// The publisher function puts what happens to bookings, as the event log's stream
// shows it, on an EventBridge bus. A stack without a bus has no such function.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/dynamostream"
	"github.com/hailstone-rides/hailstone/internal/relay/eventbridgebus"
)

type settings struct {
	awsenv.Common
	Bus          string `env:"EVENT_BUS_ARN,required,notEmpty"`
	FailureQueue string `env:"FAILURE_QUEUE_URL,required,notEmpty"`
}

func main() {
	if err := run(context.Background()); err != nil {
		slog.Error("start", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s, cfg, err := awsenv.Start[settings](ctx)
	if err != nil {
		return err
	}
	tell, err := s.Telemetry("publisher")
	if err != nil {
		return err
	}
	p := &relay.Publisher{
		Bus:        eventbridgebus.New(eventbridge.NewFromConfig(cfg), s.Bus, s.Stack),
		Unreadable: sqsqueue.NewSender(sqs.NewFromConfig(cfg), s.FailureQueue),
	}
	lambda.Start(tell.Handler(dynamostream.Handler(tell.Log, p)))
	return nil
}
