// The sweeper function is started every minute. It does what time alone makes due,
// and finds what was missed.
package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

type settings struct {
	awsenv.Common
	EventsTable        string `env:"EVENTS_TABLE,required,notEmpty"`
	ViewsTable         string `env:"VIEWS_TABLE,required,notEmpty"`
	ControlTable       string `env:"CONTROL_TABLE,required,notEmpty"`
	PaymentsQueue      string `env:"PAYMENTS_QUEUE_URL,required,notEmpty"`
	ProjectionQueue    string `env:"PROJECTION_QUEUE_URL,required,notEmpty"`
	RebuildQueue       string `env:"REBUILD_QUEUE_URL,required,notEmpty"`
	PaymentConcurrency int    `env:"PAYMENT_CONCURRENCY,required,notEmpty"`
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
	tell, err := s.Telemetry("sweeper")
	if err != nil {
		return err
	}
	db, client, log := dynamodb.NewFromConfig(cfg, capacity.Metered), sqs.NewFromConfig(cfg), tell.Log
	breaker, err := fleet.New(
		dynamobreaker.New(db, s.ControlTable, payments.BreakerName), fleet.Watching(payments.BreakerRules(time.Now, rand.Float64)),
	)
	if err != nil {
		return err
	}
	tables := dynamoevents.Tables{Events: s.EventsTable, Leases: s.ControlTable}
	bookings := &booking.Service{
		Store:   telemetry.Store(dynamoevents.New(db, tables, events.NewStamp)),
		Backoff: booking.RaceBackoff(rand.Float64),
		Sleep:   resilience.Sleep,
		Log:     log,
	}
	items, documents := dynamodeferral.New(db, s.ControlTable), dynamocontrol.New(db, s.ControlTable)
	views := &readmodel.Live{
		Pointer: &readmodel.Pointer{Control: documents, Now: time.Now},
		In:      func(projection int) readmodel.Ledger { return dynamoview.New(db, s.ViewsTable, projection) },
	}
	debts, projection := repair.Debts{Work: items, Now: time.Now}, sqsqueue.NewSender(client, s.ProjectionQueue)
	deferred := &deferral.Pass{
		Items:    items,
		Bookings: bookings,
		Queue: struct {
			*sqsqueue.Sender
			*sqsqueue.Gauge
		}{sqsqueue.NewSender(client, s.PaymentsQueue), sqsqueue.NewGauge(client, s.PaymentsQueue)},
		Breaker: breaker,
		Callers: s.PaymentConcurrency,
		Now:     time.Now,
		Next:    deferral.NextDelay(rand.Float64),
		Log:     log,
	}
	passes := []sweeper.Pass{
		deferred,
		&deferral.Gauge{Items: items, Bookings: bookings, Breaker: breaker, Now: time.Now, Tell: measured, Log: log},
		&repair.Deadlines{List: views, Bookings: bookings, Debts: debts, Projection: projection, Control: documents, Now: time.Now, Tell: overdue, Log: log},
		&repair.LongRides{List: views, Bookings: bookings, Now: time.Now, Tell: longRides, Log: log},
		&repair.Firsts{
			Commits: dynamoevents.NewCatalog(db, tables), Views: views, Projection: projection, Debts: debts, Bookings: bookings,
			Control: documents, Now: time.Now, Log: log,
		},
		&rebuild.Director{Control: documents, Tasks: sqsqueue.NewSender(client, s.RebuildQueue), Now: time.Now, Wait: rebuild.Wait, Tell: unaudited},
	}
	runner := &sweeper.Runner{Passes: passes, Now: time.Now, Sleep: resilience.Sleep, Log: log}
	lambda.Start(tell.Handler(runner.Run))
	return nil
}

// measured makes metrics of what waits.
func measured(ctx context.Context, m deferral.Measure) {
	telemetry.Observe(ctx, telemetry.PaymentsWaiting, float64(m.Waiting))
	telemetry.Observe(ctx, telemetry.OldestDuePayment, m.Oldest.Seconds())
	telemetry.Observe(ctx, telemetry.BreakerState, breakerState(m.Breaker))
}

func overdue(ctx context.Context, longest time.Duration) {
	telemetry.Observe(ctx, telemetry.OldestOverdue, longest.Seconds())
}

func longRides(ctx context.Context, rides int) {
	telemetry.Observe(ctx, telemetry.LongRides, float64(rides))
}

func unaudited(ctx context.Context, since time.Duration) {
	telemetry.Observe(ctx, telemetry.CleanAuditAge, since.Seconds())
}

// breakerState is a state as the metric has it: the worse, the more.
func breakerState(s resilience.State) float64 {
	switch s {
	case resilience.Open:
		return 2
	case resilience.HalfOpen:
		return 1
	default:
		return 0
	}
}
