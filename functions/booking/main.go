// The booking function answers the HTTP API: commands append to the event log,
// queries read views.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/jwtverify"
	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// issuerTimeout bounds each of the two requests for the issuer's keys, which are made
// only where no gateway verified the token.
const issuerTimeout = 2 * time.Second

type settings struct {
	awsenv.Common
	EventsTable  string `env:"EVENTS_TABLE,required,notEmpty"`
	ViewsTable   string `env:"VIEWS_TABLE,required,notEmpty"`
	ControlTable string `env:"CONTROL_TABLE,required,notEmpty"`
	CursorSecret string `env:"CURSOR_SECRET_ARN,required,notEmpty"`
	Tariff       string `env:"TARIFF,required,notEmpty"`
	// PaymentsQueue takes the hints that come of the provider's notices.
	PaymentsQueue string `env:"PAYMENTS_QUEUE_URL,required,notEmpty"`
	// NoticeSecret is empty where the provider has no endpoint to send notices to.
	NoticeSecret string `env:"STRIPE_WEBHOOK_SECRET_ARN"`
	JWTIssuer    string `env:"JWT_ISSUER,required,notEmpty"`
	JWTAudience  string `env:"JWT_AUDIENCE,required,notEmpty"`
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
	tell, err := s.Telemetry("booking")
	if err != nil {
		return err
	}
	tariff, err := booking.LoadTariff(s.Tariff)
	if err != nil {
		return fmt.Errorf("TARIFF: %w", err)
	}
	db, log := dynamodb.NewFromConfig(cfg, capacity.Metered), tell.Log
	views := &readmodel.Live{
		Pointer: &readmodel.Pointer{Control: dynamocontrol.New(db, s.ControlTable), Now: time.Now},
		In:      func(projection int) readmodel.Ledger { return dynamoview.New(db, s.ViewsTable, projection) },
	}
	breaker, err := fleet.New(
		dynamobreaker.New(db, s.ControlTable, payments.BreakerName), fleet.Watching(payments.BreakerRules(time.Now, rand.Float64)),
	)
	if err != nil {
		return err
	}
	secrets := secretsmanager.NewFromConfig(cfg)
	api := &httpapi.API{
		Bookings: &booking.Service{
			Store:   telemetry.Store(dynamoevents.New(db, dynamoevents.Tables{Events: s.EventsTable, Leases: s.ControlTable}, events.NewStamp)),
			Backoff: booking.RaceBackoff(rand.Float64),
			Sleep:   resilience.Sleep,
			Log:     log,
		},
		Views: views, Tariff: tariff,
		Now: time.Now, Log: log, Payments: breaker.State, CursorKey: awsenv.NewSecret(secrets, s.CursorSecret, time.Now).Bytes,
		Notices: httpapi.Notices{
			Parse: notices(awsenv.NewSecret(secrets, s.NoticeSecret, time.Now), s.NoticeSecret != ""),
			Hints: sqsqueue.NewSender(sqs.NewFromConfig(cfg), s.PaymentsQueue),
		},
		Release: hailstone.Release, Spec: hailstone.OpenAPI,
	}
	tokens := jwtverify.New(s.JWTIssuer, s.JWTAudience, awsenv.HTTPClient(issuerTimeout), time.Now)
	lambda.Start(tell.Handler(lambdahttp.Handler(api.Handler(), tokens)))
	return nil
}

// notices returns what reads the provider's notices. Without an endpoint there is no
// secret, and nothing counts as signed. What is signed with a key that is not known may be
// signed with one that has been rolled since.
func notices(secret *awsenv.Secret, endpoint bool) func(context.Context, []byte, string) (payments.Notice, error) {
	return func(ctx context.Context, body []byte, signature string) (payments.Notice, error) {
		if !endpoint {
			return payments.Notice{}, payments.ErrSignature
		}
		key, err := secret.Bytes(ctx)
		if err != nil {
			return payments.Notice{}, fmt.Errorf("%w: %w", httpapi.ErrNoNoticeKey, err)
		}
		parse := func(key []byte) (payments.Notice, error) {
			return stripegateway.Webhook{Secret: string(key), Tolerance: stripegateway.DefaultTolerance, Now: time.Now}.Parse(body, signature)
		}
		notice, err := parse(key)
		if errors.Is(err, payments.ErrSignature) {
			// A read that fails changes nothing about the signature.
			if rolled, other, _ := secret.Renew(ctx, key); other {
				return parse(rolled)
			}
		}
		return notice, err
	}
}
