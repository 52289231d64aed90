package awserror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/awsenv/capacity"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/eventbridgebus"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// call is one call of an adapter that makes one operation.
type call struct {
	operation, name string
	do              func(context.Context, aws.Config) error
	// unavailable and conflict are the errors of the adapter's interface; nil where it has none.
	unavailable, conflict error
	// once is a call that is not repeated, whatever the table says.
	once bool
	// silent is a call whose failure is logged and not returned.
	silent bool
	// differs are codes after which this call does something else than the others do.
	differs map[string]outcome
}

// outcome is what an adapter makes of an error: an error of its interface, or nil, after
// so many attempts.
type outcome struct {
	err      error
	attempts int
}

const attempts = 3

// Codes that adapters tell apart.
const (
	conditionFailed     = "ConditionalCheckFailedException"
	transactionConflict = "TransactionConflictException"
)

func calls() []call {
	id := booking.IDFor(booking.Caller{Subject: "errors"}, "1")
	view := readmodeltest.View(id, 2)
	item := deferral.Item{Booking: id, Rev: 1}
	wish := deferral.Deferral{Booking: id, Operation: payments.Capture, At: time.Unix(1, 0), First: time.Unix(2, 0)}
	change := fleet.Change{From: 1, To: fleet.Stage{Version: 2}}
	leased := eventstest.Draft("c")
	leased.Lease = events.Lease{Name: "driver/d-1", Change: events.LeaseTaken}
	log := func(c aws.Config) *dynamoevents.Store {
		return dynamoevents.New(db(c), dynamoevents.Tables{Events: "events", Leases: "control"}, events.NewStamp)
	}
	catalog := func(c aws.Config) *dynamoevents.Catalog {
		return dynamoevents.NewCatalog(db(c), dynamoevents.Tables{Events: "events", Leases: "control"})
	}
	documents := func(c aws.Config) *dynamocontrol.Store { return dynamocontrol.New(db(c), "control") }
	views := func(c aws.Config) *dynamoview.Store { return dynamoview.New(db(c), "views", 1) }
	work := func(c aws.Config) *dynamodeferral.Store { return dynamodeferral.New(db(c), "control") }
	breaker := func(c aws.Config) *dynamobreaker.Store { return dynamobreaker.New(db(c), "control", "payments") }

	dynamo := func(operation, name string, unavailable, conflict error, do func(context.Context, aws.Config) error) call {
		return call{operation: "DynamoDB " + operation, name: name, unavailable: unavailable, conflict: conflict, do: do}
	}
	// A write whose condition is all there is to decide is repeated when it meets a transaction.
	repeated := func(c call, afterCondition outcome) call {
		c.differs = map[string]outcome{conditionFailed: afterCondition, transactionConflict: {c.unavailable, attempts}}
		return c
	}
	// What the breaker's store was refused it reads again, and says that nothing was done.
	refused := func(c call) call {
		c.once, c.differs = true, map[string]outcome{conditionFailed: {nil, 1}, transactionConflict: {nil, 1}}
		return c
	}
	unlessDone := func(done bool, err error) error {
		if done && err == nil {
			return errors.New("it says that it was done")
		}
		return err
	}
	once := func(c call) call { c.once = true; return c }
	return []call{
		dynamo("PutItem", "append", events.ErrUnavailable, events.ErrConflict, func(ctx context.Context, c aws.Config) error {
			_, err := log(c).Append(ctx, events.NewStream("test/errors"), eventstest.Draft("c"))
			return err
		}),
		dynamo("TransactWriteItems", "append with a lease", events.ErrUnavailable, events.ErrConflict, func(ctx context.Context, c aws.Config) error {
			_, err := log(c).Append(ctx, events.NewStream("test/errors"), leased)
			return err
		}),
		dynamo("Query", "load", events.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, err := log(c).Load(ctx, "test/errors")
			return err
		}),
		dynamo("GetItem", "holder of a lease", events.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := log(c).Holder(ctx, "driver/d-1")
			return err
		}),
		dynamo("Scan", "walk the log", events.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := catalog(c).Walk(ctx, events.WalkQuery{Segments: 1})
			return err
		}),
		dynamo("Scan", "walk the leases", events.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := catalog(c).Leases(ctx, "")
			return err
		}),
		dynamo("Query", "first commits", events.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := catalog(c).Firsts(ctx, events.FirstsQuery{From: time.Unix(0, 0), Limit: 1})
			return err
		}),
		dynamo("BatchGetItem", "which streams exist", events.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, err := catalog(c).Exist(ctx, []events.StreamID{"test/errors"})
			return err
		}),
		dynamo("GetItem", "get a document", control.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, err := documents(c).Get(ctx, "a")
			return err
		}),
		dynamo("PutItem", "put a document", control.ErrUnavailable, control.ErrConflict, func(ctx context.Context, c aws.Config) error {
			return documents(c).Put(ctx, "a", control.Document{Body: []byte("{}"), Revision: 1})
		}),
		repeated(dynamo("PutItem", "put a view", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			return views(c).Put(ctx, view)
		}), outcome{nil, 1}),
		repeated(dynamo("PutItem", "replace a view", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			return unlessDone(views(c).Replace(ctx, view, nil))
		}), outcome{nil, 1}),
		repeated(dynamo("DeleteItem", "drop a view", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			return views(c).Drop(ctx, id)
		}), outcome{readmodel.ErrUnavailable, 1}),
		dynamo("GetItem", "get a view", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := views(c).Get(ctx, id)
			return err
		}),
		dynamo("Query", "list a rider's", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := views(c).ByRider(ctx, "alice", readmodel.Place{}, 1)
			return err
		}),
		dynamo("BatchGetItem", "records", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, err := views(c).Records(ctx, []booking.ID{id})
			return err
		}),
		dynamo("Scan", "walk the views", readmodel.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, _, err := views(c).Walk(ctx, readmodel.Segment{Of: 1}, "", 1)
			return err
		}),
		repeated(dynamo("UpdateItem", "defer", deferral.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			return work(c).Defer(ctx, wish)
		}), outcome{deferral.ErrUnavailable, 1}),
		repeated(dynamo("UpdateItem", "offer", deferral.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			return work(c).Offer(ctx, wish)
		}), outcome{nil, 1}),
		dynamo("UpdateItem", "advance", deferral.ErrUnavailable, deferral.ErrChanged, func(ctx context.Context, c aws.Config) error {
			_, err := work(c).Advance(ctx, item, payments.Capture, time.Unix(3, 0))
			return err
		}),
		dynamo("UpdateItem", "reconciled", deferral.ErrUnavailable, deferral.ErrChanged, func(ctx context.Context, c aws.Config) error {
			return work(c).Reconciled(ctx, item)
		}),
		dynamo("DeleteItem", "delete work", deferral.ErrUnavailable, deferral.ErrChanged, func(ctx context.Context, c aws.Config) error {
			return work(c).Delete(ctx, item)
		}),
		dynamo("Query", "due work", deferral.ErrUnavailable, nil, func(ctx context.Context, c aws.Config) error {
			_, err := work(c).Due(ctx, 0, time.Unix(3, 0), deferral.Place{}, 1)
			return err
		}),
		once(dynamo("GetItem", "read the breaker", nil, nil, func(ctx context.Context, c aws.Config) error {
			_, err := breaker(c).Read(ctx, false)
			return err
		})),
		dynamo("GetItem", "read the breaker for an operator", nil, nil, func(ctx context.Context, c aws.Config) error {
			_, err := breaker(c).Read(ctx, true)
			return err
		}),
		refused(dynamo("UpdateItem", "report to the breaker", nil, nil, func(ctx context.Context, c aws.Config) error {
			_, done, err := breaker(c).Report(ctx, fleet.Report{Version: 1, Counts: []fleet.Count{{Version: 1, Failing: 1}}})
			return unlessDone(done, err)
		})),
		refused(dynamo("UpdateItem", "change the breaker", nil, nil, func(ctx context.Context, c aws.Config) error {
			_, done, err := breaker(c).Change(ctx, change)
			return unlessDone(done, err)
		})),
		dynamo("TransactWriteItems", "give an order", nil, nil, func(ctx context.Context, c aws.Config) error {
			return unlessDone(breaker(c).Give(ctx, change, fleet.Order{Number: 1}))
		}),
		{operation: "SQS SendMessageBatch", name: "send hints", do: func(ctx context.Context, c aws.Config) error {
			failed, err := sqsqueue.NewSender(sqs.NewFromConfig(c), "http://127.0.0.1/1/q").Send(ctx, []queue.Hint{queue.NewHint(id.Stream(), 1, "")})
			if len(failed) != 1 {
				return errors.New("the hint does not count as failed")
			}
			return err
		}},
		{operation: "SQS GetQueueAttributes", name: "backlog", do: func(ctx context.Context, c aws.Config) error {
			_, err := sqsqueue.NewGauge(sqs.NewFromConfig(c), "http://127.0.0.1/1/q").Backlog(ctx)
			return err
		}},
		{operation: "SQS GetQueueUrl", name: "hide a message", silent: true, do: hide},
		{operation: "SQS ChangeMessageVisibility", name: "hide a message", silent: true, do: hide},
		{operation: "EventBridge PutEvents", name: "publish", do: func(ctx context.Context, c aws.Config) error {
			accepted, err := eventbridgebus.New(eventbridge.NewFromConfig(c), "arn", "stack").Publish(ctx, []relay.IntegrationEvent{{BookingID: id, Version: 1, Type: "X"}})
			if accepted != 0 {
				return errors.New("the event counts as accepted")
			}
			return err
		}},
		{operation: "Secrets Manager GetSecretValue", name: "read a secret", do: func(ctx context.Context, c aws.Config) error {
			_, err := awsenv.NewSecret(secretsmanager.NewFromConfig(c), "arn", time.Now).Bytes(ctx)
			return err
		}},
	}
}

