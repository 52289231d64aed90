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
	// lapEvery is how often recent bookings are gone through.
	lapEvery = 5 * time.Minute
	// viewTakes and paymentTakes are how long a booking may be without a view, and
	// without a payment that was begun, before somebody is told.
	viewTakes    = 2 * time.Minute
	paymentTakes = 10 * time.Minute
	// ripe is how old a commit must be for the watermark to pass it: later than that,
	// none appears in the index before it.
	ripe = 15 * time.Minute
	// overlap is how far behind the watermark a lap begins, for clocks that disagree.
	overlap = 10 * time.Minute
	// firstLap is how far back the very first lap looks. What is older, the audit finds.
	firstLap = 24 * time.Hour
	// firstsAPage is how many first commits are read at a time.
	firstsAPage = 100
)

// LostFirstHint is the promise that these numbers are to keep: how long a booking is
// at most without a view whose first hint was lost.
const LostFirstHint = 20 * time.Minute

// FoundLost is the message about a booking whose first hint was lost. A metric is made from
// it.
const FoundLost = "found without a view"

// FirstCommits lists the bookings of an hour: events.Catalog.
type FirstCommits interface {
	Firsts(ctx context.Context, q events.FirstsQuery) ([]events.First, events.First, error)
}

// StoredViews reads views: readmodel.Live.
type StoredViews interface {
	Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error)
}

// Firsts finds bookings whose first hint was lost: a pass of the sweeper. It goes
// through those that were requested lately, a shard after the other, and behind a
// watermark that it keeps for each. It is not safe for concurrent use; two of them in
// two processes are harmless.
type Firsts struct {
	Commits    FirstCommits
	Views      StoredViews
	Projection queue.Sender
	Debts      Debts
	Bookings   *booking.Service
	Control    control.Store
	// Now is the wall clock.
	Now func() time.Time
	Log Logger

	next int // the shard that the next turn begins with
}

// Name implements sweeper.Pass.
func (*Firsts) Name() string { return "first hints" }

// lap is the control document of a shard: how far it has been gone through.
type lap struct {
	// Watermark: every booking that was requested before has a view.
	Watermark time.Time `json:"watermark"`
	// Began is when the present lap began, or the last one if Hour is zero.
	Began time.Time `json:"began"`
	// Hour and After are where it goes on; From is where it began.
	From  time.Time    `json:"from,omitzero"`
	Hour  time.Time    `json:"hour,omitzero"`
	After events.First `json:"after,omitzero"`
	// Lacking is the first booking of the lap that has no view yet, or that could not be
	// looked at; zero for none.
	Lacking time.Time `json:"lacking,omitzero"`
}

func firstsDocument(shard int) string { return fmt.Sprintf("sweeper/firsts-%d", shard) }

// Run implements sweeper.Pass.
func (f *Firsts) Run(ctx context.Context) (time.Time, error) {
	began, first := f.Now(), f.next
	var errs []error
	for i := range events.FirstShards {
		shard := (first + i) % events.FirstShards
		done, err := f.goThrough(ctx, shard, began.Add(portion))
		if err != nil {
			errs = append(errs, fmt.Errorf("shard %d: %w", shard, err))
		}
		if !done && err == nil { // time is up: this shard goes first in the next turn
			f.next = shard
			return f.Now(), errors.Join(errs...)
		}
	}
	f.next = (first + 1) % events.FirstShards
	return time.Time{}, errors.Join(errs...)
}

// goThrough goes on with the lap of a shard until it is over or it is late, and notes
// how far it got. It tells whether nothing is left to do for now.
func (f *Firsts) goThrough(ctx context.Context, shard int, until time.Time) (done bool, err error) {
	l, revision, err := control.Read[lap](ctx, f.Control, firstsDocument(shard))
	if err != nil {
		return false, err
	}
	if l.Hour.IsZero() && !l.begin(f.Now().UTC()) {
		return true, nil
	}
	for !done && err == nil && f.Now().Before(until) {
		done, err = f.page(ctx, shard, &l)
	}
	writeErr := control.Write(ctx, f.Control, firstsDocument(shard), l, revision)
	if errors.Is(writeErr, control.ErrConflict) {
		return true, err // another sweeper is at it
	}
	return done, errors.Join(err, writeErr)
}

// begin begins a lap if it is time for one.
func (l *lap) begin(now time.Time) bool {
	if l.Watermark.IsZero() {
		l.Watermark = now.Add(-firstLap)
	}
	if since := now.Sub(l.Began); since >= 0 && since < lapEvery {
		return false
	}
	l.Began, l.From, l.Lacking, l.After = now, l.Watermark.Add(-overlap), time.Time{}, events.First{}
	l.Hour = l.From.Truncate(time.Hour)
	return true
}

