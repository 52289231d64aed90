package readmodel

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Store keeps the newest view of each booking. It is safe for concurrent use and
// shares no memory with its callers.
type Store interface {
	// Put stores v unless a view of the same or a newer version is stored; then
	// it changes nothing, and that is no error. It returns ErrUnavailable when
	// the outcome is unknown; putting again is harmless.
	Put(ctx context.Context, v View) error
	// Get returns the view of a booking; ok is false where none is stored, which
	// does not mean that there is no booking. A view may be older than the log. It
	// returns ErrUnavailable when the store could not be read.
	Get(ctx context.Context, id booking.ID) (v View, ok bool, err error)
	// ByRider lists a rider's bookings, newest first; Waiting those that wait for a
	// driver, longest first. Both return at most limit views of those that come
	// after the given place in the list, and the place to go on from: the zero
	// Place begins the list, and a zero next ends it. A list may lack what was
	// written a moment ago. A place stays valid while bookings come and go. A view that
	// cannot be read comes as Unreadable: it is no reason to withhold the others.
	ByRider(ctx context.Context, rider booking.RiderID, after Place, limit int) (views []View, next Place, err error)
	Waiting(ctx context.Context, after Place, limit int) (views []View, next Place, err error)
}

// OverdueQuery asks for the bookings of one shard whose deadline is not after By.
type OverdueQuery struct {
	Shard int // below DeadlineShards
	By    time.Time
	After Place // zero from the start
	Limit int
}

// DeadlineShards spreads the bookings that have a deadline over partitions of
// their index. One takes 1,000 writes a second, and a ride changes its deadline
// with 12 of them: 32 carry 2,600 rides a second (docs/adr/0011).
const DeadlineShards = 32

// DeadlineShard returns the shard of a booking.
func DeadlineShard(id booking.ID) int { return shardOf(id, DeadlineShards) }

// WaitingShards spreads those that wait for a driver. Each booking enters the list
// and leaves it: four shards carry 2,000 bookings a second. Reading the list asks
// each of them.
const WaitingShards = 4

// WaitingShard returns the shard of a booking.
func WaitingShard(id booking.ID) int { return shardOf(id, WaitingShards) }

func shardOf(id booking.ID, shards uint32) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % shards)
}

// Ledger is a projection as the sweeper, a rebuild and an audit use it.
type Ledger interface {
	Store
	// Overdue lists where the bookings of a shard stand whose deadline has come,
	// longest overdue first, and the place to go on from; a zero next ends the list.
	Overdue(ctx context.Context, q OverdueQuery) (places []Place, next Place, err error)
	// Records returns what is stored of bookings, at most 100, with every write
	// that was acknowledged before; it leaves out those of which nothing is.
	Records(ctx context.Context, ids []booking.ID) (map[booking.ID]Record, error)
	// Replace stores v if the version and the body that are stored are still those
	// of seen; a nil seen means that nothing is. It returns false where that has
	// changed: whoever changed it may have done it already.
	Replace(ctx context.Context, v View, seen *Record) (bool, error)
	// Drop removes a view, whatever its version. It is for a projection that nobody
	// reads or feeds any more.
	Drop(ctx context.Context, id booking.ID) error
	// Walk returns up to limit of the bookings of which this projection has a view,
	// in the store's own order, and from where to go on in the same segment; an
	// empty next ends it. Between two pages views may come and go; those that
	// stayed are returned once.
	Walk(ctx context.Context, at Segment, after string, limit int) (ids []booking.ID, next string, err error)
}

// Segment is one of Of equal parts of a projection, from 0 on.
type Segment struct{ Index, Of int }

// Place is where a booking stands in a list: by time, then by id.
type Place struct {
	Time time.Time
	ID   booking.ID
}

// String returns the place as text whose order is that of the places.
func (p Place) String() string {
	return p.Time.UTC().Format(placeLayout) + "#" + string(p.ID)
}

// placeLayout has a fixed width, so that text order is time order.
const placeLayout = "2006-01-02T15:04:05.000Z"

// ParsePlace reads what String wrote.
func ParsePlace(s string) (Place, error) {
	at, id, ok := strings.Cut(s, "#")
	t, err := time.Parse(placeLayout, at)
	p := Place{Time: t, ID: booking.ID(id)}
	// Parse takes more than the layout says, such as hours of one digit: text that
	// String did not write would not stand where the place does.
	if !ok || err != nil || !p.ID.Valid() || p.String() != s {
		return Place{}, fmt.Errorf("%q is no place in a list", s)
	}
	return p, nil
}

// InRiderList returns where the view stands among its rider's bookings.
func (v View) InRiderList() Place { return Place{Time: v.RequestedAt, ID: v.ID} }

// InWaitingList returns where the view stands among those that wait for a driver;
// ok is false where it does not wait.
func (v View) InWaitingList() (place Place, ok bool) {
	return Place{Time: v.AssignBy, ID: v.ID}, !v.AssignBy.IsZero()
}

// InDeadlineList returns where the view stands among those that have a deadline; ok
// is false where it has none.
func (v View) InDeadlineList() (place Place, ok bool) {
	return Place{Time: v.Deadline, ID: v.ID}, !v.Deadline.IsZero()
}

// ErrUnavailable means that the store of views could not be reached.
var ErrUnavailable = errors.New("the view store is unavailable")