func db(c aws.Config) *dynamodb.Client { return dynamodb.NewFromConfig(c, capacity.Metered) }

// hide lets a slice of work end that is not done: its message is made visible at once.
func hide(ctx context.Context, c aws.Config) error {
	work := func(context.Context, []byte) (bool, error) { return false, nil }
	handle := sqsqueue.Slices(slog.New(slog.DiscardHandler), sqs.NewFromConfig(c), work)
	resp, err := handle(ctx, lambdaevents.SQSEvent{Records: []lambdaevents.SQSMessage{{MessageId: "m", ReceiptHandle: "r", EventSourceARN: "arn:aws:sqs:eu-west-3:1:q"}}})
	if err == nil && len(resp.BatchItemFailures) != 1 {
		err = errors.New("the message does not stay")
	}
	return err
}

// refusing is an AWS that refuses one operation, and answers every other with nothing.
type refusing struct {
	operation, code string
	status          int
	fields          string // of the error, as JSON, beside its code
	asked           atomic.Int64
}

// ServeHTTP implements http.Handler. The forms are those of AWS JSON 1.0 and 1.1, and of SQS,
// which sends the code of the older query protocol along.
func (r *refusing) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if request.Header.Get("X-Amz-Target") == "" {
		http.Error(w, "the protocol of the SDK has changed: this fake must learn it", http.StatusTeapot)
		return
	}
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	if operation != r.operation {
		answer(w, http.StatusOK, `{"QueueUrl":"http://127.0.0.1/1/q"}`)
		return
	}
	r.asked.Add(1)
	if strings.HasPrefix(request.Header.Get("X-Amz-Target"), "AmazonSQS.") {
		w.Header().Set("X-Amzn-Query-Error", r.code+";Sender")
	}
	answer(w, r.status, fmt.Sprintf(`{"__type":"com.amazonaws#%s","message":"injected"%s}`, r.code, r.fields))
}

