package status

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// Metrics is what only CloudWatch knows: the worst of the last 15 minutes, in seconds;
// nil where it has nothing, as while nothing happens, and on an emulator.
type Metrics struct {
	OldestHint    *float64 `json:"oldest_hint_s"`
	OldestPayment *float64 `json:"oldest_payment_hint_s"`
	IteratorAge   *float64 `json:"iterator_age_s"`
	// ProjectionLag is the 99th percentile of the time from a commit to its view.
	ProjectionLag *float64 `json:"projection_lag_p99_s"`
}

// CloudWatch is the part of the client that reads metrics.
type CloudWatch interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// Named is what metrics of a stack are found by: the names, not the ARNs.
type Named struct{ Stack, ProjectionQueue, PaymentsQueue, RelayFunction string }

const (
	metricsOf = 15 * time.Minute
	aMinute   = 60 // seconds: the period of the metrics
)

// MetricsOf returns a source of the metrics of a stack.
func MetricsOf(api CloudWatch, n Named, now func() time.Time) func(context.Context) (Metrics, error) {
	return func(ctx context.Context) (Metrics, error) {
		var m Metrics
		wanted := []struct {
			value                 **float64
			namespace, name, stat string
			dimensions            map[string]string
			scale                 float64 // to seconds
		}{
			{&m.OldestHint, "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", map[string]string{"QueueName": n.ProjectionQueue}, 1},
			{&m.OldestPayment, "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", map[string]string{"QueueName": n.PaymentsQueue}, 1},
			{&m.IteratorAge, "AWS/Lambda", "IteratorAge", "Maximum", map[string]string{"FunctionName": n.RelayFunction}, 1e-3},
			{&m.ProjectionLag, telemetry.Namespace, string(telemetry.ProjectionLag), "p99", map[string]string{"Stack": n.Stack, "Function": "projector"}, 1e-3},
		}
		in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(now().Add(-metricsOf)), EndTime: aws.Time(now())}
		for i, w := range wanted {
			metric := &types.Metric{Namespace: aws.String(w.namespace), MetricName: aws.String(w.name)}
			for name, value := range w.dimensions {
				metric.Dimensions = append(metric.Dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
			}
			in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
				Id: aws.String(fmt.Sprint("m", i)), MetricStat: &types.MetricStat{Metric: metric, Period: aws.Int32(aMinute), Stat: aws.String(w.stat)},
			})
		}
		out, err := api.GetMetricData(ctx, in)
		if err != nil {
			return m, err
		}
		for _, result := range out.MetricDataResults {
			var i int
			if _, err := fmt.Sscanf(aws.ToString(result.Id), "m%d", &i); err != nil || i < 0 || i >= len(wanted) {
				return m, fmt.Errorf("an answer to nothing that was asked: %q", aws.ToString(result.Id))
			}
			for _, v := range result.Values {
				seconds := v * wanted[i].scale
				if *wanted[i].value == nil || seconds > **wanted[i].value {
					*wanted[i].value = &seconds
				}
			}
		}
		return m, nil
	}
}

func (s Sources) metrics(ctx context.Context, r *Report) error {
	m, err := s.Metrics(ctx)
	if err != nil {
		return err
	}
	r.Metrics = &m
	if m.OldestPayment != nil && *m.OldestPayment > tooLongQueued.Seconds() {
		r.attend("A hint waited %s for the payment function: it takes less than comes, or nothing.", age(*m.OldestPayment))
	}
	if m.OldestHint != nil && *m.OldestHint > tooLongQueued.Seconds() {
		r.attend("A hint waited %s for the projector: it takes less than comes, or nothing.", age(*m.OldestHint))
	}
	if m.IteratorAge != nil && *m.IteratorAge > tooOldIterator.Seconds() {
		r.attend("The relay was %s behind the log's stream: look at its errors.", age(*m.IteratorAge))
	}
	if m.ProjectionLag != nil && *m.ProjectionLag > tooFarBehind.Seconds() {
		r.attend("Views were %s behind the log: look at the projector's errors and throttles.", age(*m.ProjectionLag))
	}
	return nil
}
