package fleet

import (
	"context"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Record is a breaker as it is stored. The zero Record is one that nothing has
// happened to: closed, and left to itself. Times are kept to the millisecond.
type Record struct {
	Stage
	// Mode is Auto where it is empty.
	Mode resilience.Mode
	// Orders is how many an operator has given, and Order the last.
	Orders int64
	Order  Order
	// Counts are in no order, at most one for each version and epoch.
	Counts []Count
}

// Stage is what one change after the other replaces, as a whole.
type Stage struct {
	// Version is raised by every change.
	Version int64
	State   resilience.State
	// Until is when an open breaker lets a probe through.
	Until time.Time
	// Reopened is how many probes in a row have failed, and Healthy how many have not.
	Reopened, Healthy int64
	Lease             Lease
}

// Lease is the right of one environment to make the fleet's one probe.
type Lease struct {
	Owner string
	Until time.Time
}

// Count is how many calls that were admitted under a version ended in one bucket
// of time.
type Count struct {
	Version, Epoch   int64
	Healthy, Failing int64
	// Unaware are those of Failing whose environment knew of no failure. Had they been
	// healthy, nobody would have heard of them, so alone they say nothing of a rate.
	Unaware int64
}

// Report is counts of one version, at most one for each epoch, to be added to those that
// are stored.
type Report struct {
	Version int64
	Counts  []Count
	// Drop are counts, told by version and epoch, that nobody will look at any more.
	Drop []Count
}

// Change is a step from one stage to the next.
type Change struct {
	// From is the version that it follows from.
	From int64
	// Holder, where it is set, must have the lease, and still have it at the
	// time At.
	Holder string
	At     time.Time
	To     Stage
	Drop   []Count
}

// Store keeps the record of one breaker. It is safe for concurrent use.
//
// Report and Change are conditional on the version. Where that has passed, or an order is
// being written, they do nothing, and say so; either way they return the record as it is afterwards. An
// error leaves open whether anything was done, and nothing is repeated by the store
// itself: counts would be added twice.
type Store interface {
	// Read returns the record: the newest if so wanted, else one that may be a moment
	// old.
	Read(ctx context.Context, newest bool) (Record, error)
	Report(ctx context.Context, r Report) (now Record, done bool, err error)
	Change(ctx context.Context, c Change) (now Record, done bool, err error)
	// Give makes a change together with the mode that an order wants, and keeps the
	// order under its number for good: all of it or nothing. Nothing is done, without
	// an error, if the version has passed or another write was in the way.
	Give(ctx context.Context, c Change, o Order) (done bool, err error)
	// Given returns the order with a number from 1 to Record.Orders.
	Given(ctx context.Context, number int64) (Order, error)
}
