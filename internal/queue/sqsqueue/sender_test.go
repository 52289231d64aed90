package sqsqueue_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
)

// fakeSQS is a queue that takes every message, but those it is told to refuse or
// to keep silent about, by their stream, and the calls it is told to fail.
type fakeSQS struct {
	refuses, forgets map[string]bool
	fails            map[int]error // by number of the call
	calls            [][]string    // the bodies of each
	urls             []string
}

func (f *fakeSQS) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	call, ids := len(f.calls), map[string]bool{}
	f.calls, f.urls = append(f.calls, nil), append(f.urls, aws.ToString(in.QueueUrl))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := f.fails[call]; err != nil {
		return nil, err
	}
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, errors.New("a batch has 1 to 10 entries")
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if ids[*e.Id] {
			return nil, errors.New("ids of a batch differ")
		}
		ids[*e.Id] = true
		h, err := queue.Parse([]byte(*e.MessageBody))
		if err != nil {
			return nil, err
		}
		switch stream := string(h.Stream); {
		case f.forgets[stream]:
		case f.refuses[stream]:
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalError")})
		default:
			f.calls[call] = append(f.calls[call], *e.MessageBody)
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
		}
	}
	slices.Reverse(out.Successful) // SQS promises no order
	return out, nil
}

func hints(n int) []queue.Hint {
	var all []queue.Hint
	for i := range n {
		all = append(all, queue.NewHint(events.StreamID("s/"+strconv.Itoa(i)), int64(i+1), ""))
	}
	return all
}

func streams(numbers ...int) map[string]bool {
	named := map[string]bool{}
	for _, n := range numbers {
		named["s/"+strconv.Itoa(n)] = true
	}
	return named
}

func TestHintsAreSentInBatchesOfTen(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{0: nil, 1: {1}, 10: {10}, 11: {10, 1}, 25: {10, 10, 5}} {
		fake := &fakeSQS{}
		failed, err := sqsqueue.NewSender(fake, "https://sqs.example/q").Send(t.Context(), hints(n))
		if failed != nil || err != nil {
			t.Errorf("%d hints: failed %v: %v", n, failed, err)
		}
		var sizes []int
		var sent []string
		for _, call := range fake.calls {
			sizes, sent = append(sizes, len(call)), append(sent, call...)
		}
		if diff := cmp.Diff(want, sizes); diff != "" {
			t.Errorf("%d hints (-want +got):\n%s", n, diff)
		}
		for i, h := range hints(n) {
			if body, err := h.Encode(); err != nil || sent[i] != string(body) {
				t.Errorf("message %d is %s, want %s (%v)", i, sent[i], body, err)
			}
		}
		for _, url := range fake.urls {
			if url != "https://sqs.example/q" {
				t.Errorf("sent to %s", url)
			}
		}
	}
}

func TestWhatMayNotHaveGotThereIsReported(t *testing.T) {
	t.Parallel()
	down := errors.New("connection reset")
	for name, test := range map[string]struct {
		fake   *fakeSQS
		hints  int
		failed []int
		says   string
	}{
		"one was refused":              {&fakeSQS{refuses: streams(2)}, 3, []int{2}, "send 3 messages: 1 were refused (InternalError)"},
		"some in several batches":      {&fakeSQS{refuses: streams(0, 9, 10, 24)}, 25, []int{0, 9, 10, 24}, "send 5 messages: 1 were refused (InternalError)"},
		"all were refused":             {&fakeSQS{refuses: streams(0, 1)}, 2, []int{0, 1}, "2 were refused"},
		"the answer leaves some out":   {&fakeSQS{forgets: streams(1, 11)}, 12, []int{1, 11}, "1 were refused"},
		"the answer is empty":          {&fakeSQS{forgets: streams(0)}, 1, []int{0}, "1 were refused"},
		"the only call fails":          {&fakeSQS{fails: map[int]error{0: down}}, 2, []int{0, 1}, "send 2 messages: connection reset"},
		"a later call fails":           {&fakeSQS{fails: map[int]error{1: down}}, 12, []int{10, 11}, "send 2 messages: connection reset"},
		"an earlier call fails":        {&fakeSQS{fails: map[int]error{0: down}}, 12, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "send 10 messages: connection reset"},
		"one fails, another is partly": {&fakeSQS{fails: map[int]error{1: down}, refuses: streams(3)}, 12, []int{3, 10, 11}, "connection reset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, err := sqsqueue.NewSender(test.fake, "q").Send(t.Context(), hints(test.hints))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one with %q", err, test.says)
			}
			if diff := cmp.Diff(test.failed, failed); diff != "" {
				t.Errorf("failed (-want +got):\n%s", diff)
			}
			// What is not reported has got there.
			sent := 0
			for _, call := range test.fake.calls {
				sent += len(call)
			}
			if sent != test.hints-len(test.failed) {
				t.Errorf("%d got there, want %d", sent, test.hints-len(test.failed))
			}
		})
	}
}

// A hint that has no JSON form costs its batch, nothing else.
func TestAHintThatCannotBeEncodedIsReported(t *testing.T) {
	t.Parallel()
	all := hints(12)
	all[11].Stream = "s/\xff"
	fake := &fakeSQS{}
	failed, err := sqsqueue.NewSender(fake, "q").Send(t.Context(), all)
	if diff := cmp.Diff([]int{10, 11}, failed); err == nil || diff != "" {
		t.Errorf("%v; failed (-want +got):\n%s", err, diff)
	}
}

func TestACanceledContextSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed, err := sqsqueue.NewSender(&fakeSQS{}, "q").Send(ctx, hints(11))
	if !errors.Is(err, context.Canceled) || len(failed) != 11 {
		t.Errorf("failed %v: %v, want all and why", failed, err)
	}
}
