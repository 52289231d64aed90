package sqsqueue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
)

// hidden notes for how many seconds messages are hidden.
type hidden struct {
	seconds map[string][]int32
	asked   int // for the queue's address
	err     error
}

//nolint:revive,staticcheck // the name is that of the SDK
func (h *hidden) GetQueueUrl(_ context.Context, in *sqs.GetQueueUrlInput, _ ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	h.asked++
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs/" + aws.ToString(in.QueueName))}, nil
}

func (h *hidden) ChangeMessageVisibility(_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error) {
	if aws.ToString(in.QueueUrl) != "https://sqs/q" {
		return nil, errors.New("another queue")
	}
	receipt := aws.ToString(in.ReceiptHandle)
	h.seconds[receipt] = append(h.seconds[receipt], in.VisibilityTimeout)
	return &sqs.ChangeMessageVisibilityOutput{}, h.err
}

func TestWorkComesBackUntilItIsDone(t *testing.T) {
	t.Parallel()
	for name, failing := range map[string]error{"as it should be": nil, "when visibility cannot be changed": errors.New("away")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &hidden{seconds: map[string][]int32{}, err: failing}
				var logged bytes.Buffer
				handle := sqsqueue.Slices(slog.New(slog.NewTextHandler(&logged, nil)), client, func(_ context.Context, body []byte) (bool, error) {
					switch string(body) {
					case "fails":
						return true, errors.New("the log is away")
					case "panics":
						panic("out of luck")
					default:
						return string(body) == "done", nil
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				var e lambdaevents.SQSEvent
				for _, body := range []string{"more", "done", "fails", "panics"} {
					e.Records = append(e.Records, lambdaevents.SQSMessage{MessageId: "m-" + body, ReceiptHandle: body, Body: body, EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:q"})
				}
				resp, err := handle(ctx, e)
				if err != nil {
					t.Fatal(err)
				}
				if got := failures(resp); !slices.Equal(got, []string{"m-fails", "m-more", "m-panics"}) {
					t.Errorf("to come again: %v", got)
				}
				// At first until just after the invocation at the latest, then at once
				// where there is more to do.
				want := map[string][]int32{"more": {150, 0}, "done": {150}, "fails": {150}, "panics": {150}}
				if diff := cmp.Diff(want, client.seconds); diff != "" {
					t.Errorf("hidden for seconds (-want +got):\n%s", diff)
				}
				if client.asked != 1 {
					t.Errorf("asked %d times for the queue's address", client.asked)
				}
				if lines := logged.String(); strings.Count(lines, "level=ERROR") != 2 || !strings.Contains(lines, "m-fails") {
					t.Errorf("the log is %q", lines)
				}
			})
		})
	}
}
