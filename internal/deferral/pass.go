package deferral

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

const (
	// lease is how long a hint has, at least, before the next one for the same booking:
	// time to wait in the queue and to be worked on.
	lease = time.Minute
	// mostFailures of items end a portion: the store is away, or the log.
	mostFailures = 3
	// page is how many items are read at once, and mostPages how many of them in a
	// portion: of items that owe nothing any more, any number fits into one.
	page      = 50
	mostPages = 20
	// sendTime is kept free at the end of a portion for its hints.
	sendTime = 3 * time.Second
)

// NextDelay is how long work waits after each attempt, beyond the minute that a hint
// has: up to half a minute at first, and up to 10 minutes after many attempts. It
// matters for bookings that fail alone. While the breaker is open, everybody waits
// for that.
func NextDelay(random func() float64) resilience.Backoff {
	return resilience.Backoff{Base: 30 * time.Second, Cap: 10 * time.Minute, Rand: random}
}

// Queue is the payments queue as the sweeper sees it.
type Queue interface {
	queue.Sender
	// Backlog returns about how many messages wait there.
	Backlog(ctx context.Context) (int, error)
}

// Breaker tells how the breaker before the provider stands: fleet.Breaker.
type Breaker interface {
	Status(ctx context.Context) fleet.Status
}

var _ Breaker = (*fleet.Breaker)(nil)

// Pass brings deferred work back: a pass of the sweeper. It is not safe for concurrent
// use; two of them in two processes are harmless.
type Pass struct {
	Items    Store
	Bookings Bookings
	Queue    Queue
	Breaker  Breaker
	// Callers is how many calls to the provider may run at once.
	Callers int
	// Now is the wall clock.
	Now func() time.Time
	// Next is how long work waits after an attempt.
	Next resilience.Backoff
	Log  Logger

	pace pace
	// shard and place are where the walk goes on.
	shard int
	place Place
}

// Name implements sweeper.Pass.
func (p *Pass) Name() string { return "deferred payments" }

// Run implements sweeper.Pass: it brings back a portion of what is due, as large as
// the breaker and the queue allow.
func (p *Pass) Run(ctx context.Context) (again time.Time, err error) {
	backlog, err := p.Queue.Backlog(ctx)
	if err != nil {
		return time.Time{}, err
	}
	room, again := p.pace.portion(p.Breaker.Status(ctx), p.Now(), p.Callers, backlog)
	if room == 0 {
		return again, nil
	}
	portion := portion{Pass: p, room: room}
	done := portion.walk(ctx)
	portion.send(ctx)
	if err := errors.Join(portion.errs...); err != nil || done {
		return time.Time{}, err
	}
	return p.Now().Add(step), nil
}

// portion is one run of a pass.
type portion struct {
	*Pass
	room    int // for so many hints more
	pending []Item
	hints   []queue.Hint
	errs    []error
}

// full tells whether the portion is to end here.
func (p *portion) full(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return p.room == 0 || len(p.errs) >= mostFailures || limited && p.Now().Add(sendTime).After(deadline)
}

// walk brings back what is due, shard after shard, from where the last walk ended.
// It tells whether it got round.
func (p *portion) walk(ctx context.Context) (done bool) {
	left := Shards
	if p.place != (Place{}) {
		left++ // the beginning of the first shard comes last
	}
	for pages := 0; left > 0 && pages < mostPages && !p.full(ctx); pages++ {
		items, err := p.Items.Due(ctx, p.shard, p.Now().UTC(), p.place, page)
		if err != nil {
			p.errs = append(p.errs, err)
		}
		if err != nil || p.bringAllBack(ctx, items) && len(items) < page {
			p.shard, p.place = (p.shard+1)%Shards, Place{}
			left--
		}
	}
	return left == 0
}

// bringAllBack goes through items until the portion is full; it tells whether it saw
// all of them.
func (p *portion) bringAllBack(ctx context.Context, items []Item) bool {
	for _, item := range items {
		if p.full(ctx) {
			return false
		}
		p.place = item.Place()
		if err := p.bringBack(ctx, item); err != nil && !errors.Is(err, ErrChanged) {
			p.errs = append(p.errs, err)
		}
	}
	return true
}

// bringBack deletes an item whose booking owes nothing, and otherwise tells it when to
// be looked at again and then has a hint sent. The order matters: whatever interrupts
// it, the item is there and will be due.
func (p *portion) bringBack(ctx context.Context, item Item) error {
	b, err := p.Bookings.Load(ctx, item.Booking)
	if err != nil {
		return err
	}
	if !b.State.Exists() {
		p.Log.WarnContext(ctx, "deferred work of no booking was dropped", "booking_id", item.Booking, "reason", item.Reason)
		return p.Items.Delete(ctx, item)
	}
	due := payments.Due(b.State, p.Now())
	if due == payments.None && !item.Reconcile {
		return p.Items.Delete(ctx, item)
	}
	next := p.Now().UTC().Add(lease + p.Next.Delay(item.Attempts)).Truncate(time.Millisecond)
	if item, err = p.Items.Advance(ctx, item, due, next); err != nil {
		return err
	}
	p.Log.InfoContext(ctx, "payment brought back", "booking_id", item.Booking, "operation", due,
		"reason", item.Reason, "attempts", item.Attempts, "since", item.Since)
	hint := queue.NewHint(item.Booking.Stream(), b.State.Version, b.History.Trace().Traceparent)
	hint.Reconcile = item.Reconcile
	p.room--
	p.pending, p.hints = append(p.pending, item), append(p.hints, hint)
	return nil
}

// send sends the hints of the portion. What does not get there is due again soon.
func (p *portion) send(ctx context.Context) {
	if len(p.hints) == 0 {
		return
	}
	failed, err := p.Queue.Send(ctx, p.hints)
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("bring back %d payments: %w", len(p.hints), err))
		if len(failed) == 0 {
			return // not known which: all of them
		}
	}
	lost := map[int]bool{}
	for _, at := range failed {
		lost[at] = true
	}
	for at, item := range p.pending {
		if item.Reconcile && !lost[at] {
			p.fulfilled(ctx, item)
		}
	}
}

// fulfilled takes the wish to reconcile off an item whose hint was sent. If the hint's
// work has been put off already, the wish stays with the item.
func (p *portion) fulfilled(ctx context.Context, item Item) {
	if err := p.Items.Reconciled(ctx, item); err != nil && !errors.Is(err, ErrChanged) {
		p.errs = append(p.errs, err)
	}
}
