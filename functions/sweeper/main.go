// The sweeper function is started every minute. It does what time alone makes due,
// and finds what was missed.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

type settings struct {
	awsenv.Common
}

func main() {
	if err := run(context.Background()); err != nil {
		slog.Error("start", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s, _, err := awsenv.Start[settings](ctx)
	if err != nil {
		return err
	}
	runner := &sweeper.Runner{Now: time.Now, Sleep: resilience.Sleep, Log: s.Logger()}
	lambda.Start(runner.Run)
	return nil
}
