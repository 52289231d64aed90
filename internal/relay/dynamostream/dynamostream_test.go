package dynamostream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/dynamostream"
)

const (
	first = "booking/bk_rpwhscj53dekcesxrmjxplptkf3e4xoq"
	trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

func batch(t *testing.T) lambdaevents.DynamoDBEvent {
	t.Helper()
	raw, err := os.ReadFile("testdata/batch.json")
	if err != nil {
		t.Fatal(err)
	}
	var e lambdaevents.DynamoDBEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// mailbox is a queue that loses what it is told to, by index of the hint.
type mailbox struct {
	loses []int
	got   []queue.Hint
}

func (m *mailbox) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	m.got = append(m.got, hints...)
	if m.loses == nil {
		return nil, nil
	}
	return m.loses, errors.New("away")
}

// run hands a batch to the relay function and returns where it says that the
// batch failed, and what it logged.
func run(t *testing.T, e lambdaevents.DynamoDBEvent, projection, payments *mailbox) (failedAt []string, logged string) {
	t.Helper()
	var out bytes.Buffer
	handle := dynamostream.Handler(slog.New(slog.NewTextHandler(&out, nil)), &relay.Relay{Projection: projection, Payments: payments})
	resp, err := handle(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range resp.BatchItemFailures {
		failedAt = append(failedAt, f.ItemIdentifier)
	}
	return failedAt, out.String()
}

// Two commits; an erasure, which changes what there is to see; and a removal,
// which nobody may do and which leaves nothing to look at.
func TestABatchOfTheStreamIsRelayed(t *testing.T) {
	t.Parallel()
	var projection, payments mailbox
	failedAt, logged := run(t, batch(t), &projection, &payments)
	if failedAt != nil {
		t.Errorf("failed at %v", failedAt)
	}
	if diff := cmp.Diff([]queue.Hint{queue.NewHint(first, 1, trace), queue.NewHint(first, 4, ""), queue.NewHint(first, 1, "")}, projection.got); diff != "" {
		t.Errorf("for the projection (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]queue.Hint{queue.NewHint(first, 1, trace), queue.NewHint(first, 1, "")}, payments.got); diff != "" {
		t.Errorf("for payments (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		`level=WARN msg="the log was changed" operation=MODIFY sequence_number=100000000000000000003`,
		`level=WARN msg="the log was changed" operation=REMOVE sequence_number=100000000000000000004`,
		`level=INFO msg=relaying version=4`,
	} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log has no %q: %s", want, logged)
		}
	}
	if strings.Contains(logged, "c2VjcmV0") || strings.Contains(logged, "secret") {
		t.Errorf("the log tells personal data: %s", logged)
	}
}

// Lambda delivers again from the record on that is named: all before it are done.
func TestABatchFailsFromTheFirstRecordOnThatIsNotDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		projection, payments mailbox
		want                 string
	}{
		"the first":                         {mailbox{loses: []int{0, 1, 2}}, mailbox{}, "100000000000000000001"},
		"the second":                        {mailbox{loses: []int{1}}, mailbox{}, "100000000000000000002"},
		"the third, by the payments queue":  {mailbox{}, mailbox{loses: []int{1}}, "100000000000000000003"},
		"the second and the third":          {mailbox{loses: []int{1}}, mailbox{loses: []int{1}}, "100000000000000000002"},
		"it is not known which: from start": {mailbox{loses: []int{}}, mailbox{}, "100000000000000000001"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failedAt, logged := run(t, batch(t), &test.projection, &test.payments)
			if diff := cmp.Diff([]string{test.want}, failedAt); diff != "" {
				t.Errorf("failed at (-want +got):\n%s", diff)
			}
			if !strings.Contains(logged, `level=ERROR msg="relay stopped" sequence_number=`+test.want) {
				t.Errorf("the log does not say where: %s", logged)
			}
		})
	}
}

