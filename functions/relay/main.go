// The relay function turns commits, as the event log's stream shows them, into
// hints on the queues.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/dynamostream"
)

type settings struct {
	awsenv.Common
	ProjectionQueue string `env:"PROJECTION_QUEUE_URL,required,notEmpty"`
	PaymentsQueue   string `env:"PAYMENTS_QUEUE_URL,required,notEmpty"`
	FailureQueue    string `env:"FAILURE_QUEUE_URL,required,notEmpty"`
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
	tell, err := s.Telemetry("relay")
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	r := &relay.Relay{
		Projection: sqsqueue.NewSender(client, s.ProjectionQueue),
		Payments:   sqsqueue.NewSender(client, s.PaymentsQueue),
		Unreadable: sqsqueue.NewSender(client, s.FailureQueue),
	}
	lambda.Start(tell.Handler(dynamostream.Handler(tell.Log, r)))
	return nil
}
