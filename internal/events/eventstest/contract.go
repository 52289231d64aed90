package eventstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// Run checks that a store keeps the contract of events.Store. newStore returns a
// store for one test; the streams of all tests differ, so it may be shared.
func Run(t *testing.T, newStore func(t *testing.T) events.Store) {
	t.Helper()
	tests := map[string]func(*testing.T, *harness){
		"an unknown stream is an empty history":          testUnknownStream,
		"what was appended is read back":                 testReadBack,
		"several events are one commit":                  testSeveralEvents,
		"a commit follows a commit":                      testFollow,
		"a stale position is a conflict":                 testStalePosition,
		"of many racers one wins":                        testRacers,
		"rivals that all retry all get in once":          testRetryingRivals,
		"the same command again is a replay":             testReplay,
		"the same command with another request is not":   testReusedCommand,
		"an erased commit cannot be compared":            testErased,
		"a position that nobody gave is refused":         testInvalidPosition,
		"a draft that lacks something is refused":        testInvalidDraft,
		"a commit over the limit is refused":             testTooLarge,
		"a stream of more than a megabyte is read whole": testLargeStream,
		"memory is not shared with the caller":           testNoSharedMemory,
		"a canceled context is an unavailable store":     testCanceled,
	}
	maps.Copy(tests, leaseTests)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &harness{Store: newStore(t), stream: stream(t)})
		})
	}
}

type harness struct {
	events.Store
	stream events.StreamID
}

func stream(t *testing.T) events.StreamID {
	t.Helper()
	return events.StreamID("test/" + events.NewStamp().CommitID)
}

// Draft returns a draft of one event whose data and request name the command.
func Draft(commandID string) events.Draft {
	return events.Draft{
		CommandID:  commandID,
		Request:    []byte(`{"do":"` + commandID + `"}`),
		Events:     []events.Event{{Type: "Done", Schema: 1, Data: []byte(`{"by":"` + commandID + `"}`)}},
		Personal:   []byte(`{"place":"somewhere"}`),
		Actor:      "rider/alice",
		RecordedAt: time.Date(2026, 11, 23, 9, 30, 0, 123_000_000, time.UTC),
		Trace: events.Trace{
			CorrelationID: "req-1", CausationID: "msg-1",
			Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		},
	}
}

func (h *harness) load(t *testing.T) events.History {
	t.Helper()
	history, err := h.Load(t.Context(), h.stream)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if err := history.Verify(); err != nil {
		t.Fatalf("verify: %v", err)
	}
	return history
}

func (h *harness) append(t *testing.T, at events.Position, draft events.Draft) events.Appended {
	t.Helper()
	appended, err := h.Append(t.Context(), at, draft)
	if err != nil {
		t.Fatalf("append %s: %v", draft.CommandID, err)
	}
	return appended
}

func testUnknownStream(t *testing.T, h *harness) {
	history := h.load(t)
	if history.Exists() || history.Position().Version() != 0 || history.Stream() != h.stream {
		t.Errorf("got %+v, want an empty history of %s", history, h.stream)
	}
}

