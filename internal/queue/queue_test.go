package queue_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// The form of a hint is storage format: messages of last week must be readable.
func TestTheFormOfAHint(t *testing.T) {
	t.Parallel()
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	reconcile := queue.NewHint("booking/bk_1", 3, "")
	reconcile.Reconcile = true
	for want, hint := range map[string]queue.Hint{
		`{"v":1,"stream":"booking/bk_1","version":3,"reconcile":true}`:              reconcile,
		`{"v":1,"stream":"booking/bk_1","version":3}`:                               queue.NewHint("booking/bk_1", 3, ""),
		`{"v":1,"stream":"booking/bk_1","version":3,"traceparent":"` + trace + `"}`: queue.NewHint("booking/bk_1", 3, trace),
	} {
		body, err := hint.Encode()
		if err != nil || string(body) != want {
			t.Errorf("the hint is %s (%v), want %s", body, err, want)
		}
		back, err := queue.Parse(body)
		if err != nil || back != hint {
			t.Errorf("%s is read as %+v (%v), want %+v", body, back, err, hint)
		}
	}
}

func TestAMalformedHintIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":          ``,
		"no JSON":          `hello`,
		"half of it":       `{"v":1,"stream":"booking/bk_1"`,
		"two of them":      `{"v":1,"stream":"s","version":1}{"v":1,"stream":"s","version":1}`,
		"a list":           `[]`,
		"null":             `null`,
		"no version":       `{"stream":"s","version":1}`,
		"an older format":  `{"v":0,"stream":"s","version":1}`,
		"a newer format":   `{"v":2,"stream":"s","version":1}`,
		"no stream":        `{"v":1,"version":1}`,
		"an empty stream":  `{"v":1,"stream":"","version":1}`,
		"no event":         `{"v":1,"stream":"s"}`,
		"event zero":       `{"v":1,"stream":"s","version":0}`,
		"a negative event": `{"v":1,"stream":"s","version":-1}`,
		"half an event":    `{"v":1,"stream":"s","version":1.5}`,
		"a text":           `{"v":1,"stream":"s","version":"1"}`,
		"a field too many": `{"v":1,"stream":"s","version":1,"x":1}`,
		"a field twice":    `{"v":1,"stream":"s","stream":"s","version":1}`,
		"invalid UTF-8":    "{\"v\":1,\"stream\":\"\xff\",\"version\":1}",
	} {
		if h, err := queue.Parse([]byte(body)); !errors.Is(err, queue.ErrMalformed) {
			t.Errorf("%s is read as %+v (%v), want ErrMalformed", name, h, err)
		}
	}
}

func TestAnErrorRepeatsNothingOfTheBody(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`secret`, `{"secret":1}`, `{"v":"secret"}`, `{"v":1,"v":"secret"}`, `{"stream":"\ud800secret"}`, `{"v":1,"stream":"secret","version":0}`} {
		if _, err := queue.Parse([]byte(body)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// message is a delivery of a hint; its id tells the stream, the version and
// which delivery it is.
func message(t *testing.T, stream string, version int64, delivery string) queue.Message {
	t.Helper()
	body, err := queue.NewHint(events.StreamID(stream), version, "").Encode()
	if err != nil {
		t.Fatal(err)
	}
	return queue.Message{ID: stream + "@" + strconv.FormatInt(version, 10) + delivery, Body: body}
}

// consumer handles hints and remembers them.
type consumer struct {
	mu      sync.Mutex
	handled map[events.StreamID][]int64
	fails   map[events.StreamID]error
}

func (c *consumer) handle(_ context.Context, h queue.Delivery) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handled == nil {
		c.handled = map[events.StreamID][]int64{}
	}
	c.handled[h.Stream] = append(c.handled[h.Stream], h.Version)
	return c.fails[h.Stream]
}

// failed maps the id of each failure to its error.
func failed(t *testing.T, failures []queue.Failure) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range failures {
		if _, twice := out[f.ID]; twice || f.Err == nil {
			t.Errorf("%s is reported twice, or without an error: %v", f.ID, f.Err)
		}
		out[f.ID] = f.Err.Error()
	}
	return out
}

func TestEachStreamIsHandledOnceForItsNewestHint(t *testing.T) {
	t.Parallel()
	var c consumer
	failures := queue.Process(t.Context(), []queue.Message{
		message(t, "s/1", 1, ""), message(t, "s/2", 5, ""), message(t, "s/1", 4, ""), message(t, "s/1", 2, ""),
		message(t, "s/2", 5, " again"), message(t, "s/3", 1, ""),
	}, 2, c.handle)
	want := map[events.StreamID][]int64{"s/1": {4}, "s/2": {5}, "s/3": {1}}
	if diff := cmp.Diff(want, c.handled); diff != "" || failures != nil {
		t.Errorf("failures %v; handled (-want +got):\n%s", failures, diff)
	}
}

