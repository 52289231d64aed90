package repair

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

const (
	// portion bounds one turn of a pass, so that others get theirs.
	portion = 5 * time.Second
	// page is how many bookings a pass reads of at a time.
	page = 50
)

// DeadlineList lists overdue bookings: readmodel.Live.
type DeadlineList interface {
	Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error)
}

// Logger is what a pass needs of a slog.Logger.
type Logger interface {
	InfoContext(ctx context.Context, message string, attributes ...any)
	ErrorContext(ctx context.Context, message string, attributes ...any)
}

// Deadlines looks after bookings whose deadline has come, as far as their views know:
// a pass of the sweeper. It expires those that are overdue, sees to what they owe,
// and has views brought up to date that were behind. It is not safe for concurrent
// use; two of them in two processes are harmless.
type Deadlines struct {
	List       DeadlineList
	Bookings   *booking.Service
	Debts      Debts
	Projection queue.Sender
	Control    control.Store
	// Now is the wall clock.
	Now func() time.Time
	// Tell, if set, is told for how long the booking was past its deadline that had been so
	// for longest when it was met; 0 if none was. A booking that is ended is met once, one that
	// cannot be ended in every lap, and a lap that takes long meets everybody late.
	Tell func(context.Context, time.Duration)
	Log  Logger

	shardsDone int           // of the present lap
	longest    time.Duration // that a booking was overdue, as far as this turn has seen
}

// Name implements sweeper.Pass.
func (*Deadlines) Name() string { return "deadlines" }

const deadlinesDocument = "sweeper/deadlines"

// lapOfDeadlines is where the pass goes on: behind a place of a shard.
type lapOfDeadlines struct {
	Shard int    `json:"shard"`
	After string `json:"after,omitzero"`
}

// Run implements sweeper.Pass. A lap goes once through every shard; it takes as many
// turns and runs as it takes.
func (d *Deadlines) Run(ctx context.Context) (time.Time, error) {
	lap, revision, err := control.Read[lapOfDeadlines](ctx, d.Control, deadlinesDocument)
	if err != nil {
		return time.Time{}, err
	}
	var errs []error
	d.longest = 0
	for began := d.Now(); d.shardsDone < readmodel.DeadlineShards && d.Now().Sub(began) < portion; {
		if err := d.turn(ctx, &lap); err != nil {
			errs = append(errs, err)
		}
		if len(errs) > 0 && ctx.Err() != nil {
			break
		}
	}
	if d.Tell != nil {
		d.Tell(ctx, d.longest)
	}
	round := d.shardsDone >= readmodel.DeadlineShards
	if round {
		d.shardsDone = 0
	}
	err = control.Write(ctx, d.Control, deadlinesDocument, lap, revision)
	switch {
	case errors.Is(err, control.ErrConflict):
		return time.Time{}, errors.Join(errs...) // another sweeper is at it
	case err != nil || round || len(errs) > 0:
		return time.Time{}, errors.Join(append(errs, err)...)
	default:
		return d.Now(), nil
	}
}

// turn looks after a page of a shard. A booking that fails is passed by: the others
// have deadlines, too, and it is met again in the next lap.
func (d *Deadlines) turn(ctx context.Context, lap *lapOfDeadlines) error {
	q := readmodel.OverdueQuery{Shard: lap.Shard % readmodel.DeadlineShards, By: d.Now().UTC(), Limit: page}
	if lap.After != "" {
		after, err := readmodel.ParsePlace(lap.After)
		if err != nil {
			lap.After = ""
			return fmt.Errorf("where to go on: %w", err)
		}
		q.After = after
	}
	places, next, err := d.List.Overdue(ctx, q)
	if err != nil {
		d.nextShard(lap)
		return err
	}
	var errs []error
	var behind []queue.Hint
	for _, at := range places {
		hint, err := d.look(ctx, at)
		if err != nil {
			errs = append(errs, fmt.Errorf("overdue %s: %w", at.ID, err))
		}
		if hint != nil {
			behind = append(behind, *hint)
		}
		lap.After = at.String()
	}
	if len(behind) > 0 {
		if _, err := d.Projection.Send(ctx, behind); err != nil {
			errs = append(errs, err)
		}
	}
	if next == (readmodel.Place{}) {
		d.nextShard(lap)
	}
	return errors.Join(errs...)
}

func (d *Deadlines) nextShard(lap *lapOfDeadlines) {
	*lap = lapOfDeadlines{Shard: (lap.Shard + 1) % readmodel.DeadlineShards}
	d.shardsDone++
}

// look reads the log of a booking and does what is due. It returns a hint for its view
// if that has another deadline than the log: then it is behind.
func (d *Deadlines) look(ctx context.Context, at readmodel.Place) (*queue.Hint, error) {
	b, err := d.Bookings.Load(ctx, at.ID)
	if err != nil {
		d.longest = max(d.longest, d.Now().Sub(at.Time)) // as far as the view knows
		return nil, err
	}
	if !b.State.Exists() {
		return nil, nil //nolint:nilnil // a view without a stream is for the audit to tell
	}
	now := d.Now().UTC().Truncate(time.Millisecond)
	if deadline := b.State.Deadline(); !deadline.IsZero() && !now.Before(deadline) {
		d.longest = max(d.longest, now.Sub(deadline))
		return nil, d.expire(ctx, b, now)
	}
	if now.Sub(b.State.UpdatedAt) >= readmodel.PaymentCheckAfter {
		if err := d.Debts.Look(ctx, b.State); err != nil {
			return nil, err
		}
	}
	if place, ok := readmodel.ViewOf(b.State).InDeadlineList(); ok && place.String() == at.String() {
		return nil, nil //nolint:nilnil // up to date: no hint
	}
	commits := b.History.Commits()
	hint := queue.NewHint(at.ID.Stream(), b.State.Version, commits[len(commits)-1].Trace.Traceparent)
	return &hint, nil
}

// expire ends a booking that is overdue. Its command id comes from the version that
// it was overdue at: two sweepers expire it once.
func (d *Deadlines) expire(ctx context.Context, b booking.Outcome, now time.Time) error {
	overdue := b.State.Status
	out, err := d.Bookings.ExecuteAt(ctx, b.History, booking.Expire{At: now}, booking.Envelope{
		CommandID: fmt.Sprintf("sw_expire_%d", b.State.Version), Actor: booking.ActorSweeper, At: now,
		Trace: b.History.Continue(events.Trace{}),
	})
	if err == nil && out.State.Status == booking.Expired && !out.Replayed {
		d.Log.InfoContext(ctx, "expired", "booking_id", b.State.ID, "version", out.State.Version, "overdue", overdue)
	}
	return err
}
