package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// pages is a log of a page after the other.
type pages [][]events.Commit

var errAway = errors.New("away")

func (p pages) Walk(_ context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	at := int(q.After.Version)
	if at >= len(p) {
		return nil, events.Cursor{}, errAway
	}
	if at == len(p)-1 {
		return p[at], events.Cursor{}, nil
	}
	return p[at], events.Cursor{Version: int64(at + 1)}, nil
}

var eight = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func commit(stream string, version int64, at time.Time, types ...string) events.Commit {
	c := events.Commit{Stream: events.StreamID(stream), Version: version, RecordedAt: at}
	for _, eventType := range types {
		c.Events = append(c.Events, events.Event{Type: eventType})
	}
	return c
}

// again runs a republication from eight to nine on a bus that takes so many records of
// each call, in turns; the rest of the calls take all.
func again(t *testing.T, log pages, takes ...int) (got []relay.Record, pauses []time.Duration, r *republication, err error) {
	t.Helper()
	r = &republication{log: log, from: eight, until: eight.Add(time.Hour), sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	r.forward = func(_ context.Context, records []relay.Record) (int, error) {
		if len(takes) == 0 {
			got = append(got, records...)
			return -1, nil
		}
		n := takes[0]
		takes = takes[1:]
		got = append(got, records[:n]...)
		return n, errAway
	}
	err = r.run(t.Context())
	return got, pauses, r, err
}

func TestWhatTheLogHasOfATimeIsPublishedAgain(t *testing.T) {
	t.Parallel()
	log := pages{
		{commit("b/1", 1, eight.Add(-time.Millisecond), "Early"), commit("b/1", 2, eight, "A", "B")},
		{},
		{commit("b/2", 1, eight.Add(time.Hour-time.Millisecond), "C"), commit("b/2", 2, eight.Add(time.Hour), "Late")},
	}
	want := []relay.Record{{Stream: "b/1", Last: 3, EventTypes: []string{"A", "B"}}, {Stream: "b/2", Last: 1, EventTypes: []string{"C"}}}
	got, _, r, err := again(t, log)
	if err != nil || r.commits != 2 {
		t.Errorf("%d commits: %v", r.commits, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}

	r.forward, r.commits = nil, 0
	if err := r.run(t.Context()); err != nil || r.commits != 2 {
		t.Errorf("only counted: %d commits: %v", r.commits, err)
	}
}

func TestABusThatTakesSomethingIsGivenTheRest(t *testing.T) {
	t.Parallel()
	log := pages{{commit("b/1", 1, eight, "A"), commit("b/2", 1, eight, "A"), commit("b/3", 1, eight, "A")}}
	got, pauses, r, err := again(t, log, 0, 0, 1, 0, 1)
	if err != nil || r.commits != 3 || len(got) != 3 || got[2].Stream != "b/3" {
		t.Errorf("%d commits, %v: %v", r.commits, got, err)
	}
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, time.Second, 2 * time.Second, time.Second}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}

	_, pauses, r, err = again(t, log, 1, 0, 0, 0, 0, 0, 0)
	if !errors.Is(err, errAway) || r.commits != 1 || len(pauses) != attempts-1 {
		t.Errorf("a bus that takes nothing more: %d commits, %d pauses: %v", r.commits, len(pauses), err)
	}
}

func TestAPublicationThatCannotGoOnSaysSo(t *testing.T) {
	t.Parallel()
	if _, _, _, err := again(t, nil); !errors.Is(err, errAway) {
		t.Errorf("the log is away: %v", err)
	}
	got, _, r, err := again(t, pages{{commit("b/1", 1, eight), commit("b/1", 2, eight, "A")}})
	if !errors.Is(err, errUnreadable) || r.unreadable != 1 || len(got) != 1 {
		t.Errorf("an unreadable commit: %d unreadable, %d published: %v", r.unreadable, len(got), err)
	}
	_, _, r, _ = again(t, pages{{commit("b/1", 1, eight, "A")}})
	r.forward = func(context.Context, []relay.Record) (int, error) { return 0, errAway }
	r.sleep = func(context.Context, time.Duration) error { return context.Canceled }
	if err := r.run(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// The command counts what the store wrote, and publishes nothing where there is no bus.
func TestWhatWouldBePublishedIsCounted(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.books(t, "1")
	o.books(t, "2")
	hourAgo := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	inAnHour := time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
	if got := o.hail(t, exitOK, "publish", "--from", hourAgo, "--until", inAnHour, "--dry-run"); got != "2 commits, 0 unreadable\n" {
		t.Errorf("%q", got)
	}
	if got := o.hail(t, exitOK, "--json", "publish", "--from", inAnHour, "--dry-run"); !strings.Contains(got, `"commits": 0`) {
		t.Errorf("%q", got)
	}
	o.hail(t, exitFailed, "publish", "--from", hourAgo)
}
