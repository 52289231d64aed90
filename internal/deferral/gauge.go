package deferral

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

const (
	// horizon is beyond every time that an item may be told to wait until, see NextDelay.
	horizon = time.Hour
	// mostOfShard items of each shard are measured.
	mostOfShard = 200
	// old is an item whose booking is worth a look at its hold, of the oldest mostOld.
	old     = 12 * time.Hour
	mostOld = 50
	// near is how long before a hold lapses somebody is told. Holds last 5 to 7 days.
	near = 48 * time.Hour
)

// AlarmNear is the message about a hold that lapses soon although its amount is owed. A
// metric and an alarm are made from it.
const AlarmNear = "capture deadline near"

// Measure is how much work waits.
type Measure struct {
	// Waiting counts items, 1,600 at most; Oldest is the age of the oldest of them.
	Waiting int
	Oldest  time.Duration
	// Breaker is the state in effect.
	Breaker resilience.State
}

// Gauge measures what waits, once a run: a pass of the sweeper. It changes nothing.
type Gauge struct {
	Items    Store
	Bookings Bookings
	Breaker  Breaker
	// Now is the wall clock.
	Now func() time.Time
	// Tell is told the measure.
	Tell func(context.Context, Measure)
	Log  Logger
}

// Name implements sweeper.Pass.
func (g *Gauge) Name() string { return "payments gauge" }

// Run implements sweeper.Pass. What it can measure it tells, whatever else fails.
func (g *Gauge) Run(ctx context.Context) (time.Time, error) {
	now := g.Now().UTC()
	measure := Measure{Breaker: g.Breaker.Status(ctx).State}
	var all []Item
	var errs []error
	for shard := range Shards {
		items, err := g.Items.Due(ctx, shard, now.Add(horizon), Place{}, mostOfShard)
		all, errs = append(all, items...), append(errs, err)
	}
	slices.SortFunc(all, func(a, b Item) int { return a.Since.Compare(b.Since) })
	if measure.Waiting = len(all); measure.Waiting > 0 {
		measure.Oldest = now.Sub(all[0].Since)
	}
	g.Tell(ctx, measure)
	for _, item := range all[:min(len(all), mostOld)] {
		if now.Sub(item.Since) < old {
			break
		}
		errs = append(errs, g.look(ctx, item, now))
	}
	return time.Time{}, errors.Join(errs...)
}

// look tells of a hold that lapses soon although its amount is owed.
func (g *Gauge) look(ctx context.Context, item Item, now time.Time) error {
	b, err := g.Bookings.Load(ctx, item.Booking)
	if err != nil {
		return fmt.Errorf("look at the hold of %s: %w", item.Booking, err)
	}
	lapses := b.State.Payment.CaptureBefore
	if payments.Due(b.State, now) == payments.Capture && !lapses.IsZero() && lapses.Sub(now) < near {
		g.Log.WarnContext(ctx, AlarmNear, "booking_id", item.Booking, "lapses", lapses, "since", item.Since)
	}
	return nil
}