// One look does for all hints of a stream only if it is the most thorough that any
// of them asks for, and knows of the most troubled delivery.
func TestADeliveryAsksForAllThatItsHintsAskFor(t *testing.T) {
	t.Parallel()
	reconcile := queue.NewHint("s/1", 1, "")
	reconcile.Reconcile = true
	body, err := reconcile.Encode()
	if err != nil {
		t.Fatal(err)
	}
	old, newest := queue.Message{ID: "old", Body: body, Receives: 3}, message(t, "s/1", 4, "")
	want := queue.Delivery{Hint: queue.NewHint("s/1", 4, ""), Receives: 3}
	want.Reconcile = true
	for _, batch := range [][]queue.Message{{old, newest}, {newest, old}} {
		var got []queue.Delivery
		queue.Process(t.Context(), batch, 1, func(_ context.Context, d queue.Delivery) error {
			got = append(got, d)
			return nil
		})
		if diff := cmp.Diff([]queue.Delivery{want}, got); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	}
}

func TestAFailureIsThatOfAllMessagesOfItsStreamAndNoOthers(t *testing.T) {
	t.Parallel()
	c := consumer{fails: map[events.StreamID]error{"s/2": errors.New("busy"), "s/4": errors.New("down")}}
	got := queue.Process(t.Context(), []queue.Message{
		message(t, "s/1", 1, ""), message(t, "s/2", 5, ""), message(t, "s/2", 4, ""), message(t, "s/3", 1, ""), message(t, "s/4", 1, ""),
		{ID: "nonsense", Body: []byte("nonsense")},
	}, 3, c.handle)
	failures := failed(t, got)
	if !strings.HasPrefix(failures["nonsense"], queue.ErrMalformed.Error()) {
		t.Errorf("the nonsense failed with %q", failures["nonsense"])
	}
	delete(failures, "nonsense")
	if diff := cmp.Diff(map[string]string{"s/2@5": "busy", "s/2@4": "busy", "s/4@1": "down"}, failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if handled := slices.Sorted(maps.Keys(c.handled)); len(handled) != 4 {
		t.Errorf("handled %v, want all four streams", handled)
	}
}

func TestAPanicIsAFailureOfItsOwnMessage(t *testing.T) {
	t.Parallel()
	got := queue.Process(t.Context(), []queue.Message{message(t, "s/1", 1, ""), message(t, "s/2", 1, "")}, 1, func(_ context.Context, h queue.Delivery) error {
		if h.Stream == "s/1" {
			panic("out of luck")
		}
		return nil
	})
	failures := failed(t, got)
	if reason := failures["s/1@1"]; len(failures) != 1 || !strings.Contains(reason, "panic: out of luck") || !strings.Contains(reason, "queue_test.go") {
		t.Errorf("failures %v, want that of s/1 with the panic and its stack", failures)
	}
}

func TestAnEmptyBatchIsDone(t *testing.T) {
	t.Parallel()
	if got := queue.Process(t.Context(), nil, 1, nil); got != nil {
		t.Errorf("failures %v, want none", got)
	}
}

// All slots are used, and none is used twice.
func TestParallelIsABound(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 3, 100} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			running, most := 0, 0
			var batch []queue.Message
			for i := range 10 {
				batch = append(batch, message(t, "s/"+strconv.Itoa(i), 1, ""))
			}
			began := time.Now()
			queue.Process(t.Context(), batch, parallel, func(context.Context, queue.Delivery) error {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				<-time.After(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			})
			if want := min(parallel, 10); most != want {
				t.Errorf("%d at a time, want %d", most, want)
			}
			rounds := (10 + parallel - 1) / parallel
			if took := time.Since(began); took != time.Duration(rounds)*time.Second {
				t.Errorf("it took %s, want %d s", took, rounds)
			}
		})
	}
}

// A batch whose time is up ends, and what was not done counts as failed.
func TestACanceledContextEndsTheBatch(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	handled := 0
	got := queue.Process(ctx, []queue.Message{message(t, "s/1", 1, ""), message(t, "s/2", 1, ""), message(t, "s/3", 1, "")}, 1, func(ctx context.Context, _ queue.Delivery) error {
		defer cancel()
		if ctx.Err() == nil {
			handled++
		}
		return ctx.Err()
	})
	if handled != 1 || len(failed(t, got)) != 2 {
		t.Errorf("%d handled, failures %v; want one and two", handled, got)
	}
}
