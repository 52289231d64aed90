package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/dynamostream"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
	"github.com/hailstone-rides/hailstone/internal/telemetry/provider"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// observed is the product on DynamoDB Local, each function with its telemetry, and
// everything that they write.
type observed struct {
	*sampled
	out       bytes.Buffer
	spans     spans
	functions map[string]*telemetry.Function
	fake      *gatewaytest.Fake
	worker    *deferral.Worker
	requests  int
}

// spans are what a collector got.
type spans []telemetry.Span

// Send implements telemetry.Exporter.
func (s *spans) Send(_ context.Context, sent []telemetry.Span) error {
	*s = append(*s, sent...)
	return nil
}

func observe(t *testing.T) *observed {
	t.Helper()
	o := &observed{sampled: &sampled{T: t, db: dynamolocal.New(t)}, functions: map[string]*telemetry.Function{}}
	for _, name := range []string{"booking", "relay", "payment", "projector"} {
		o.functions[name] = telemetry.New(telemetry.Config{Stack: "hail-test", Name: name, Out: &o.out, Export: &o.spans, Now: time.Now})
	}
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	store := telemetry.Store(dynamoevents.New(o.db.Client, dynamoevents.Tables{Events: o.db.Tables.Events, Leases: o.db.Tables.Control}, events.NewStamp))
	service := func(function string) *booking.Service {
		return &booking.Service{Store: store, Backoff: booking.RaceBackoff(rand.Float64), Sleep: resilience.Sleep, Log: o.functions[function].Log}
	}
	views := &readmodeltest.Memory{}
	o.api = (&httpapi.API{
		Bookings: service("booking"), Views: views, Tariff: tariff, Now: time.Now, Log: o.functions["booking"].Log,
		Payments:  func(context.Context) resilience.State { return resilience.Closed },
		CursorKey: func(context.Context) ([]byte, error) { return []byte("the key of a world that is not real"), nil },
		Release:   hailstone.Release, Spec: hailstone.OpenAPI,
	}).Handler()
	o.projector = &readmodel.Projector{Log: store, Views: views}
	o.fake = gatewaytest.NewFake(gatewaytest.Config{Now: time.Now})
	o.processor = &payments.Processor{
		Bookings: service("payment"), Gateway: provider.Gateway{Next: o.fake, Now: time.Now}, Now: time.Now, NewKey: func() string { return "fresh" }, Log: o.functions["payment"].Log,
	}
	o.worker = &deferral.Worker{
		Payments: o.processor, Bookings: o.processor.Bookings, Items: &deferraltest.Memory{}, Now: time.Now,
		First: deferral.FirstDelay(rand.Float64), Log: o.functions["payment"].Log,
	}
	return o
}

// invokes gives an event to a function as Lambda does.
func (o *observed) invokes(function string, handler any, event []byte) []byte {
	o.Helper()
	o.requests++
	ctx := lambdacontext.NewContext(o.Context(), &lambdacontext.LambdaContext{AwsRequestID: "lambda-" + string(rune('a'+o.requests))})
	answer, err := o.functions[function].Handler(handler).Invoke(ctx, event)
	if err != nil {
		o.Fatalf("%s: %v", function, err)
	}
	return answer
}

// gets sends the sample request to the booking function, changed by an edit.
func (o *observed) gets(sample string, edit func(map[string]any)) []byte {
	o.Helper()
	text, err := os.ReadFile(filepath.Join(samples, sample+".json"))
	if err != nil {
		o.Fatal(err)
	}
	var event map[string]any
	if err := json.Unmarshal(text, &event); err != nil {
		o.Fatal(err)
	}
	edit(event)
	return o.invokes("booking", lambdahttp.Handler(o.api, nil), o.json(event))
}

func (o *observed) json(v any) []byte {
	o.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		o.Fatal(err)
	}
	return text
}

// settles relays what the log has, pays and projects.
func (o *observed) settles() {
	o.Helper()
	var projection, owed sent
	o.invokes("relay", dynamostream.Handler(o.functions["relay"].Log, &relay.Relay{Projection: &projection, Payments: &owed}), o.json(o.streamed()))
	o.invokes("payment", sqsqueue.Consumer(o.functions["payment"].Log, 1, o.worker.Handle), o.json(received("payments", owed)))
	o.invokes("projector", sqsqueue.Consumer(o.functions["projector"].Log, 10, func(ctx context.Context, d queue.Delivery) error {
		v, err := o.projector.Project(ctx, idOf(o.T, d.Stream))
		o.functions["projector"].Log.InfoContext(ctx, "projected", "version", v.Version)
		return err
	}), o.json(received("projection", projection)))
}

// lines returns what was logged since the last call.
func (o *observed) lines() []map[string]any {
	o.Helper()
	var lines []map[string]any
	for text := range strings.Lines(o.out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			o.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, line)
	}
	o.out.Reset()
	return lines
}

const (
	clientTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	clientSpan  = "00f067aa0ba902b7"
)

func traced(parent string) func(map[string]any) {
	return func(event map[string]any) {
		headers, _ := event["headers"].(map[string]any)
		delete(headers, "traceparent")
		if parent != "" {
			headers["traceparent"] = parent
		}
	}
}

