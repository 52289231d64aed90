package sqsqueue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

func batch(t *testing.T) lambdaevents.SQSEvent {
	t.Helper()
	raw, err := os.ReadFile("testdata/batch.json")
	if err != nil {
		t.Fatal(err)
	}
	var e lambdaevents.SQSEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Two messages of one booking, one of another, and one that is no hint.
func TestABatchIsConsumed(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	var mu sync.Mutex
	var handled []queue.Delivery
	consume := sqsqueue.Consumer(slog.New(slog.NewTextHandler(&logged, nil)), 10, func(_ context.Context, h queue.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		handled = append(handled, h)
		if strings.HasSuffix(string(h.Stream), "ctui") {
			return errors.New("the log is away")
		}
		return nil
	})
	resp, err := consume(t.Context(), batch(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []queue.Delivery{
		{Hint: queue.NewHint("booking/bk_rpwhscj53dekcesxrmjxplptkf3e4xoq", 4, ""), Receives: 2},
		{Hint: queue.NewHint("booking/bk_tqobsl3diqe7pte4j3im6thr2pa5ctui", 1, ""), Receives: 1},
	}
	slices.SortFunc(handled, func(a, b queue.Delivery) int { return strings.Compare(string(a.Stream), string(b.Stream)) })
	if diff := cmp.Diff(want, handled); diff != "" {
		t.Errorf("handled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"7a1f2c3d-0b6e-4a52-9b7d-3f0f5c1d2e33", "c80e8021-a70a-42c7-a470-796e1186f753"}, failures(resp)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	lines := logged.String()
	if strings.Count(lines, "level=ERROR") != 2 || !strings.Contains(lines, `error="the log is away"`) || !strings.Contains(lines, "message_id=c80e8021-a70a-42c7-a470-796e1186f753") {
		t.Errorf("the log is %q, want a line for each failure", lines)
	}
	if strings.Contains(lines, "secret") {
		t.Errorf("the log tells what was in a message: %q", lines)
	}
}

func failures(resp lambdaevents.SQSEventResponse) []string {
	var ids []string
	for _, f := range resp.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	slices.Sort(ids)
	return ids
}

// A message that does not say how often it was received was received once.
func TestReceivesAreCounted(t *testing.T) {
	t.Parallel()
	for count, want := range map[string]int{"1": 1, "3": 3, "": 1, "0": 1, "-2": 1, "many": 1} {
		e := batch(t)
		e.Records = e.Records[:1]
		e.Records[0].Attributes["ApproximateReceiveCount"] = count
		got := 0
		consume := sqsqueue.Consumer(slog.New(slog.DiscardHandler), 1, func(_ context.Context, d queue.Delivery) error {
			got = d.Receives
			return nil
		})
		if _, err := consume(t.Context(), e); err != nil || got != want {
			t.Errorf("a count of %q is read as %d (%v), want %d", count, got, err, want)
		}
	}
}

// Lambda takes a missing list for a success of the whole batch, and an answer
// that it cannot read for a failure of it: the form of the response matters.
func TestTheFormOfTheResponse(t *testing.T) {
	t.Parallel()
	for want, failure := range map[string]error{
		`{"batchItemFailures":[]}`: nil,
		`{"batchItemFailures":[{"itemIdentifier":"059f36b4-87a3-44ab-83d2-661975830a7d"}]}`: errors.New("away"),
	} {
		e := batch(t)
		e.Records = e.Records[:1]
		consume := sqsqueue.Consumer(slog.New(slog.DiscardHandler), 1, func(context.Context, queue.Delivery) error { return failure })
		resp, err := consume(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(resp); err != nil || string(got) != want {
			t.Errorf("the response is %s (%v), want %s", got, err, want)
		}
	}
}

// A message that fails says whose it is, in a batch too; one that is malformed says nothing of what it holds.
func TestAFailedMessageIsFoundByItsBooking(t *testing.T) {
	t.Parallel()
	const booking, trace = "bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "4bf92f3577b34da6a3ce929d0e0e4736"
	var out bytes.Buffer
	f := telemetry.New(telemetry.Config{Stack: "hail", Name: "projector", Out: &out, Now: time.Now})
	consumer := sqsqueue.Consumer(f.Log, 1, func(context.Context, queue.Delivery) error { return errors.New("away") })
	_, err := f.Handler(func(ctx context.Context) error {
		_, err := consumer(ctx, lambdaevents.SQSEvent{Records: []lambdaevents.SQSMessage{
			{MessageId: "m-1", Body: `{"v":1,"stream":"booking/` + booking + `","version":3,"traceparent":"00-` + trace + `-00f067aa0ba902b7-01"}`},
			{MessageId: "m-2", Body: `{"v":1,"stream":"alice","version":3}`},
			{MessageId: "m-3", Body: `{"name":"alice"}`},
		}})
		return err
	}).Invoke(t.Context(), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"message_id":"m-1"`) {
			found = strings.Contains(line, booking) && strings.Contains(line, "booking/"+booking+"@3") && strings.Contains(line, trace)
		}
	}
	if !found || strings.Contains(out.String(), "alice") || strings.Count(out.String(), "message failed") != 3 {
		t.Errorf("the log is %s", &out)
	}
}
