package system_test

import (
	"context"
	"crypto/md5" // what SQS shows of a body
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/dynamostream"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

var update = flag.Bool("update", false, "write the sample events anew")

const samples = "../../events"

// The sample events of events/ are one story, told by the handlers of the functions: a
// booking is requested, relayed, paid, projected and read. What the product writes on the way must be
// what the next sample has, so the samples are those of this version.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	s := newSampled(t)

	if got := s.http(s.invoke("booking-create", lambdahttp.Handler(s.api, nil))); got.StatusCode != http.StatusCreated {
		t.Fatalf("booking-create: %d %s, want 201", got.StatusCode, got.Body)
	}
	s.is("relay", s.streamed())

	var projection, owed sent
	s.succeeds("relay", dynamostream.Handler(s.log, &relay.Relay{Projection: &projection, Payments: &owed}))
	s.is("projector", received("hailstone-projection", projection))
	s.is("payment", received("hailstone-payments", owed))

	// The publisher meets the same records.
	s.is("publisher", s.streamed())
	var published bus
	s.succeeds("publisher", dynamostream.Handler(s.log, &relay.Publisher{Bus: &published}))
	if len(published) != 1 || published[0].Type != booking.TypeBookingRequested || published[0].Version != 1 || !published[0].BookingID.Valid() {
		t.Errorf("publisher: it published %v, want that a booking was requested", published)
	}

	s.succeeds("payment", sqsqueue.Consumer(s.log, 1, func(ctx context.Context, d queue.Delivery) error {
		_, err := s.processor.Process(ctx, idOf(t, d.Stream), events.Trace{Traceparent: d.Traceparent})
		return err
	}))
	s.succeeds("projector", sqsqueue.Consumer(s.log, 1, func(ctx context.Context, d queue.Delivery) error {
		_, err := s.projector.Project(ctx, idOf(t, d.Stream))
		return err
	}))
	got := s.http(s.invoke("booking-read", lambdahttp.Handler(s.api, nil)))
	if got.StatusCode != http.StatusOK || !strings.Contains(got.Body, `"state":"confirmed"`) {
		t.Errorf("booking-read: %d %s, want the booking, confirmed", got.StatusCode, got.Body)
	}

	s.succeeds("rebuild", sqsqueue.Slices(s.log, nil, func(_ context.Context, body []byte) (bool, error) {
		task, err := rebuild.ParseTask(body)
		if err != nil {
			return false, err
		}
		written, err := task.Encode()
		if diff := cmp.Diff(string(written), string(body)); diff != "" {
			t.Errorf("rebuild: the task is not as the product writes it (-product +sample):\n%s", diff)
		}
		return true, err
	}))
	looked := pass{}
	s.invoke("sweeper", (&sweeper.Runner{Passes: []sweeper.Pass{&looked}, Now: s.now, Sleep: resilience.Sleep, Log: s.log}).Run)
	if looked.runs != 1 {
		t.Errorf("sweeper: its pass ran %d times, want once", looked.runs)
	}
}

// sampled is the product on DynamoDB Local, with nothing in it left to chance.
type sampled struct {
	*testing.T
	db        dynamolocal.DB
	api       http.Handler
	processor *payments.Processor
	projector *readmodel.Projector
	log       *slog.Logger
}

func newSampled(t *testing.T) *sampled {
	t.Helper()
	s := &sampled{T: t, db: dynamolocal.New(t), log: slog.New(slog.DiscardHandler)}
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	commits := 0
	store := dynamoevents.New(s.db.Client, dynamoevents.Tables{Events: s.db.Tables.Events, Leases: s.db.Tables.Control}, func() events.Stamp {
		commits++
		return events.Stamp{CommitID: fmt.Sprintf("cm_sample%d", commits)}
	})
	bookings := &booking.Service{Store: store, Log: s.log}
	views := dynamoview.New(s.db.Client, s.db.Tables.Views, readmodel.FirstProjection)
	s.api = (&httpapi.API{
		Bookings: bookings, Views: views, Tariff: tariff, Now: s.now, Log: s.log, Release: hailstone.Release, Spec: hailstone.OpenAPI,
	}).Handler()
	s.projector = &readmodel.Projector{Log: store, Views: views}
	s.processor = &payments.Processor{
		Bookings: bookings, Gateway: gatewaytest.NewFake(gatewaytest.Config{Now: s.now}), Now: s.now, NewKey: func() string { return "fresh" }, Log: s.log,
	}
	return s
}

func (*sampled) now() time.Time { return time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC) }

// invoke gives the sample to a handler as Lambda does.
func (s *sampled) invoke(sample string, handler any) []byte {
	s.Helper()
	event, err := os.ReadFile(filepath.Join(samples, sample+".json"))
	if err != nil {
		s.Fatal(err)
	}
	answer, err := lambda.NewHandler(handler).Invoke(s.Context(), event)
	if err != nil {
		s.Fatalf("%s: %v", sample, err)
	}
	return answer
}

