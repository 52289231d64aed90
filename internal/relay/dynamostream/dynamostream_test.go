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

// shelf keeps what cannot be read, or refuses it.
type shelf struct {
	err  error
	kept []string
}

// SendBodies implements relay.Shelf.
func (s *shelf) SendBodies(_ context.Context, bodies [][]byte) ([]int, error) {
	if s.err != nil {
		return []int{0}, s.err
	}
	for _, body := range bodies {
		s.kept = append(s.kept, string(body))
	}
	return nil, nil
}

// asLambdaHasIt turns a batch into what the handler gets.
func asLambdaHasIt(t *testing.T, batch any) dynamostream.Event {
	t.Helper()
	raw, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	var e dynamostream.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// run hands a batch to the relay function and returns where it says that the
// batch failed, and what it logged. Nothing of it must be kept.
func run(t *testing.T, e lambdaevents.DynamoDBEvent, projection, payments *mailbox) (failedAt []string, logged string) {
	t.Helper()
	var kept shelf
	failedAt, logged = runKeeping(t, e, projection, payments, &kept)
	if kept.kept != nil {
		t.Errorf("kept %v", kept.kept)
	}
	return failedAt, logged
}

func runKeeping(t *testing.T, batch any, projection, payments *mailbox, kept *shelf) (failedAt []string, logged string) {
	t.Helper()
	var out bytes.Buffer
	handle := dynamostream.Handler(slog.New(slog.NewTextHandler(&out, nil)), &relay.Relay{Projection: projection, Payments: payments, Unreadable: kept})
	resp, err := handle(t.Context(), asLambdaHasIt(t, batch))
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

type image = map[string]lambdaevents.DynamoDBAttributeValue

// spoiled are the ways in which a record can be no commit, although its keys name one.
func spoiled() map[string]func(image) image {
	text, number := lambdaevents.NewStringAttribute, lambdaevents.NewNumberAttribute
	event := func(m image) lambdaevents.DynamoDBAttributeValue {
		return lambdaevents.NewListAttribute([]lambdaevents.DynamoDBAttributeValue{lambdaevents.NewMapAttribute(m)})
	}
	return map[string]func(image) image{
		"no image":                   func(image) image { return nil },
		"no stream":                  func(i image) image { delete(i, "stream_id"); return i },
		"an endless stream":          func(i image) image { i["stream_id"] = text(strings.Repeat("x", 513)); return i },
		"a stream that is a number":  func(i image) image { i["stream_id"] = number("1"); return i },
		"no version":                 func(i image) image { delete(i, "version"); return i },
		"version 0":                  func(i image) image { i["version"] = number("0"); return i },
		"a version that is text":     func(i image) image { i["version"] = text("1"); return i },
		"a version that is no count": func(i image) image { i["version"] = number("x"); return i },
		"no events":                  func(i image) image { delete(i, "events"); return i },
		"an empty list of events":    func(i image) image { i["events"] = lambdaevents.NewListAttribute(nil); return i },
		"events that are text":       func(i image) image { i["events"] = text("x"); return i },
		"an event that is text": func(i image) image {
			i["events"] = lambdaevents.NewListAttribute([]lambdaevents.DynamoDBAttributeValue{text("x")})
			return i
		},
		"an event without type":       func(i image) image { i["events"] = event(image{"schema": number("1")}); return i },
		"an event of an empty type":   func(i image) image { i["events"] = event(image{"type": text("")}); return i },
		"an event of an endless type": func(i image) image { i["events"] = event(image{"type": text(strings.Repeat("x", 513))}); return i },
		"an event of a type in bytes": func(i image) image {
			i["events"] = event(image{"type": lambdaevents.NewBinaryAttribute([]byte("x"))})
			return i
		},
	}
}

// A record that is no commit is kept, with its keys and what is wrong, and stops nothing. Its
// keys name a stream: that gets its hints all the same, as if anything could have happened.
func TestARecordThatIsNoCommitIsKept(t *testing.T) {
	t.Parallel()
	for name, spoil := range spoiled() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range []string{"INSERT", "MODIFY"} {
				e := batch(t)
				e.Records[1].Change.NewImage = spoil(e.Records[1].Change.NewImage)
				e.Records[1].EventName = operation
				var projection, payments mailbox
				var kept shelf
				failedAt, logged := runKeeping(t, e, &projection, &payments, &kept)
				if failedAt != nil {
					t.Errorf("failed at %v", failedAt)
				}
				if diff := cmp.Diff([]queue.Hint{queue.NewHint(first, 1, trace), queue.NewHint(first, 3, ""), queue.NewHint(first, 1, "")}, projection.got); diff != "" {
					t.Errorf("for the projection (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]queue.Hint{queue.NewHint(first, 1, trace), queue.NewHint(first, 3, ""), queue.NewHint(first, 1, "")}, payments.got); diff != "" {
					t.Errorf("for payments (-want +got):\n%s", diff)
				}
				want := `","operation":"` + operation + `","sequence_number":"100000000000000000002","keys":{"stream_id":"S:` + first + `","version":"N:3"}}`
				if len(kept.kept) != 1 || !strings.HasPrefix(kept.kept[0], `{"v":1,"reason":"`) || !strings.HasSuffix(kept.kept[0], want) {
					t.Errorf("kept %s, want one %s", kept.kept, want)
				}
				if !strings.Contains(logged, `level=ERROR msg="record cannot be read" operation=`+operation+` sequence_number=100000000000000000002 keys=`) {
					t.Errorf("the log does not say so: %s", logged)
				}
				// What cannot be kept is not passed over; a failure to send comes first, where it is.
				failedAt, _ = runKeeping(t, e, &mailbox{}, &mailbox{}, &shelf{err: errors.New("away")})
				if diff := cmp.Diff([]string{"100000000000000000002"}, failedAt); diff != "" {
					t.Errorf("without a shelf it failed at (-want +got):\n%s", diff)
				}
				failedAt, _ = runKeeping(t, e, &mailbox{loses: []int{0}}, &mailbox{}, &shelf{err: errors.New("away")})
				if diff := cmp.Diff([]string{"100000000000000000001"}, failedAt); diff != "" {
					t.Errorf("failed at (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Records as no library of ours has them: of a type of attributes that nobody knows, of another
// table, or of no form at all. One of them never fails the batch, and what is not needed of a
// commit is not read.
func TestRecordsOfOthersStopNothing(t *testing.T) {
	t.Parallel()
	const good = `{"eventName":"INSERT","dynamodb":{"SequenceNumber":"2","NewImage":{"stream_id":{"S":"` + first + `"},"version":{"N":"2"},
		"events":{"L":[{"M":{"type":{"S":"PaymentStarted"},"x":{"XY":[]}}}]},"x":{"XY":{"Z":1}},"y":{"BS":[1]},"traceparent":{"N":"1"}}}}`
	for name, tc := range map[string]struct {
		record string
		hinted bool
		keys   string
	}{
		"an unknown type of key":    {`{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"id":{"XY":[1]}},"NewImage":{}}}`, false, `{"id":"XY:"}`},
		"an item of others":         {`{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"id":{"S":"x"}},"NewImage":{"id":{"S":"x"}}}}`, false, `{"id":"S:x"}`},
		"a stream of others":        {`{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"stream_id":{"S":"x"},"version":{"N":"1"}}}}`, false, `{"stream_id":"S:x","version":"N:1"}`},
		"an unknown type of events": {`{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"stream_id":{"S":"` + first + `"}},"NewImage":{"stream_id":{"S":"` + first + `"},"version":{"N":"1"},"events":{"XY":1}}}}`, true, `{"stream_id":"S:` + first + `"}`},
		"a version beyond all":      {`{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"stream_id":{"S":"` + first + `"},"version":{"N":"1E+30"}},"NewImage":[]}}`, true, `{"stream_id":"S:` + first + `","version":"N:1E+30"}`},
		"no keys":                   {`{"eventName":"MODIFY","dynamodb":{"SequenceNumber":"1"}}`, false, `{}`},
		"no operation":              {`{"dynamodb":{"SequenceNumber":"1"}}`, false, `{}`},
		"text":                      {`"x"`, false, `{}`},
		"nothing":                   {`null`, false, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var projection, payments mailbox
			var kept shelf
			failedAt, logged := runKeeping(t, json.RawMessage(`{"Records":[`+tc.record+`,`+good+`]}`), &projection, &payments, &kept)
			want := []queue.Hint{queue.NewHint(first, 2, "")}
			if tc.hinted {
				want = append([]queue.Hint{queue.NewHint(first, 1, "")}, want...)
			}
			if diff := cmp.Diff(want, projection.got); diff != "" || failedAt != nil {
				t.Errorf("failed at %v (-want +got):\n%s", failedAt, diff)
			}
			if len(kept.kept) != 1 || tc.keys != "{}" && !strings.HasSuffix(kept.kept[0], `"keys":`+tc.keys+`}`) {
				t.Errorf("kept %s, want one with %s", kept.kept, tc.keys)
			}
			if u, ok := relay.ParseUnreadable([]byte(kept.kept[0])); !ok || u.Reason == "" {
				t.Errorf("read back as %+v", u)
			}
			if !strings.Contains(logged, relay.AlarmUnreadable) {
				t.Errorf("the log does not say so: %s", logged)
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
		resp, err := dynamostream.Handler(slog.New(slog.DiscardHandler), &relay.Relay{Projection: projection, Payments: &mailbox{}, Unreadable: &shelf{}})(t.Context(), asLambdaHasIt(t, batch(t)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(resp); err != nil || string(got) != want {
			t.Errorf("the response is %s (%v), want %s", got, err, want)
		}
	}
}