// answer sends a body with the checksum that DynamoDB sends.
func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// statuses are those of errors of the server, as documented; every other is 400.
var statuses = map[string]int{
	"InternalServerError": 500, "InternalFailure": 500, "InternalException": 500, "InternalServiceError": 500, "ServiceUnavailable": 503,
}

// Every documented error, injected on the wire under the client that functions have: what
// does each adapter make of it, and after how many attempts?
func TestWhatAdaptersMakeOfEveryDocumentedError(t *testing.T) {
	cfg := clientConfig(t)
	rival := storedCommit(t)
	var all sync.WaitGroup
	covered := map[string]bool{}
	for _, c := range calls() {
		covered[c.operation] = true
		for code, class := range documented[c.operation] {
			refusal := &refusing{code: code, status: 400}
			_, refusal.operation, _ = cutLast(c.operation)
			if status, ok := statuses[code]; ok {
				refusal.status = status
			}
			if code == conditionFailed && c.name == "append" {
				refusal.fields = `,"Item":` + rival
			}
			all.Go(func() { c.check(t, cfg, code, refusal, c.outcome(code, class)) })
		}
	}
	for reason, class := range map[string]awserror.Class{
		"ConditionalCheckFailed": awserror.Conflict, "TransactionConflict": awserror.Conflict, "ItemCollectionSizeLimitExceeded": awserror.Bug,
		"ProvisionedThroughputExceeded": awserror.Retry, "ThrottlingError": awserror.Retry, "ValidationError": awserror.Bug,
	} {
		for _, c := range calls() {
			if c.operation != "DynamoDB TransactWriteItems" {
				continue
			}
			want := c.outcome(reason, class)
			switch {
			case c.name == "give an order" && class == awserror.Conflict:
				want = outcome{nil, 1}
			case c.name == "give an order":
				want.attempts = 1 // an operator tries again
			}
			refusal := &refusing{
				operation: "TransactWriteItems", code: "TransactionCanceledException", status: 400,
				fields: fmt.Sprintf(`,"CancellationReasons":[{"Code":%q,"Item":%s},{"Code":"None"}]`, reason, rival),
			}
			all.Go(func() { c.check(t, cfg, reason, refusal, want) })
		}
	}
	all.Wait()
	for operation := range documented {
		if !covered[operation] && operation != "DynamoDB BatchWriteItem" && operation != "SQS SendMessage" {
			t.Errorf("no call of an adapter makes %s", operation)
		}
	}
}

