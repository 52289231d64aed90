package relay

import (
	"context"
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
type Publisher struct{ Bus Bus }

// Forward publishes each event of records, in any order and possibly more than once. It
// returns the index of the first record that may not have been published wholly, and
// why; -1 if there is none. A record that is of no booking has nothing to publish.
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
	if len(all) == 0 {
		return -1, nil
	}
	accepted, err := p.Bus.Publish(ctx, all)
	if err != nil {
		return from[accepted], fmt.Errorf("event bus: %w", err)
	}
	return -1, nil
}
