package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// at changes what the sweeper has come to.
func (o operated) at(t *testing.T, change func(*rebuild.State)) {
	t.Helper()
	documents := dynamocontrol.New(o.db.Client, o.db.Tables.Control)
	state, revision, err := rebuild.ReadState(t.Context(), documents)
	if err == nil {
		change(&state)
		err = control.Write(t.Context(), documents, readmodel.ProjectionDocument, state, revision)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
}

func TestARebuildIsAskedForOnceAndGivenUp(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	contains(t, o.hail(t, exitOK, "rebuild", "status"), "Projection 1 is read.", "no rebuild yet")
	o.hail(t, exitFailed, "rebuild", "start", "--detach", "--segments", "1000")
	contains(t, o.hail(t, exitOK, "rebuild", "start", "--detach", "--hold"), "rebuild of projection 2: requested")
	o.hail(t, exitFailed, "rebuild", "start", "--detach")
	o.at(t, func(s *rebuild.State) { s.Feeding, s.Rebuild.Phase = 2, rebuild.Held })
	contains(t, o.hail(t, exitOK, "rebuild", "status"), "2 is fed, too", "hail rebuild switch")
	contains(t, o.hail(t, exitOK, "rebuild", "abort"), "aborting")
	o.at(t, func(s *rebuild.State) { s.Rebuild.Phase = rebuild.Done })
	contains(t, o.hail(t, exitOK, "rebuild", "status", "--watch"), "given up")
	o.hail(t, exitFailed, "rebuild", "abort")
	o.hail(t, exitFailed, "rebuild", "switch")
}

func TestAHeldRebuildIsSwitched(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.hail(t, exitOK, "rebuild", "start", "--detach", "--hold")
	o.at(t, func(s *rebuild.State) { s.Rebuild.Phase = rebuild.Held })
	o.hail(t, exitOK, "rebuild", "switch")
	var state rebuild.State
	if err := json.Unmarshal([]byte(o.hail(t, exitOK, "--json", "rebuild", "status")), &state); err != nil || state.Rebuild.Hold {
		t.Errorf("it still holds: %+v (%v)", state.Rebuild, err)
	}
	o.at(t, func(s *rebuild.State) {
		s.Active, s.Feeding, s.Rebuild.Phase, s.Rebuild.Ended = 2, 0, rebuild.Done, s.Rebuild.Began.Add(time.Minute)
		s.Rebuild.Built = rebuild.Counts{Streams: 7, Commits: 31}
	})
	contains(t, o.hail(t, exitOK, "rebuild", "status"), "Projection 2 is read.", "was made in 1m0s: 7 bookings, 31 commits")
}

func TestARefusedRebuildTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.hail(t, exitOK, "rebuild", "start", "--detach")
	o.at(t, func(s *rebuild.State) {
		s.Rebuild.Phase, s.Rebuild.Findings = rebuild.Refused, []rebuild.Finding{{Kind: rebuild.Differs, Booking: "bk_1", Stored: 4, Wanted: 5}}
	})
	contains(t, o.hail(t, exitOK, "rebuild", "status"), "will not be read", "differs", "bk_1", "stored 4, wanted 5")
}

func TestAnAuditEndsWithThreeIfSomethingDiffered(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	contains(t, o.hail(t, exitOK, "audit", "--last"), "no audit yet")
	began := time.Now().UTC()
	o.at(t, func(s *rebuild.State) { s.Audit = &rebuild.Audit{Phase: rebuild.Checking, Began: began} })
	contains(t, o.hail(t, exitOK, "audit", "--last"), "is checking")
	o.hail(t, exitFailed, "audit") // one at a time
	o.at(t, func(s *rebuild.State) {
		s.Audit = &rebuild.Audit{Phase: rebuild.Done, Began: began, Ended: began.Add(time.Second), Counts: rebuild.Counts{Streams: 9, Views: 9}}
	})
	contains(t, o.hail(t, exitOK, "audit", "--last"), "9 bookings and 9 views compared in 1s", "0 differences")
	o.at(t, func(s *rebuild.State) {
		s.Audit.Counts.Differences, s.Audit.Counts.Mended = 2, 1
		s.Audit.Findings = []rebuild.Finding{
			{Kind: rebuild.Missing, Booking: "bk_1", Wanted: 3, Mended: true}, {Kind: rebuild.StaleLease, Lease: "driver/d-1", Booking: "bk_2"},
		}
	})
	contains(t, o.hail(t, exitDiffer, "audit", "--last"), "2 differences, 1 mended", "missing", "mended", "driver/d-1 bk_2")
	o.hail(t, exitDiffer, "--json", "audit", "--last")
}

func TestProgressOfAWalk(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 10, 0, time.UTC)
	began := now.Add(-10 * time.Second)
	counts := func(streams int64) rebuild.Counts { return rebuild.Counts{Streams: streams, Commits: 4 * streams} }
	var done rebuild.Progress
	if err := json.Unmarshal([]byte(`{"stage":"done"}`), &done); err != nil {
		t.Fatal(err)
	}
	done.Counts, done.Began, done.Slices = counts(300), began, 1
	all := []rebuild.Progress{done, {Counts: counts(200), Began: began, Slices: 2}, {}}
	if got, want := describe(all, 4000, now), "[#-.] 1 of 3 parts, 500 bookings, 50/s, about 10s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := describe(all, 0, now), "[#-.] 1 of 3 parts, 500 bookings, 50/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := describe(make([]rebuild.Progress, 2), 10, now), "[..] 0 of 2 parts, 0 bookings"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
