// The payment function carries out what bookings owe at the payment provider, and
// puts off what has to wait.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
	"github.com/hailstone-rides/hailstone/internal/telemetry/provider"
)

// parallel is 1: the event source hands over one message at a time, and its
// concurrency is the bulkhead before the provider.
const parallel = 1

type settings struct {
	awsenv.Common
	EventsTable  string `env:"EVENTS_TABLE,required,notEmpty"`
	ControlTable string `env:"CONTROL_TABLE,required,notEmpty"`
	StripeSecret string `env:"STRIPE_SECRET_ARN,required,notEmpty"`
	StripeURL    string `env:"STRIPE_API_URL" envDefault:"https://api.stripe.com"`
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
	tell, err := s.Telemetry("payment")
	if err != nil {
		return err
	}
	log := tell.Log
	secret := awsenv.NewSecret(secretsmanager.NewFromConfig(cfg), s.StripeSecret, time.Now)
	key, err := secret.Bytes(ctx)
	if err != nil {
		return fmt.Errorf("the payment provider's key: %w", err)
	}
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: string(key), BaseURL: s.StripeURL, Renew: secret.Renew})
	if err != nil {
		return err
	}
	db := dynamodb.NewFromConfig(cfg, capacity.Metered)
	rules := payments.BreakerRules(time.Now, mathrand.Float64)
	rules.Changed = func(from, to resilience.State) {
		log.Warn(payments.BreakerChanged, "from", from.String(), "to", to.String()) //nolint:sloglint // a constant elsewhere
	}
	breaker, err := fleet.New(dynamobreaker.New(db, s.ControlTable, payments.BreakerName), fleet.Defaults(rules))
	if err != nil {
		return err
	}
	guard, err := payments.NewGuard(provider.Gateway{Next: gateway, Now: time.Now}, breaker, time.Now, mathrand.Float64)
	if err != nil {
		return err
	}
	processor := &payments.Processor{
		Bookings: &booking.Service{
			Store:   telemetry.Store(dynamoevents.New(db, dynamoevents.Tables{Events: s.EventsTable, Leases: s.ControlTable}, events.NewStamp)),
			Backoff: booking.RaceBackoff(mathrand.Float64),
			Sleep:   resilience.Sleep,
			Log:     log,
		},
		Gateway: guard,
		Now:     time.Now,
		NewKey:  rand.Text,
		Log:     log,
	}
	worker := &deferral.Worker{
		Payments: processor,
		Bookings: processor.Bookings,
		Items:    dynamodeferral.New(db, s.ControlTable),
		Now:      time.Now,
		First:    deferral.FirstDelay(mathrand.Float64),
		Log:      log,
	}
	lambda.Start(tell.Handler(sqsqueue.Consumer(log, parallel, worker.Handle)))
	return nil
}
