package status

import (
	"context"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Freshness is how far the views of the newest bookings are behind the log.
type Freshness struct {
	Looked int `json:"looked_at"`
	Behind int `json:"behind"`
	// Oldest is the age, in seconds, of the oldest commit that a view lacks.
	Oldest float64 `json:"oldest_s"`
}

const (
	// lately is how new bookings are that are looked at, at most ofShard of each shard.
	lately  = 10 * time.Minute
	ofShard = 6
)

// freshness compares some of the newest bookings with their views.
func (s Sources) freshness(ctx context.Context, r *Report) error {
	var f Freshness
	for shard := range events.FirstShards {
		ids, err := s.newest(ctx, shard, r.At)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			continue
		}
		// The views first: what is appended meanwhile must not look like a lag.
		records, err := s.Views.Records(ctx, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			h, err := s.Log.Load(ctx, id.Stream())
			if err != nil {
				return err
			}
			f.Looked++
			f.compare(h, records[id].Version, r.At)
		}
	}
	r.Views = &f
	if f.Oldest > tooFarBehind.Seconds() {
		r.attend("%d of %d views are behind the log, by %s at most: look at the projection queue and the relay.", f.Behind, f.Looked, age(f.Oldest))
	}
	return nil
}

// compare counts a view that lacks a commit of before the look at it.
func (f *Freshness) compare(h events.History, shown int64, at time.Time) {
	for _, c := range h.Commits() {
		if c.Last() > shown && c.RecordedAt.Before(at) {
			f.Behind++
			f.Oldest = max(f.Oldest, at.Sub(c.RecordedAt).Seconds())
			return
		}
	}
}

// newest returns the newest bookings of a shard.
func (s Sources) newest(ctx context.Context, shard int, now time.Time) ([]booking.ID, error) {
	var ids []booking.ID
	const page = 1000
	for from := now.Add(-lately); !from.After(now); from = from.Truncate(time.Hour).Add(time.Hour) {
		for after := (events.First{}); ; {
			firsts, next, err := s.Commits.Firsts(ctx, events.FirstsQuery{Shard: shard, From: from, After: after, Limit: page})
			if err != nil {
				return nil, err
			}
			for _, first := range firsts {
				if id, ok := booking.IDOf(first.Stream); ok {
					ids = append(ids, id)
				}
			}
			if after = next; next == (events.First{}) {
				break
			}
		}
	}
	return ids[max(0, len(ids)-ofShard):], nil
}
