// The rebuild function walks over a part of the log: it folds streams into a new
// projection of the views, or compares them with one.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

const (
	// parallel bounds the views that one worker writes at a time.
	parallel = 16
	// margin is kept for the page that a worker is at when its time is over.
	margin = 15 * time.Second
)

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
	tell, err := s.Telemetry("rebuild")
	if err != nil {
		return err
	}
	db, log := dynamodb.NewFromConfig(cfg, capacity.Metered), tell.Log
	tables := dynamoevents.Tables{Events: s.EventsTable, Leases: s.ControlTable}
	worker := &rebuild.Worker{
		Log:      dynamoevents.New(db, tables, events.NewStamp),
		Catalog:  dynamoevents.NewCatalog(db, tables),
		In:       func(projection int) readmodel.Ledger { return dynamoview.New(db, s.ViewsTable, projection) },
		Control:  dynamocontrol.New(db, s.ControlTable),
		Owed:     repair.Debts{Work: dynamodeferral.New(db, s.ControlTable), Now: time.Now}.Look,
		Logger:   log,
		Now:      time.Now,
		Sleep:    resilience.Sleep,
		Parallel: parallel,
	}
	lambda.Start(tell.Handler(sqsqueue.Slices(log, sqs.NewFromConfig(cfg), func(ctx context.Context, body []byte) (bool, error) {
		return work(ctx, log, worker, body)
	})))
	return nil
}

func work(ctx context.Context, log *slog.Logger, w *rebuild.Worker, body []byte) (bool, error) {
	task, err := rebuild.ParseTask(body)
	if err != nil {
		return false, err
	}
	deadline, _ := ctx.Deadline()
	done, err := w.Work(ctx, task, deadline.Add(-margin))
	if err != nil {
		return false, err
	}
	log.InfoContext(ctx, "walked", "run", task.Run, "segment", task.Segment, "done", done)
	return done, nil
}
