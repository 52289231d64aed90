// Package sqsqueue sends hints to SQS, and turns SQS's batches into queue's.
package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// batchLimit is the most messages of one SendMessageBatch.
const batchLimit = 10

// API is the part of the SQS client that the sender needs.
type API interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Sender implements queue.Sender on an SQS queue.
type Sender struct {
	sqs API
	url string
}

var _ queue.Sender = (*Sender)(nil)

// NewSender returns a sender to the queue with the given URL.
func NewSender(client API, url string) *Sender { return &Sender{sqs: client, url: url} }

// Send implements queue.Sender.
func (s *Sender) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	return s.sendAll(ctx, len(hints), func(at int) ([]byte, error) {
		body, err := hints[at].Encode()
		if err != nil {
			return nil, fmt.Errorf("encode the hint for %s: %w", hints[at].Stream, err)
		}
		return body, nil
	})
}

// SendBodies puts messages on the queue as they are. It returns what Send returns.
func (s *Sender) SendBodies(ctx context.Context, bodies [][]byte) ([]int, error) {
	return s.sendAll(ctx, len(bodies), func(at int) ([]byte, error) { return bodies[at], nil })
}

// sendAll sends n messages with one SendMessageBatch per ten.
func (s *Sender) sendAll(ctx context.Context, n int, body func(at int) ([]byte, error)) ([]int, error) {
	var failed []int
	var errs []error
	for chunk := range slices.Chunk(indexes(n), batchLimit) {
		lost, err := s.send(ctx, chunk, body)
		failed = append(failed, lost...)
		errs = append(errs, err)
	}
	slices.Sort(failed)
	return failed, errors.Join(errs...)
}

func (s *Sender) send(ctx context.Context, chunk []int, body func(at int) ([]byte, error)) ([]int, error) {
	entries := make([]types.SendMessageBatchRequestEntry, len(chunk))
	for i, at := range chunk {
		text, err := body(at)
		if err != nil {
			return chunk, err
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(at)), MessageBody: aws.String(string(text))}
	}
	out, err := s.sqs.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(s.url), Entries: entries})
	if err != nil {
		return chunk, fmt.Errorf("send %d messages: %w", len(chunk), err)
	}
	// What SQS does not list as sent counts as failed, whatever it says of it.
	sent := map[string]bool{}
	for _, ok := range out.Successful {
		sent[aws.ToString(ok.Id)] = true
	}
	lost := slices.DeleteFunc(slices.Clone(chunk), func(at int) bool { return sent[strconv.Itoa(at)] })
	if len(lost) == 0 {
		return nil, nil
	}
	return lost, fmt.Errorf("send %d messages: %d were refused%s", len(chunk), len(lost), reasons(out.Failed))
}

func reasons(failed []types.BatchResultErrorEntry) string {
	text := ""
	for _, f := range failed {
		text += " (" + aws.ToString(f.Code) + ")"
	}
	return text
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// GaugeAPI is the part of the SQS client that a gauge needs.
type GaugeAPI interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Gauge tells how much waits in an SQS queue.
type Gauge struct {
	sqs GaugeAPI
	url string
}

// NewGauge returns a gauge of the queue with the given URL.
func NewGauge(client GaugeAPI, url string) *Gauge { return &Gauge{sqs: client, url: url} }

// Backlog returns about how many messages wait to be received. SQS counts within
// about a minute.
func (g *Gauge) Backlog(ctx context.Context) (int, error) {
	const name = types.QueueAttributeNameApproximateNumberOfMessages
	out, err := g.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(g.url), AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0, fmt.Errorf("count the messages of a queue: %w", err)
	}
	n, err := strconv.Atoi(out.Attributes[string(name)])
	if err != nil {
		return 0, fmt.Errorf("count the messages of a queue: %w", err)
	}
	return n, nil
}

// Consumer returns a Lambda handler for an SQS event source that reports partial
// batch failures. A failed message is logged here, once; its body is not, since
// it could be anything.
func Consumer(log *slog.Logger, parallel int, handle func(context.Context, queue.Delivery) error) func(context.Context, lambdaevents.SQSEvent) (lambdaevents.SQSEventResponse, error) {
	return func(ctx context.Context, e lambdaevents.SQSEvent) (lambdaevents.SQSEventResponse, error) {
		batch := make([]queue.Message, len(e.Records))
		for i, r := range e.Records {
			batch[i] = queue.Message{ID: r.MessageId, Body: []byte(r.Body), Receives: receives(r)}
		}
		resp := lambdaevents.SQSEventResponse{BatchItemFailures: []lambdaevents.SQSBatchItemFailure{}}
		for _, f := range queue.Process(ctx, batch, parallel, followed(len(batch) == 1, handle)) {
			one, _, end := telemetry.Begin(ctx, telemetry.Internal, "failure", originOf(f.Hint))
			log.ErrorContext(one, queue.AlarmFailed, "message_id", f.ID, "error", f.Err.Error()) //nolint:sloglint // a constant elsewhere
			end(f.Err)
			resp.BatchItemFailures = append(resp.BatchItemFailures, lambdaevents.SQSBatchItemFailure{ItemIdentifier: f.ID})
		}
		outcome := telemetry.OK
		if len(resp.BatchItemFailures) > 0 {
			outcome = telemetry.Partial
		}
		telemetry.Note(ctx, outcome, slog.Int("messages", len(batch)), slog.Int("failed", len(resp.BatchItemFailures)))
		return resp, nil
	}
}

// followed handles each delivery as a part of the trace that its hint belongs to. What
// follows from it is told to go on from there.
func followed(alone bool, handle func(context.Context, queue.Delivery) error) func(context.Context, queue.Delivery) error {
	return func(ctx context.Context, d queue.Delivery) (err error) {
		if alone {
			d.Traceparent = telemetry.Adopt(ctx, originOf(d.Hint))
			return handle(ctx, d)
		}
		ctx, traceparent, end := telemetry.Begin(ctx, telemetry.Consumer, "message", originOf(d.Hint))
		defer func() { end(err) }()
		d.Traceparent = traceparent
		return handle(ctx, d)
	}
}

// originOf is where the work that a hint asks for comes from. A forged stream could be
// anything, and is not told.
func originOf(h queue.Hint) telemetry.Origin {
	o := telemetry.Origin{Traceparent: h.Traceparent}
	if id, ok := booking.IDOf(h.Stream); ok {
		o.BookingID, o.CausationID = string(id), fmt.Sprintf("%s@%d", h.Stream, h.Version)
	}
	return o
}

// receives is at least 1: a message that does not say was received now.
func receives(r lambdaevents.SQSMessage) int {
	n, err := strconv.Atoi(r.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return 1
	}
	return max(n, 1)
}