// Removed records before the one that failed must not shift the place.
func TestAPlaceIsThatOfTheRecordNotOfTheHint(t *testing.T) {
	t.Parallel()
	e := batch(t)
	removed := e.Records[3]
	e.Records = []lambdaevents.DynamoDBEventRecord{removed, e.Records[0], removed, e.Records[1]}
	failedAt, _ := run(t, e, &mailbox{loses: []int{1}}, &mailbox{})
	if diff := cmp.Diff([]string{"100000000000000000002"}, failedAt); diff != "" {
		t.Errorf("failed at (-want +got):\n%s", diff)
	}
}

func TestARecordThatIsNoCommitStopsTheBatchThere(t *testing.T) {
	t.Parallel()
	type image = map[string]lambdaevents.DynamoDBAttributeValue
	text, number := lambdaevents.NewStringAttribute, lambdaevents.NewNumberAttribute
	event := func(m image) lambdaevents.DynamoDBAttributeValue {
		return lambdaevents.NewListAttribute([]lambdaevents.DynamoDBAttributeValue{lambdaevents.NewMapAttribute(m)})
	}
	for name, spoil := range map[string]func(image) image{
		"no image":                   func(image) image { return nil },
		"no stream":                  func(i image) image { delete(i, "stream_id"); return i },
		"a stream that is a number":  func(i image) image { i["stream_id"] = number("1"); return i },
		"no version":                 func(i image) image { delete(i, "version"); return i },
		"a version that is text":     func(i image) image { i["version"] = text("1"); return i },
		"a version that is no count": func(i image) image { i["version"] = number("x"); return i },
		"no events":                  func(i image) image { delete(i, "events"); return i },
		"an empty list of events":    func(i image) image { i["events"] = lambdaevents.NewListAttribute(nil); return i },
		"events that are text":       func(i image) image { i["events"] = text("x"); return i },
		"an event that is text": func(i image) image {
			i["events"] = lambdaevents.NewListAttribute([]lambdaevents.DynamoDBAttributeValue{text("x")})
			return i
		},
		"an event without type": func(i image) image { i["events"] = event(image{"schema": number("1")}); return i },
		"an event of a type in bytes": func(i image) image {
			i["events"] = event(image{"type": lambdaevents.NewBinaryAttribute([]byte("x"))})
			return i
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := batch(t)
			e.Records[1].Change.NewImage = spoil(e.Records[1].Change.NewImage)
			var projection, payments mailbox
			failedAt, logged := run(t, e, &projection, &payments)
			if diff := cmp.Diff([]string{"100000000000000000002"}, failedAt); diff != "" {
				t.Errorf("failed at (-want +got):\n%s", diff)
			}
			if !strings.Contains(logged, `level=ERROR msg="relay stopped"`) {
				t.Errorf("the log is %s, want why it stopped", logged)
			}
			// What came before it has been sent, and only that.
			if diff := cmp.Diff([]queue.Hint{queue.NewHint(first, 1, trace)}, projection.got); diff != "" {
				t.Errorf("for the projection (-want +got):\n%s", diff)
			}
			// A failure to send comes first, where it is before the broken record.
			failedAt, _ = run(t, e, &mailbox{loses: []int{0}}, &mailbox{})
			if diff := cmp.Diff([]string{"100000000000000000001"}, failedAt); diff != "" {
				t.Errorf("failed at (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheFormOfTheResponse(t *testing.T) {
	t.Parallel()
	for want, projection := range map[string]*mailbox{
		`{"batchItemFailures":[]}`: {},
		`{"batchItemFailures":[{"itemIdentifier":"100000000000000000002"}]}`: {loses: []int{1}},
	} {
		resp, err := dynamostream.Handler(slog.New(slog.DiscardHandler), &relay.Relay{Projection: projection, Payments: &mailbox{}})(t.Context(), batch(t))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(resp); err != nil || string(got) != want {
			t.Errorf("the response is %s (%v), want %s", got, err, want)
		}
	}
}
