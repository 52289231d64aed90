package events_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
)

func TestAHistoryGoesBackToWhatItsNewestCommitsSay(t *testing.T) {
	t.Parallel()
	log := eventstest.NewMemory(events.NewStamp)
	at := events.NewStream("booking/bk_1")
	for i, trace := range []events.Trace{
		{CorrelationID: "req-1", Traceparent: "trace-1"}, {CorrelationID: "req-2", CausationID: "booking/bk_1@1"}, {Traceparent: "trace-3"}, {},
	} {
		draft := eventstest.Draft([]string{"a", "b", "c", "d"}[i])
		draft.Trace, draft.RecordedAt = trace, time.Unix(0, 0)
		if _, err := log.Append(t.Context(), at, draft); err != nil {
			t.Fatal(err)
		}
		h, err := log.Load(t.Context(), "booking/bk_1")
		if err != nil {
			t.Fatal(err)
		}
		at = h.Position()
	}
	h, err := log.Load(t.Context(), "booking/bk_1")
	want := events.Trace{CorrelationID: "req-2", CausationID: "booking/bk_1@1", Traceparent: "trace-3"}
	if got := h.Trace(); err != nil || got != want {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
	if got, want := h.Continue(events.Trace{CorrelationID: "req-9"}), (events.Trace{CorrelationID: "req-9", Traceparent: "trace-3"}); got != want {
		t.Errorf("what follows is %+v, want %+v", got, want)
	}
	if got := (events.History{}).Trace(); got != (events.Trace{}) {
		t.Errorf("an empty history goes back to %+v", got)
	}
}

// What was read is a stream only if each commit follows from the one before: in its version,
// and by the digest that it holds of it.
func TestAHistoryWhoseCommitsDoNotFollowIsCorrupt(t *testing.T) {
	t.Parallel()
	log := eventstest.NewMemory(events.NewStamp)
	at := events.NewStream("booking/bk_1")
	var stored []events.Commit
	for _, command := range []string{"a", "b", "c"} {
		appended, err := log.Append(t.Context(), at, eventstest.Draft(command))
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, appended.Commit)
		h, err := log.Load(t.Context(), "booking/bk_1")
		if err != nil {
			t.Fatal(err)
		}
		at = h.Position()
	}
	for name, spoil := range map[string]func(c []events.Commit) []events.Commit{
		"another digest of the predecessor":     func(c []events.Commit) []events.Commit { c[1].Prev = c[1].Digest; return c },
		"no digest of the predecessor":          func(c []events.Commit) []events.Commit { c[2].Prev = nil; return c },
		"a predecessor of the first":            func(c []events.Commit) []events.Commit { c[0].Prev = c[1].Digest; return c },
		"a predecessor that was written anew":   func(c []events.Commit) []events.Commit { c[1].Digest = c[0].Digest; return c },
		"a predecessor that was changed places": func(c []events.Commit) []events.Commit { c[0], c[1] = c[1], c[0]; return c },
		"a gap":                                 func(c []events.Commit) []events.Commit { return append(c[:1], c[2]) },
		"no beginning":                          func(c []events.Commit) []events.Commit { return c[1:] },
		"a commit twice":                        func(c []events.Commit) []events.Commit { return append(c, c[2]) },
		"a commit of another stream":            func(c []events.Commit) []events.Commit { c[1].Stream = "booking/bk_2"; return c },
		"a commit without events":               func(c []events.Commit) []events.Commit { c[2].Events = nil; return c },
	} {
		commits := make([]events.Commit, len(stored))
		for i := range stored {
			commits[i] = stored[i].Clone()
		}
		if h, err := events.NewHistory("booking/bk_1", spoil(commits)); !errors.Is(err, events.ErrCorrupt) || h.Exists() {
			t.Errorf("%s: %d commits, %v; want ErrCorrupt", name, len(h.Commits()), err)
		}
	}
	whole, err := events.NewHistory("booking/bk_1", stored[:2])
	if err != nil {
		t.Fatal(err)
	}
	forked := stored[2].Clone()
	forked.Prev = stored[0].Digest
	if _, err := whole.With(forked); !errors.Is(err, events.ErrCorrupt) {
		t.Errorf("continued by a commit of another chain: %v, want ErrCorrupt", err)
	}
	if h, err := whole.With(stored[2]); err != nil || h.Position().Version() != 3 {
		t.Errorf("continued by its successor: %v", err)
	}
}
