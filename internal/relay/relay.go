// Package relay tells the consumers of the log that there is news. A Relay turns each
// commit that the log's change stream shows into a hint on the queues that it
// interests; a Publisher turns it into integration events on a bus, for systems around
// this one. Neither holds anything back: what it cannot send it reports, to be shown the
// same records again. A record that cannot be read is the exception, because no repeat
// mends it: it is kept apart, and the records behind it go on.
package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

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
	// AlarmUnreadable: a record of the stream cannot be read, and is kept apart.
	AlarmUnreadable = "record cannot be read"
)

// Record is what the relay needs to know of one commit.
type Record struct {
	Stream      events.StreamID
	Last        int64 // version of the commit's last event
	EventTypes  []string
	Traceparent string
	// CorrelationID is the request that the commit goes back to.
	CorrelationID string
	// Unreadable is set for a record that is no commit, as far as can be seen. Then Stream
	// and Last are what its keys name, or zero, and the rest is not known.
	Unreadable *Unreadable
}

// Unreadable is a record that cannot be read, as it is kept for operators. It repeats
// nothing but the keys, which are nobody's data.
type Unreadable struct {
	V int `json:"v"`
	// Reason says what is wrong with it.
	Reason string `json:"reason"`
	// Operation, SequenceNumber and Keys are what the stream says of it.
	Operation      string            `json:"operation,omitzero"`
	SequenceNumber string            `json:"sequence_number,omitzero"`
	Keys           map[string]string `json:"keys,omitzero"`
}

// unreadableVersion is the format of what is kept.
const unreadableVersion = 1

// ParseUnreadable reads what was kept; false for anything else.
func ParseUnreadable(body []byte) (Unreadable, bool) {
	var u Unreadable
	err := json.Unmarshal(body, &u)
	return u, err == nil && u.V == unreadableVersion && u.Reason != ""
}

// Shelf keeps records that cannot be read, for operators: the queue of what a function
// gave up. It is safe for concurrent use.
type Shelf interface {
	// SendBodies puts messages on the queue. It returns the indexes of those that may not
	// have got there, and why; sending them again is harmless.
	SendBodies(ctx context.Context, bodies [][]byte) (failed []int, err error)
}

// keep puts those records on the shelf that cannot be read. It returns the index of the
// first that may not have got there, and why; nothing if there is none.
func keep(ctx context.Context, shelf Shelf, records []Record) (int, error) {
	for i, rec := range records {
		if rec.Unreadable == nil {
			continue
		}
		u := *rec.Unreadable
		u.V = unreadableVersion
		body, err := json.Marshal(u, json.Deterministic(true))
		if err == nil {
			_, err = shelf.SendBodies(ctx, [][]byte{body})
		}
		if err != nil {
			return i, fmt.Errorf("keep record %s: %w", u.SequenceNumber, err)
		}
	}
	return nothing, nil
}

// Relay sends hints. It is safe for concurrent use.
type Relay struct {
	Projection queue.Sender
	Payments   queue.Sender
	// Unreadable keeps the records that cannot be read.
	Unreadable Shelf
}

// Forward sends the hints of records, in any order and possibly more than once.
// It returns the index of the first record that may lack a hint, and why; -1 if
// there is none. A record that cannot be read is kept; if its keys name a stream, that
// gets its hints all the same, to both queues: a hint only says where to look.
func (r *Relay) Forward(ctx context.Context, records []Record) (int, error) {
	var projection, payments outbox
	for i, rec := range records {
		if rec.Stream == "" {
			continue
		}
		hint := queue.NewHint(rec.Stream, rec.Last, rec.Traceparent)
		projection.add(i, hint)
		if rec.Unreadable != nil || interestsPayments(rec.EventTypes) {
			payments.add(i, hint)
		}
	}
	first, errProjection := projection.send(ctx, r.Projection)
	second, errPayments := payments.send(ctx, r.Payments)
	third, errKept := keep(ctx, r.Unreadable, records)
	err := errors.Join(wrap("projection queue", errProjection), wrap("payments queue", errPayments), errKept)
	if err == nil {
		return -1, nil
	}
	return min(first, second, third), err
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
