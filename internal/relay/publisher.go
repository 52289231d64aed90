package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// IntegrationEvent tells other systems that something happened to a booking. It holds
// nothing personal and none of the event's data: who wants to know more asks the API for
// the booking, at this version or a later one.
type IntegrationEvent struct {
	BookingID booking.ID `json:"booking_id"`
	// Version is that of the event in the booking's history; ID and Version together name it.
	Version int64 `json:"version"`
	// Type is the event's, such as BookingConfirmed.
	Type string `json:"type"`
}

// Bus takes integration events. It is safe for concurrent use.
type Bus interface {
	// Publish puts events on the bus. It returns how many of them, from the first on,
	// the bus accepted for certain, and why it is not all. Of the others some may have
	// been accepted, too; publishing them again is harmless.
	Publish(ctx context.Context, all []IntegrationEvent) (accepted int, err error)
}

// Publisher puts what happened on a bus, for systems around this one. It is safe for
// concurrent use.
type Publisher struct {
	Bus Bus
	// Unreadable keeps the records that cannot be read.
	Unreadable Shelf
}

// Forward publishes each event of records, in any order and possibly more than once. It
// returns the index of the first record that may not have been published wholly, and
// why; -1 if there is none. A record that is of no booking has nothing to publish, and one
// that cannot be read is kept.
func (p *Publisher) Forward(ctx context.Context, records []Record) (int, error) {
	var all []IntegrationEvent
	var from []int // which record each came from
	for i, rec := range records {
		id, ok := booking.IDOf(rec.Stream)
		if !ok {
			continue
		}
		version := rec.Last - int64(len(rec.EventTypes))
		for _, eventType := range rec.EventTypes {
			version++
			all = append(all, IntegrationEvent{BookingID: id, Version: version, Type: eventType})
			from = append(from, i)
		}
	}
	first, err := p.publish(ctx, all, from)
	second, errKept := keep(ctx, p.Unreadable, records)
	if err = errors.Join(err, errKept); err == nil {
		return -1, nil
	}
	return min(first, second), err
}

// publish returns which record the first event came from that may not be on the bus.
func (p *Publisher) publish(ctx context.Context, all []IntegrationEvent, from []int) (int, error) {
	if len(all) == 0 {
		return nothing, nil
	}
	accepted, err := p.Bus.Publish(ctx, all)
	if err != nil {
		return from[accepted], fmt.Errorf("event bus: %w", err)
	}
	return nothing, nil
}