// page looks at some bookings, and tells whether they were the last of the lap.
func (f *Firsts) page(ctx context.Context, shard int, l *lap) (done bool, err error) {
	from := l.Hour
	if l.From.After(from) {
		from = l.From
	}
	firsts, next, err := f.Commits.Firsts(ctx, events.FirstsQuery{Shard: shard, From: from, After: l.After, Limit: firstsAPage})
	if err != nil {
		return false, err
	}
	views, err := f.views(ctx, firsts)
	if err != nil {
		return false, err
	}
	hints, err := f.look(ctx, firsts, views, l)
	if len(hints) > 0 {
		if _, err := f.Projection.Send(ctx, hints); err != nil {
			return false, err
		}
	}
	// What fails about single bookings holds up no other: the lap goes on.
	if l.After = next; next != (events.First{}) {
		return false, err
	}
	l.Hour = l.Hour.Add(time.Hour)
	// A booking of a clock that is ahead is looked at once it has an age.
	if !l.Hour.After(f.Now().UTC()) {
		return false, err
	}
	l.end(f.Now().UTC())
	return true, err
}

// end moves the watermark up to the first booking that lacks a view, and never past what
// was not ripe when the lap began: what was booked later may have come behind a page that
// was read by then, however long ago the lap was interrupted.
func (l *lap) end(now time.Time) {
	reached := l.Began.Add(-ripe)
	// One that has lacked its view for a day is a case for the audit, and for people:
	// it must not make every lap longer than the one before.
	if !l.Lacking.IsZero() && l.Lacking.Before(reached) && now.Sub(l.Lacking) < firstLap {
		reached = l.Lacking
	}
	if reached.After(l.Watermark) {
		l.Watermark = reached
	}
	l.Hour, l.From, l.Lacking = time.Time{}, time.Time{}, time.Time{}
}

// views returns the stored views of the bookings among some streams.
func (f *Firsts) views(ctx context.Context, firsts []events.First) (map[booking.ID]readmodel.Record, error) {
	var ids []booking.ID
	for _, first := range firsts {
		if id, ok := booking.IDOf(first.Stream); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return f.Views.Records(ctx, ids)
}

// look finds those of some bookings that have no view, or no payment that was begun. It
// returns hints for the views, and what failed about single bookings.
func (f *Firsts) look(ctx context.Context, firsts []events.First, views map[booking.ID]readmodel.Record, l *lap) (hints []queue.Hint, err error) {
	var errs []error
	for _, first := range firsts {
		id, ok := booking.IDOf(first.Stream)
		if !ok {
			continue
		}
		age := f.Now().Sub(first.RecordedAt)
		view, shown := views[id]
		if !shown {
			l.lacks(first.RecordedAt)
		}
		switch {
		case !shown && age >= viewTakes:
			f.Log.InfoContext(ctx, FoundLost, "booking_id", id, "age_s", int(age.Seconds()))
			hints = append(hints, queue.NewHint(id.Stream(), 1, ""))
		case shown && age >= paymentTakes && mayBeUnpaid(view):
		default:
			continue
		}
		if err := f.seeToDebts(ctx, id); err != nil { // the next lap looks at it again
			l.lacks(first.RecordedAt)
			errs = append(errs, fmt.Errorf("booking %s: %w", id, err))
		}
	}
	return hints, errors.Join(errs...)
}

// lacks keeps the watermark from passing a booking.
func (l *lap) lacks(began time.Time) {
	if l.Lacking.IsZero() || began.Before(l.Lacking) {
		l.Lacking = began
	}
}

// mayBeUnpaid tells whether nothing happened to the payment of a booking yet, as far as its
// view says. One that cannot be read says nothing: the log decides.
func mayBeUnpaid(r readmodel.Record) bool {
	v, err := readmodel.Decode(r.Body)
	return err != nil || v.State == booking.Requested && v.Payment.State == booking.PaymentPending
}

func (f *Firsts) seeToDebts(ctx context.Context, id booking.ID) error {
	b, err := f.Bookings.Load(ctx, id)
	if errors.Is(err, booking.ErrUnknownEvent) {
		f.Log.InfoContext(ctx, "stream is of a newer release", "booking_id", id, "error", err.Error())
		return nil // which looks after it, or will
	}
	if booking.Unfoldable(err) || err == nil && !b.State.Exists() {
		f.Log.ErrorContext(ctx, "stream cannot be read", "booking_id", id, "error", fmt.Sprint(err))
		return nil // no repeat helps it
	}
	if err != nil {
		return err
	}
	return f.Debts.Look(ctx, b.State)
}
