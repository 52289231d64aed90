package status_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/status"
)

// watch is a CloudWatch that answers with values, by the id of the query.
type watch struct {
	asked  map[string]string // what a query is about, by its id
	values map[string][]float64
	err    error
}

// GetMetricData implements status.CloudWatch.
func (w *watch) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	w.asked = map[string]string{}
	for _, q := range in.MetricDataQueries {
		m := q.MetricStat.Metric
		text := *m.Namespace + " " + *m.MetricName + " " + *q.MetricStat.Stat
		for _, name := range []string{"Stack", "Function", "QueueName", "FunctionName"} {
			for _, d := range m.Dimensions {
				if *d.Name == name {
					text += " " + name + "=" + *d.Value
				}
			}
		}
		w.asked[*q.Id] = text
	}
	out := &cloudwatch.GetMetricDataOutput{}
	for id, values := range w.values {
		out.MetricDataResults = append(out.MetricDataResults, types.MetricDataResult{Id: aws.String(id), Values: values})
	}
	return out, w.err
}

func TestTheWorstOfTheLastMinutesIsTold(t *testing.T) {
	t.Parallel()
	w := &watch{values: map[string][]float64{"m0": {2, 9, 4}, "m1": {}, "m2": {1500}, "m3": {120, 380}}}
	named := status.Named{Stack: "prod", ProjectionQueue: "p", PaymentsQueue: "o", RelayFunction: "r"}
	got, err := status.MetricsOf(w, named, time.Now)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := status.Metrics{OldestHint: seconds(9), IteratorAge: seconds(1.5), ProjectionLag: seconds(0.38)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	asked := map[string]string{
		"m0": "AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=p", "m1": "AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=o",
		"m2": "AWS/Lambda IteratorAge Maximum FunctionName=r", "m3": "Hailstone ProjectionLag p99 Stack=prod Function=projector",
	}
	if diff := cmp.Diff(asked, w.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestMetricsThatCannotBeReadAreAnError(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*watch{
		"no answer":                     {err: errors.New("throttled")},
		"an answer to nothing":          {values: map[string][]float64{"m4": {1}}},
		"an answer of another language": {values: map[string][]float64{"x": {1}}},
	} {
		if _, err := status.MetricsOf(w, status.Named{}, time.Now)(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