// One trace id, the client's or one that was begun here, in every line of every function, from the request to
// the payment and the view; and the spans of that trace hang together.
func TestOneTraceIDFindsABookingInEveryFunction(t *testing.T) {
	t.Parallel()
	for name, parent := range map[string]string{"the client's": "00-" + clientTrace + "-" + clientSpan + "-01", "one begun here": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := observe(t)
			o.gets("booking-create", traced(parent))
			o.settles()

			lines := o.lines()
			trace, _ := lines[0]["trace_id"].(string)
			if len(trace) != 32 || parent != "" && trace != clientTrace {
				t.Fatalf("the trace is %q", trace)
			}
			said, invocations := map[any]int{}, map[any]int{}
			var request, bookingID any
			for _, l := range lines {
				if l["message"] == "invocation" && l["function"] == "relay" {
					invocations["relay"]++ // it speaks of a batch; the line of each commit has the ids
					continue
				}
				if l["trace_id"] != trace || l["requestId"] == nil || l["booking_id"] == nil || l["correlation_id"] == nil {
					t.Errorf("a line without all ids: %v", l)
				}
				if request == nil {
					request, bookingID = l["correlation_id"], l["booking_id"]
				}
				if l["booking_id"] != bookingID || l["correlation_id"] != request {
					t.Errorf("a line of another booking or request: %v", l)
				}
				if l["message"] == "invocation" {
					invocations[l["function"]]++
				} else {
					said[l["message"]]++
				}
				if l["function"] == "payment" && l["causation_id"] != "booking/"+bookingID.(string)+"@1" {
					t.Errorf("the payment was caused by %v", l["causation_id"])
				}
			}
			for _, function := range []string{"booking", "relay", "payment", "projector"} {
				if invocations[function] != 1 {
					t.Errorf("%s has %d lines that say what happened, want 1", function, invocations[function])
				}
			}
			if said["relaying"] != 1 || said["payment up to date"] != 1 || said["projected"] != 1 {
				t.Errorf("what was said: %v", said)
			}

			stored, err := o.processor.Bookings.Load(t.Context(), booking.ID(bookingID.(string)))
			if err != nil || stored.State.Status != booking.Confirmed {
				t.Fatalf("the booking is %s, %v", stored.State.Status, err)
			}
			for _, c := range stored.History.Commits() {
				if !strings.HasPrefix(c.Trace.Traceparent, "00-"+trace+"-") || c.Trace.CorrelationID != request {
					t.Errorf("the commit at %d goes back to %+v", c.Version, c.Trace)
				}
			}
			hangTogether(t, o.spans, trace)
		})
	}
}

// hangTogether checks that all spans are of one trace, and each but the first has its parent there.
func hangTogether(t *testing.T, all spans, trace string) {
	t.Helper()
	known, names := map[[8]byte]bool{}, map[string]int{}
	for _, s := range all {
		known[s.SpanID] = true
	}
	for _, s := range all {
		names[s.Name]++
		if s.Name == "relay" && s.BookingID == "" || s.Name == "booking" {
			continue // the invocation that began it, and the one that relays any number of traces
		}
		if !strings.HasPrefix(s.Traceparent(), "00-"+trace+"-") || !known[s.Parent] {
			t.Errorf("the span %q of %s has no parent in the trace", s.Name, s.Traceparent())
		}
	}
	for _, want := range []string{"booking", "append", "relay", "payment", "provider create", "provider confirm", "projector", "load"} {
		if names[want] == 0 {
			t.Errorf("no span %q among %v", want, names)
		}
	}
}

// What was counted on the way, and that nothing of it is personal: guarantee 9, for the whole output.
func TestTheLinesCountWhatHappenedAndTellNothingPersonal(t *testing.T) {
	t.Parallel()
	o := observe(t)
	fresh := func(map[string]any) {}
	o.gets("booking-create", fresh)
	o.gets("booking-create", fresh) // a repeat
	o.gets("booking-create", func(e map[string]any) { e["body"] = `{"pickup": {"lat": 52.987654` })
	o.gets("booking-create", func(e map[string]any) { e["body"] = `{"note": "4242424242424242"}` })
	o.gets("booking-read", func(e map[string]any) {
		e["rawPath"], e["requestContext"].(map[string]any)["http"].(map[string]any)["path"] = "/v1/bookings/alice@example.com", "/v1/bookings/alice@example.com"
	})
	o.fake.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	o.settles()
	o.invokes("projector", sqsqueue.Consumer(o.functions["projector"].Log, 1, func(context.Context, queue.Delivery) error {
		panic("broken")
	}), o.json(received("projection", sent{`{"v":1,"stream":"alice@example.com","version":1}`, `{"card":"4242424242424242"}`})))

	whole := o.out.String()
	for _, secret := range []string{
		"52.5", "13.4", "52.987654", "Alexanderplatz", "pickup", "pm_card", "4242424242424242", "alice", "Bearer", "eyJ", "rider-key",
	} {
		if strings.Contains(whole, secret) {
			t.Errorf("the output has %q", secret)
		}
	}
	counted := map[string]float64{}
	outcomes := map[any]int{}
	for _, l := range o.lines() {
		if l["message"] != "invocation" {
			continue
		}
		outcomes[l["outcome"]]++
		for _, d := range telemetry.Definitions() {
			switch v := l[string(d.Metric)].(type) {
			case float64:
				counted[string(d.Metric)]++
			case []any:
				counted[string(d.Metric)] += float64(len(v))
			}
		}
	}
	for _, metric := range []telemetry.Metric{
		telemetry.BookingsAccepted, telemetry.Replays, telemetry.RejectedMalformed, telemetry.RejectedUnknown, telemetry.PaymentsAuthorized,
		telemetry.CreateLatency, telemetry.ConfirmLatency, telemetry.ProviderErrors, telemetry.MessagesFailed,
	} {
		if counted[string(metric)] == 0 {
			t.Errorf("%s was not counted: %v", metric, counted)
		}
	}
	if outcomes["ok"] == 0 || outcomes["rejected"] != 3 || outcomes["partial"] != 1 || outcomes["failed"] != 0 {
		t.Errorf("the outcomes are %v", outcomes)
	}
}
