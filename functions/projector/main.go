// The projector function brings the views of bookings up to date that hints name.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// parallel bounds the streams that one invocation folds at a time.
const parallel = 10

type settings struct {
	awsenv.Common
	EventsTable  string `env:"EVENTS_TABLE,required,notEmpty"`
	ViewsTable   string `env:"VIEWS_TABLE,required,notEmpty"`
	ControlTable string `env:"CONTROL_TABLE,required,notEmpty"`
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
	tell, err := s.Telemetry("projector")
	if err != nil {
		return err
	}
	db, log := dynamodb.NewFromConfig(cfg, capacity.Metered), tell.Log
	projector := &readmodel.Projector{
		Log: telemetry.Store(dynamoevents.New(db, dynamoevents.Tables{Events: s.EventsTable}, events.NewStamp)),
		Views: &readmodel.Live{
			Pointer: &readmodel.Pointer{Control: dynamocontrol.New(db, s.ControlTable), Now: time.Now},
			In:      func(projection int) readmodel.Ledger { return dynamoview.New(db, s.ViewsTable, projection) },
		},
	}
	lambda.Start(tell.Handler(sqsqueue.Consumer(log, parallel, func(ctx context.Context, h queue.Delivery) error {
		id, ok := booking.IDOf(h.Stream)
		if !ok {
			return fmt.Errorf("%w: %q is no booking's stream", queue.ErrMalformed, h.Stream)
		}
		v, err := projector.Project(ctx, id)
		if err != nil {
			return err
		}
		// From the append to the view: what a reader who does not name a version can lag behind.
		lag := time.Since(v.RecordedAt).Milliseconds()
		telemetry.Observe(ctx, telemetry.ProjectionLag, float64(lag))
		log.InfoContext(ctx, "projected", "version", v.Version, "state", v.State, "lag_ms", lag)
		return nil
	})))
	return nil
}