// succeeds invokes a handler that answers with what failed of a batch.
func (s *sampled) succeeds(sample string, handler any) {
	s.Helper()
	if answer := s.invoke(sample, handler); string(answer) != `{"batchItemFailures":[]}` {
		s.Fatalf("%s: %s", sample, answer)
	}
}

func (s *sampled) http(answer []byte) (response lambdaevents.APIGatewayV2HTTPResponse) {
	s.Helper()
	if err := json.Unmarshal(answer, &response); err != nil {
		s.Fatal(err)
	}
	return response
}

// is compares a sample with what the product wrote.
func (s *sampled) is(sample string, event map[string]any) {
	s.Helper()
	text, err := json.MarshalIndent(event, "", "  ")
	if err != nil {
		s.Fatal(err)
	}
	text = append(text, '\n')
	file := filepath.Join(samples, sample+".json")
	if *update {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			s.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(have)); diff != "" {
		s.Errorf("%s is not what the product writes; go test ./internal/system -run TestSampleEvents -update writes it anew (-product +sample):\n%s", file, diff)
	}
}

// streamed returns the items of the log as its stream shows them.
func (s *sampled) streamed() map[string]any {
	s.Helper()
	out, err := s.db.Client.Scan(s.Context(), &dynamodb.ScanInput{TableName: aws.String(s.db.Tables.Events)})
	if err != nil {
		s.Fatal(err)
	}
	var records []any
	for i, item := range out.Items {
		image := s.fields(item)
		records = append(records, map[string]any{
			"eventID": fmt.Sprintf("1f0c8e2b7f5a4a0c9d1e2f3a4b5c6d7%d", i), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
			"awsRegion": "eu-central-1", "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/hailstone-EventsTable/stream/2026-11-01T00:00:00.000",
			"dynamodb": map[string]any{
				"ApproximateCreationDateTime": s.now().Unix(), "SequenceNumber": fmt.Sprintf("10000000000000000000%d", i), "StreamViewType": "NEW_IMAGE",
				"Keys": map[string]any{"stream_id": image["stream_id"], "version": image["version"]}, "NewImage": image,
			},
		})
	}
	return map[string]any{"Records": records}
}

func (s *sampled) fields(item map[string]types.AttributeValue) map[string]any {
	s.Helper()
	out := map[string]any{}
	for name, value := range item {
		out[name] = s.wire(value)
	}
	return out
}

// wire returns a value as the JSON of a stream record has it.
func (s *sampled) wire(value types.AttributeValue) any {
	s.Helper()
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, item := range v.Value {
			list = append(list, s.wire(item))
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": s.fields(v.Value)}
	default:
		s.Fatalf("an attribute is %T", v)
		return nil
	}
}

// sent are the bodies of messages.
type sent []string

// Send implements queue.Sender.
func (s *sent) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	for _, h := range hints {
		body, err := h.Encode()
		if err != nil {
			return nil, err
		}
		*s = append(*s, string(body))
	}
	return nil, nil
}

// bus are the events that were put on it.
type bus []relay.IntegrationEvent

// Publish implements relay.Bus.
func (b *bus) Publish(_ context.Context, all []relay.IntegrationEvent) (int, error) {
	*b = append(*b, all...)
	return len(all), nil
}

// received returns messages as Lambda receives them from a queue.
func received(name string, bodies sent) map[string]any {
	var records []any
	for i, body := range bodies {
		sum := md5.Sum([]byte(body))
		records = append(records, map[string]any{
			"messageId": fmt.Sprintf("059f36b4-87a3-44ab-83d2-66197583000%d", i), "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
			"body": body, "md5OfBody": hex.EncodeToString(sum[:]), "messageAttributes": map[string]any{},
			"attributes": map[string]any{
				"ApproximateReceiveCount": "1", "SentTimestamp": "1795426200123", "SenderId": "AROAEXAMPLE:hailstone-relay",
				"ApproximateFirstReceiveTimestamp": "1795426200130",
			},
			"eventSource": "aws:sqs", "awsRegion": "eu-central-1", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:" + name,
		})
	}
	return map[string]any{"Records": records}
}

func idOf(t *testing.T, stream events.StreamID) booking.ID {
	t.Helper()
	id, ok := booking.IDOf(stream)
	if !ok {
		t.Fatalf("%s is no booking's stream", stream)
	}
	return id
}

// pass counts how often it is run.
type pass struct{ runs int }

// Name implements sweeper.Pass.
func (*pass) Name() string { return "look" }

// Run implements sweeper.Pass.
func (p *pass) Run(context.Context) (time.Time, error) {
	p.runs++
	return time.Time{}, nil
}
