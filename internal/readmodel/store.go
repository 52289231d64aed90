package readmodel

import (
	"context"
	"errors"
	"fmt"
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
	// written a moment ago. A place stays valid while bookings come and go.
	ByRider(ctx context.Context, riderID string, after Place, limit int) (views []View, next Place, err error)
	Waiting(ctx context.Context, after Place, limit int) (views []View, next Place, err error)
}

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

// ErrUnavailable means that the store of views could not be reached.
var ErrUnavailable = errors.New("the view store is unavailable")