func testReadBack(t *testing.T, h *harness) {
	draft := Draft("a")
	appended := h.append(t, events.NewStream(h.stream), draft)
	if appended.Replayed {
		t.Error("the first append counts as a replay")
	}
	got := h.load(t).Commits()
	if diff := cmp.Diff([]events.Commit{appended.Commit}, got); diff != "" {
		t.Errorf("what was read differs from what was appended (-appended +read):\n%s", diff)
	}
	c := got[0]
	if c.Stream != h.stream || c.Version != 1 || c.CommandID != "a" || c.Actor != draft.Actor || c.Trace != draft.Trace ||
		!c.RecordedAt.Equal(draft.RecordedAt) || !bytes.Equal(c.Personal, draft.Personal) || len(c.Salt) != events.SaltSize {
		t.Errorf("the commit lost something of its draft: %+v", c)
	}
	if diff := cmp.Diff(draft.Events, c.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func testSeveralEvents(t *testing.T, h *harness) {
	draft := Draft("a")
	draft.Events = append(draft.Events, events.Event{Type: "More", Schema: 2, Data: []byte(`{}`)}, events.Event{Type: "Most", Schema: 1, Data: []byte(`{"n":1}`)})
	first := h.append(t, events.NewStream(h.stream), draft).Commit
	if first.Last() != 3 {
		t.Errorf("last version %d, want 3", first.Last())
	}
	second := h.append(t, h.load(t).Position(), Draft("b")).Commit
	if second.Version != 4 {
		t.Errorf("the next commit has version %d, want 4", second.Version)
	}
	if got := h.load(t).Commits(); len(got) != 2 || len(got[0].Events) != 3 {
		t.Errorf("read %d commits, the first of %d events; want 2 and 3", len(got), len(got[0].Events))
	}
}

func testFollow(t *testing.T, h *harness) {
	history := h.load(t)
	for i := range 5 {
		appended := h.append(t, history.Position(), Draft(fmt.Sprint("command-", i)))
		var err error
		if history, err = history.With(appended.Commit); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(history.Commits(), h.load(t).Commits()); diff != "" {
		t.Errorf("the history put together differs from the one read (-together +read):\n%s", diff)
	}
	if c, ok := history.Command("command-3"); !ok || c.Version != 4 {
		t.Errorf("command-3 found %v at %d, want version 4", ok, c.Version)
	}
	if until, ok := history.Until(2); !ok || until.Position().Version() != 2 {
		t.Errorf("history until 2: %v, at version %d", ok, until.Position().Version())
	}
}

func testStalePosition(t *testing.T, h *harness) {
	start := events.NewStream(h.stream)
	h.append(t, start, Draft("a"))
	stale := h.load(t).Position()
	h.append(t, stale, Draft("b"))
	h.append(t, h.load(t).Position(), Draft("c"))
	for name, at := range map[string]events.Position{"first": start, "middle": stale} {
		if _, err := h.Append(t.Context(), at, Draft("late-"+name)); !errors.Is(err, events.ErrConflict) {
			t.Errorf("append at the %s position: %v, want a conflict", name, err)
		}
	}
	if got := h.load(t).Position().Version(); got != 3 {
		t.Errorf("version %d, want 3", got)
	}
}

func testRacers(t *testing.T, h *harness) {
	const racers = 20
	results := make([]error, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			_, results[i] = h.Append(t.Context(), events.NewStream(h.stream), Draft(fmt.Sprint("racer-", i)))
		})
	}
	wg.Wait()
	won := 0
	for i, err := range results {
		switch {
		case err == nil:
			won++
			if _, ok := h.load(t).Command(fmt.Sprint("racer-", i)); !ok {
				t.Errorf("racer %d was told that it won, and is not in the stream", i)
			}
		case !errors.Is(err, events.ErrConflict):
			t.Errorf("racer %d: %v, want a conflict", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d racers won, want 1", won)
	}
}

func testRetryingRivals(t *testing.T, h *harness) {
	const rivals = 8
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() {
			for {
				history, err := h.Load(t.Context(), h.stream)
				if err == nil {
					_, err = h.Append(t.Context(), history.Position(), Draft(fmt.Sprint("rival-", i)))
				}
				if err == nil {
					return
				}
				if !errors.Is(err, events.ErrConflict) {
					t.Errorf("rival %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	history := h.load(t)
	if history.Position().Version() != rivals {
		t.Errorf("version %d, want %d", history.Position().Version(), rivals)
	}
	for i := range rivals {
		if _, ok := history.Command(fmt.Sprint("rival-", i)); !ok {
			t.Errorf("rival %d is missing", i)
		}
	}
}

func testReplay(t *testing.T, h *harness) {
	draft := Draft("a")
	first := h.append(t, events.NewStream(h.stream), draft)
	draft.Events = []events.Event{{Type: "Other", Schema: 1, Data: []byte(`{"decided":"later"}`)}}
	again := h.append(t, events.NewStream(h.stream), draft)
	if !again.Replayed {
		t.Error("the repeat does not count as a replay")
	}
	if diff := cmp.Diff(first.Commit, again.Commit); diff != "" {
		t.Errorf("the repeat returned another commit (-first +again):\n%s", diff)
	}
	if n := len(h.load(t).Commits()); n != 1 {
		t.Errorf("%d commits are stored, want 1", n)
	}
}

func testReusedCommand(t *testing.T, h *harness) {
	draft := Draft("a")
	h.append(t, events.NewStream(h.stream), draft)
	draft.Request = []byte(`{"do":"something else"}`)
	if _, err := h.Append(t.Context(), events.NewStream(h.stream), draft); !errors.Is(err, events.ErrCommandReused) {
		t.Errorf("got %v, want ErrCommandReused", err)
	}
}

func testErased(t *testing.T, h *harness) {
	c := h.append(t, events.NewStream(h.stream), Draft("a")).Commit
	c.Personal, c.Salt = nil, nil
	history, err := events.NewHistory(h.stream, []events.Commit{c})
	if err != nil {
		t.Fatal(err)
	}
	if err := history.Verify(); err != nil {
		t.Errorf("the chain does not survive erasure: %v", err)
	}
	if same, err := c.Answers("a", []byte(`anything`)); !same || err != nil {
		t.Errorf("an erased commit answers its command: %v, %v; want true", same, err)
	}
}

func testInvalidPosition(t *testing.T, h *harness) {
	if _, err := h.Append(t.Context(), events.Position{}, Draft("a")); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}

func testInvalidDraft(t *testing.T, h *harness) {
	spoil := map[string]func(*events.Draft){
		"no command id":  func(d *events.Draft) { d.CommandID = "" },
		"no events":      func(d *events.Draft) { d.Events = nil },
		"no time":        func(d *events.Draft) { d.RecordedAt = time.Time{} },
		"no event type":  func(d *events.Draft) { d.Events[0].Type = "" },
		"no event data":  func(d *events.Draft) { d.Events[0].Data = nil },
		"no schema":      func(d *events.Draft) { d.Events[0].Schema = 0 },
		"a later broken": func(d *events.Draft) { d.Events = append(d.Events, events.Event{}) },
	}
	for name, spoil := range spoil {
		draft := Draft("a")
		spoil(&draft)
		if _, err := h.Append(t.Context(), events.NewStream(h.stream), draft); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	if h.load(t).Exists() {
		t.Error("something was stored")
	}
}

func testTooLarge(t *testing.T, h *harness) {
	draft := Draft("a")
	draft.Events[0].Data = bytes.Repeat([]byte("x"), events.MaxCommitBytes)
	if _, err := h.Append(t.Context(), events.NewStream(h.stream), draft); !errors.Is(err, events.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if h.load(t).Exists() {
		t.Error("something was stored")
	}
}

func testLargeStream(t *testing.T, h *harness) {
	const commits, each = 15, 90 << 10
	for i := range commits {
		draft := Draft(fmt.Sprint("command-", i))
		draft.Events[0].Data = bytes.Repeat([]byte{byte('a' + i)}, each)
		h.append(t, h.load(t).Position(), draft)
	}
	read := 0
	for _, c := range h.load(t).Commits() {
		read += len(c.Events[0].Data)
	}
	if read != commits*each {
		t.Errorf("read %d bytes, want %d", read, commits*each)
	}
}

func testNoSharedMemory(t *testing.T, h *harness) {
	draft := Draft("a")
	appended := h.append(t, events.NewStream(h.stream), draft)
	want := h.load(t).Commits()[0].Clone()

	scribble := func(c events.Commit) {
		c.Events[0].Data[0], c.Personal[0], c.Salt[0], c.Digest[0] = 'X', 'X', 'X', 'X'
	}
	draft.Events[0].Data[0], draft.Personal[0] = 'X', 'X'
	scribble(appended.Commit)
	scribble(h.load(t).Commits()[0])

	if diff := cmp.Diff(want, h.load(t).Commits()[0]); diff != "" {
		t.Errorf("a caller changed what is stored (-before +after):\n%s", diff)
	}
}

func testCanceled(t *testing.T, h *harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Load(ctx, h.stream); !errors.Is(err, events.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v, want ErrUnavailable and context.Canceled", err)
	}
	_, err := h.Append(ctx, events.NewStream(h.stream), Draft("a"))
	if !errors.Is(err, events.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want ErrUnavailable and context.Canceled", err)
	}
}
