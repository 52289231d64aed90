package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// Faults of the event bus, apart from those of every call.
const (
	entryRefused fault = "entry refused" // one of several
	busAway      fault = "bus away"      // for hours or longer than the stream keeps records
)

// Bugs of the publisher and of its adapter.
const (
	publisherFailureDropped Canary = "what the publisher could not publish is dropped"
	refusalOverlooked       Canary = "a refused entry is taken for accepted"
)

// busBatch is the most entries of one call.
const busBatch = 10

// oneInWorlds is how few worlds have an event bus: it is optional, and nothing else
// depends on it.
const oneInWorlds = 4

func publisherPart() part {
	return part{
		faults: odds{entryRefused: 0.2}, onceAWorld: odds{busAway: 0.3}, canaries: []Canary{publisherFailureDropped, refusalOverlooked},
		wire: func(w *World) error {
			if w.src.pick("event bus", oneInWorlds) != 1 {
				return nil
			}
			b := &eventBus{World: w, taken: map[relay.IntegrationEvent]bool{}, gone: map[relay.IntegrationEvent]bool{}}
			b.awayFrom, b.awayUntil = w.window(busAway, 10*time.Hour)
			p := &relay.Publisher{Bus: b}
			publisher := w.reader("publisher", p.Forward, publisherFailureDropped)
			p.Unreadable, publisher.awayUntil = shelf{publisher}, func() time.Time { return b.awayUntil }
			publisher.done, publisher.dropped = b.done, b.missed
			w.ends = append(w.ends, b.complete)
			return nil
		},
	}
}

// eventBus is a bus far away. Who listens to it is told in whatever order it likes.
type eventBus struct {
	*World
	taken map[relay.IntegrationEvent]bool
	// gone are events whose record left the stream before the bus took all of it.
	gone                map[relay.IntegrationEvent]bool
	awayFrom, awayUntil time.Time
}

var _ relay.Bus = (*eventBus)(nil)

// Publish implements relay.Bus as the adapter does, over the calls of one batch after the
// other.
func (b *eventBus) Publish(ctx context.Context, all []relay.IntegrationEvent) (int, error) {
	t := taskOf(ctx)
	for at := 0; at < len(all); at += busBatch {
		accepted, err := b.put(ctx, t, all[at:min(at+busBatch, len(all))])
		if err != nil {
			return at + accepted, err
		}
	}
	return len(all), nil
}

func (b *eventBus) put(ctx context.Context, t *task, entries []relay.IntegrationEvent) (int, error) {
	b.travel(t)
	fate := b.fate("put on the bus", throttled, lostBefore, lostAfter, entryRefused)
	if now := time.Now(); b.awayFrom.Before(now) && now.Before(b.awayUntil) {
		fate = lostBefore
	}
	if fate == throttled || fate == lostBefore || ctx.Err() != nil {
		return 0, fmt.Errorf("put: %w", errInjected)
	}
	refusedAt := len(entries)
	if fate == entryRefused {
		refusedAt = b.src.pick("entry refused", len(entries))
		b.tell(string(entries[refusedAt].BookingID.Stream()), "the bus refuses %v", entries[refusedAt])
		b.reach(entryWasRefused)
	}
	for i, e := range entries {
		if i == refusedAt {
			continue
		}
		if b.taken[e] {
			b.reach(publishedTwice)
		}
		b.taken[e] = true
	}
	b.travel(t)
	switch {
	case fate == lostAfter:
		return 0, fmt.Errorf("put: %w", errInjected)
	case fate == entryRefused && b.canary != refusalOverlooked:
		return refusedAt, fmt.Errorf("put: %w", errInjected)
	}
	return len(entries), nil
}

// events names those of a record, by the oracle's own account of the booking.
func (b *eventBus) events(r record) []relay.IntegrationEvent {
	a := b.oracle.streams[r.Stream]
	if a == nil {
		return nil // an item of others
	}
	for _, c := range a.history.Commits() {
		if c.Last() == r.Last || r.Unreadable != nil && c.Version == r.Last {
			return named(a.id, c)
		}
	}
	return nil
}

func named(id booking.ID, c events.Commit) []relay.IntegrationEvent {
	all := make([]relay.IntegrationEvent, len(c.Events))
	for i, e := range c.Events {
		all[i] = relay.IntegrationEvent{BookingID: id, Version: c.Version + int64(i), Type: e.Type}
	}
	return all
}

// done judges a record that the publisher is done with.
func (b *eventBus) done(r record) {
	if r.Unreadable != nil { // an operator publishes what the log has
		for _, e := range b.events(r) {
			b.gone[e] = true
		}
		return
	}
	for _, e := range b.events(r) {
		if !b.taken[e] {
			b.fail("6: what the publisher is done with is on the bus", e.BookingID, "%v is not", e)
		}
	}
	if r.at.After(b.awayFrom) && r.at.Before(b.awayUntil) {
		b.reach(publisherCaughtUp)
	}
}

// missed is told of a record that left the stream. On AWS an alarm tells it.
func (b *eventBus) missed(r record) {
	b.reach(eventWasLost)
	for _, e := range b.events(r) {
		b.gone[e] = true
	}
}

// complete judges the end: whatever happened is on the bus, unless the stream dropped it.
func (b *eventBus) complete() {
	for _, a := range b.oracle.order {
		for _, c := range a.history.Commits() {
			for _, e := range named(a.id, c) {
				if !b.taken[e] && !b.gone[e] {
					b.fail("6: every event is published", a.id, "%v is not", e)
				}
			}
		}
	}
}
