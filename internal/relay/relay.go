// Package relay tells the consumers of the log that there is news. A Relay turns each
// commit that the log's change stream shows into a hint on the queues that it
// interests; a Publisher turns it into integration events on a bus, for systems around
// this one. Neither holds anything back: what it cannot send it reports, to be shown the
// same records again.
package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// Messages that metrics and alarms are made from.
const (
	// AlarmChanged: something in the log was changed or removed.
	AlarmChanged = "the log was changed"
	// AlarmStopped: a batch could not be sent wholly.
	AlarmStopped = "relay stopped"
)

// Record is what the relay needs to know of one commit.
type Record struct {
	Stream      events.StreamID
	Last        int64 // version of the commit's last event
	EventTypes  []string
	Traceparent string
	// CorrelationID is the request that the commit goes back to.
	CorrelationID string
}

// Relay sends hints. It is safe for concurrent use.
type Relay struct {
	Projection queue.Sender
	Payments   queue.Sender
}

// Forward sends the hints of records, in any order and possibly more than once.
// It returns the index of the first record that may lack a hint, and why; -1 if
// there is none.
func (r *Relay) Forward(ctx context.Context, records []Record) (int, error) {
	var projection, payments outbox
	for i, rec := range records {
		hint := queue.NewHint(rec.Stream, rec.Last, rec.Traceparent)
		projection.add(i, hint)
		if interestsPayments(rec.EventTypes) {
			payments.add(i, hint)
		}
	}
	first, errProjection := projection.send(ctx, r.Projection)
	second, errPayments := payments.send(ctx, r.Payments)
	err := errors.Join(wrap("projection queue", errProjection), wrap("payments queue", errPayments))
	if err == nil {
		return -1, nil
	}
	return min(first, second), err
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// interestsPayments tells whether a commit can make the booking owe a payment
// operation. The payment function's own commits do not: it goes on by itself.
func interestsPayments(types []string) bool {
	return slices.ContainsFunc(types, func(t string) bool {
		switch t {
		case booking.TypeBookingRequested, booking.TypeRideCompleted, booking.TypeBookingCanceled, booking.TypeBookingExpired,
			booking.TypeRefundRequested, booking.TypePaymentRetried:
			return true
		default:
			return false
		}
	})
}

// outbox is the hints for one queue with the records they came from.
type outbox struct {
	from  []int
	hints []queue.Hint
}

func (o *outbox) add(record int, h queue.Hint) {
	o.from = append(o.from, record)
	o.hints = append(o.hints, h)
}

// nothing is the index of a failure that did not happen: greater than any other.
const nothing = int(^uint(0) >> 1)

func (o *outbox) send(ctx context.Context, to queue.Sender) (int, error) {
	if len(o.hints) == 0 {
		return nothing, nil
	}
	failed, err := to.Send(ctx, o.hints)
	switch {
	case err == nil:
		return nothing, nil
	case len(failed) == 0: // not known which: all of them
		return o.from[0], err
	default:
		return o.from[failed[0]], err
	}
}
