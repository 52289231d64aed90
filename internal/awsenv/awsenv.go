// Package awsenv is how a function meets its environment: typed settings, and AWS
// clients with a limit on every step. Only the mains use it.
package awsenv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/httpclient"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
	"github.com/hailstone-rides/hailstone/internal/telemetry/otlp"
)

// Limits of the AWS clients. The SDK retries; nothing above it does, so that
// attempts never multiply.
const (
	connectTimeout = time.Second
	attemptTimeout = 2500 * time.Millisecond
	maxAttempts    = 3
	maxBackoff     = time.Second
)

// Common are the settings that every function has.
type Common struct {
	Stage string `env:"STAGE,required,notEmpty"`
	// Stack is the name of the stack that the function belongs to.
	Stack    string     `env:"STACK,required,notEmpty"`
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
	// Collector is where spans go; empty for nowhere.
	Collector string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
}

// Load reads settings into T by its env tags. A missing or malformed variable is
// an error that names it: a function with half its settings must not start, nor one
// that would fail only at the request that needs a wrong one.
func Load[T any]() (T, error) {
	settings, err := env.ParseAs[T]()
	if err != nil {
		return settings, fmt.Errorf("environment: %w", named[T](err))
	}
	if err := validate(settings); err != nil {
		return settings, fmt.Errorf("environment: %w", err)
	}
	return settings, nil
}

// Start is how every function begins: its settings, and the configuration for its
// clients.
func Start[T any](ctx context.Context) (T, aws.Config, error) {
	settings, err := Load[T]()
	if err != nil {
		return settings, aws.Config{}, err
	}
	cfg, err := AWS(ctx)
	return settings, cfg, err
}

// named puts the names of variables into an error, where the library has only
// those of fields.
func named[T any](err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	errs := slices.Clone(all.Errors)
	for i := range errs {
		var malformed env.ParseError
		if !errors.As(errs[i], &malformed) {
			continue
		}
		field, _ := reflect.TypeFor[T]().FieldByName(malformed.Name) // it is one of T's
		variable, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		errs[i] = fmt.Errorf("%s: %w", variable, malformed.Err)
	}
	return errors.Join(errs...)
}

// Telemetry returns what tells of the function with this name, such as booking.
func (c Common) Telemetry(name string) (*telemetry.Function, error) {
	config := telemetry.Config{Stack: c.Stack, Name: name, Out: os.Stdout, Level: c.LogLevel, Now: time.Now}
	if c.Collector != "" {
		exporter, err := otlp.New(c.Collector, name, c.Stack)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		config.Export = exporter
	}
	return telemetry.New(config), nil
}

// AWS returns the configuration for the clients of a function. Region,
// credentials and, for emulators, AWS_ENDPOINT_URL come from the environment.
func AWS(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = maxAttempts, maxBackoff
				o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: awserror.Repeated()})
			})
		}),
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("AWS configuration: AWS_REGION is missing")
	}
	if endpoint := aws.ToString(cfg.BaseEndpoint); endpoint != "" {
		if err := httpURL(endpoint); err != nil {
			return aws.Config{}, fmt.Errorf("AWS configuration: AWS_ENDPOINT_URL: %w", err)
		}
	}
	transport := httpclient.NewTransport(connectTimeout)
	if theirs, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		transport.TLSClientConfig = theirs.GetTransport().TLSClientConfig.Clone() // with the certificates of AWS_CA_BUNDLE
		transport.TLSClientConfig.NextProtos = nil                                // which offer HTTP/2
	}
	cfg.HTTPClient = newClient(transport, attemptTimeout)
	return cfg, nil
}

// HTTPClient returns a client for what a function asks again and again, invocation after
// invocation. It follows no redirects: none of what it is for redirects.
func HTTPClient(attempt time.Duration) *http.Client {
	return newClient(httpclient.NewTransport(connectTimeout), attempt)
}

func newClient(transport http.RoundTripper, attempt time.Duration) *http.Client {
	return &http.Client{
		Transport: transport, Timeout: attempt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