func cutLast(s string) (before, after string, found bool) {
	at := strings.LastIndex(s, " ")
	return s[:at], s[at+1:], true
}

// outcome is what must come of a code of a class.
func (c call) outcome(code string, class awserror.Class) outcome {
	if want, ok := c.differs[code]; ok {
		return want
	}
	want := outcome{errBug, 1}
	switch class {
	case awserror.Retry:
		want = outcome{c.unavailable, attempts}
	case awserror.Unavailable:
		want.err = c.unavailable
	case awserror.Conflict:
		want.err = c.conflict
	case awserror.Bug:
	}
	if want.err == nil {
		want.err = errBug
	}
	if c.once {
		want.attempts = 1
	}
	if c.silent {
		want.err = nil
	}
	return want
}

// atOnce bounds the cases that run at once: an attempt that cannot connect in a second would
// count as one that was made.
var atOnce = make(chan struct{}, 48)

// errBug stands for an error that is none of the adapter's interface.
var errBug = errors.New("an error of none of the kinds")

func (c call) check(t *testing.T, cfg aws.Config, code string, refusal *refusing, want outcome) {
	atOnce <- struct{}{}
	defer func() { <-atOnce }()
	server := httptest.NewServer(refusal)
	defer server.Close()
	cfg.BaseEndpoint = aws.String(server.URL)
	err := c.do(t.Context(), cfg)
	if got := int(refusal.asked.Load()); got != want.attempts {
		t.Errorf("%s (%s) after %s: %d attempts, want %d", c.operation, c.name, code, got, want.attempts)
	}
	right := errors.Is(err, want.err)
	if want.err == errBug { //nolint:errorlint // the one of this test
		right = err != nil
	}
	for _, sentinel := range []error{c.unavailable, c.conflict} {
		if sentinel != nil && sentinel != want.err && errors.Is(err, sentinel) { //nolint:errorlint // as above
			right = false
		}
	}
	if !right {
		t.Errorf("%s (%s) after %s: %v, want %v", c.operation, c.name, code, err, want.err)
	}
}

// clientConfig is what functions make their clients of.
func clientConfig(t *testing.T) aws.Config {
	t.Helper()
	t.Setenv("AWS_REGION", "eu-west-3")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	cfg, err := awsenv.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// storedCommit is an item of the log, as DynamoDB returns the one that is in the way.
func storedCommit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../events/dynamoevents/testdata/items.json")
	if err != nil {
		t.Fatal(err)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil || len(items) == 0 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	return string(items[0])
}
