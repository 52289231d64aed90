package repair

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

const (
	// longRide is how long a ride may be in progress before somebody is told: half of what
	// it may take.
	longRide = booking.CompleteWithin / 2
	// mostRides of a shard are looked at in a run.
	mostRides = 20
)

// LongRide is the message about a ride that has been in progress for 12 hours.
const LongRide = "ride is long"

// LongRides counts rides that have been in progress for 12 hours, once a run: a pass of
// the sweeper. It changes nothing; after 24 hours Deadlines lets them expire, which
// charges nobody.
//
// It reads a part of the list of deadlines that nobody else is in: every deadline but that of
// a ride in progress is at most booking.ArriveWithin away. So a ride leaves it two hours before it
// expires, and a run costs one Query for each shard, however many ride.
type LongRides struct {
	List     DeadlineList
	Bookings *booking.Service
	// Now is the wall clock.
	Now func() time.Time
	// Tell is told how many there are.
	Tell func(context.Context, int)
	Log  Logger
}

// Name implements sweeper.Pass.
func (*LongRides) Name() string { return "long rides" }

// Run implements sweeper.Pass. What it can count it tells, whatever else fails.
func (l *LongRides) Run(ctx context.Context) (time.Time, error) {
	now := l.Now().UTC()
	rides := 0
	var errs []error
	for shard := range readmodel.DeadlineShards {
		places, _, err := l.List.Overdue(ctx, readmodel.OverdueQuery{
			Shard: shard, After: readmodel.Place{Time: now.Add(booking.ArriveWithin)},
			By: now.Add(booking.CompleteWithin - longRide), Limit: mostRides,
		})
		errs = append(errs, err)
		for _, at := range places {
			is, err := l.look(ctx, at, now)
			if errs = append(errs, err); is {
				rides++
			}
		}
	}
	l.Tell(ctx, rides)
	return time.Time{}, errors.Join(errs...)
}

// look reads the log of a booking, which decides: its view may be behind.
func (l *LongRides) look(ctx context.Context, at readmodel.Place, now time.Time) (is bool, err error) {
	b, err := l.Bookings.Load(ctx, at.ID)
	if err != nil {
		return false, fmt.Errorf("look at the ride of %s: %w", at.ID, err)
	}
	if b.State.Status != booking.InProgress || now.Sub(b.State.StartedAt) < longRide {
		return false, nil
	}
	l.Log.InfoContext(ctx, LongRide, "booking_id", at.ID, "driver_id", b.State.DriverID, "since", b.State.StartedAt)
	return true, nil
}
