package repair_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/repair"
)

// A booking of a clock that is behind comes into the index behind the watermark, by up to as
// much as a lap overlaps and a commit ripens. It is found all the same.
func TestABookingOfAClockThatIsBehindIsFound(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{5 * time.Minute, 12 * time.Minute, 20 * time.Minute, 24 * time.Minute} {
		w := newWorld(t)
		p := w.firsts()
		w.minutes(p, 60)
		fresh := 2 // of the same shard, and without a view: the watermark stays behind it
		for events.FirstShard(id(fresh).Stream()) != events.FirstShard(id(1).Stream()) {
			fresh++
		}
		w.books(1, fresh)
		w.minutes(p, 6)
		w.now = w.now.Add(-behind)
		w.books(1, 1)
		w.now = w.now.Add(behind)
		w.minutes(p, 6)
		if !slices.Contains(w.hinted(), id(1)) {
			t.Errorf("%s behind: it was not found", behind)
		}
	}
}

// A lap that finds nothing costs little, however long the sweeper has been at it: it goes
// over no more than what may have come behind its watermark.
func TestALapIsShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.firsts()
	w.books(1, 1) // which never gets a view: after a day it is a case for people
	w.minutes(p, 26*60)
	var asked []events.FirstsQuery
	w.between = func(q events.FirstsQuery) {
		if q.Shard == events.FirstShard(id(1).Stream()) {
			asked = append(asked, q)
			if back := w.now.Sub(q.From); back < 0 || back > 32*time.Minute {
				t.Errorf("at %s it asks for what began at %s", w.now, q.From)
			}
		}
	}
	w.minutes(p, 60)
	if n := len(asked); n < 12 || n > 30 {
		t.Errorf("%d queries in an hour of 12 laps", n)
	}
	if repair.LostFirstHint != 20*time.Minute {
		t.Errorf("the promise of docs/ARCHITECTURE.md is 20 minutes, not %s", repair.LostFirstHint)
	}
}

// A shard whose laps take longer than their pause leaves turns to the others.
func TestABusyShardStarvesNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.firsts()
	w.minutes(p, 10)
	var visited []int
	w.between = func(q events.FirstsQuery) {
		visited = append(visited, q.Shard)
		w.now = w.now.Add(6 * time.Minute)
	}
	w.now = w.now.Add(5 * time.Minute)
	for range 80 {
		if _, err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(visited)
	if shards := slices.Compact(visited); len(shards) != events.FirstShards {
		t.Errorf("only the shards %v had turns", shards)
	}
}

// A sweeper that meets another one at a shard leaves it to that one, for now.
func TestAShardIsLeftToTheOtherSweeper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.now = start.Add(5 * time.Minute)
	w.rival = func() {
		w.now = w.now.Add(time.Second)
		if err := w.run(w.firsts()); err != nil {
			t.Error(err)
		}
	}
	if again, err := w.firsts().Run(t.Context()); err != nil || !again.IsZero() {
		t.Errorf("it wants to go on at %v (%v)", again, err)
	}
}
