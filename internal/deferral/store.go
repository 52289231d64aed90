package deferral

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Item is payment work of one booking that waits.
type Item struct {
	Booking booking.ID
	// Operation is what was due when the item was last written; empty where that was
	// not known.
	Operation payments.Operation
	// Reason says why the work was last put off: a word, and the provider's code
	// after a colon where it gave one.
	Reason Reason
	// Reconcile asks for a look at what the provider has, even where nothing is due.
	Reconcile bool
	// Since is when the item was made, Next when the work is to be tried again, both
	// in UTC and whole milliseconds.
	Since time.Time
	Next  time.Time
	// Attempts counts how often the work was put off.
	Attempts int
	// Rev changes with every write. It begins anywhere, so that an item that was
	// deleted and made again is not taken for the one before.
	Rev int64
}

// Reason says why work is put off.
type Reason string

// Deferral is the wish that a booking's payment be looked at again.
type Deferral struct {
	Booking   booking.ID
	Operation payments.Operation
	Reason    Reason
	Reconcile bool
	// At is now; First is when a new item is due.
	At    time.Time
	First time.Time
}

// ErrChanged says that an item was written to, or deleted, since it was read.
var ErrChanged = errors.New("the item was changed meanwhile")

// ErrUnavailable says that the store did not do what it was asked, or that it is not
// known whether it did.
var ErrUnavailable = errors.New("the store of deferred work is unavailable")

// Store keeps items. It is safe for concurrent use. Each method is one operation,
// atomic in itself. It returns ErrChanged where the item is not as it was read, or another
// write was under way at it, and ErrUnavailable, after which the same call may be
// repeated; any other error is one that no repeat mends.
type Store interface {
	// Defer puts work off. A new item is due at First. One that is there keeps its
	// time, which whoever brought the work back has set, and counts one more attempt;
	// a wish to reconcile stays until it is fulfilled.
	Defer(ctx context.Context, d Deferral) error
	// Offer makes an item, due at First and without an attempt, unless there is one.
	Offer(ctx context.Context, d Deferral) error
	// Due returns at most limit items of a shard that are due at an instant and come
	// after a place, those that wait longest first; fewer than limit only at the end.
	// It may show items as they were a moment ago.
	Due(ctx context.Context, shard int, at time.Time, after Place, limit int) ([]Item, error)
	// Advance sets when the work is to be tried again, and what is due, if the item
	// is as it was read. It returns the item as it is then.
	Advance(ctx context.Context, item Item, due payments.Operation, next time.Time) (Item, error)
	// Reconciled takes the wish to reconcile off, if the item is as it was read.
	Reconciled(ctx context.Context, item Item) error
	// Delete deletes the item, if it is as it was read.
	Delete(ctx context.Context, item Item) error
}

// All returns every item there is, what waits longest first. It is for people: it reads
// all shards to their ends.
func All(ctx context.Context, s Store) ([]Item, error) {
	const page = 100
	endOfTime := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []Item
	for shard := range Shards {
		for after := (Place{}); ; {
			found, err := s.Due(ctx, shard, endOfTime, after, page)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			if len(found) < page {
				break
			}
			after = found[len(found)-1].Place()
		}
	}
	slices.SortFunc(all, func(a, b Item) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Booking, b.Booking))
	})
	return all, nil
}

// Place is a position among the items of a shard; the zero place is before all.
type Place struct {
	Next    time.Time
	Booking booking.ID
}

// Place returns the item's own.
func (i Item) Place() Place { return Place{Next: i.Next, Booking: i.Booking} }

// Shards is how many parts the items are spread over. A part takes about 300 new
// items or attempts a second: each is up to two of the 1,000 index writes that a
// partition takes. During an outage every booking of the service writes there.
const Shards = 8

// ShardOf returns the shard of a booking. It is storage format.
func ShardOf(id booking.ID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % Shards)
}
