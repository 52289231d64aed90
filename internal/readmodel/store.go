package readmodel

import (
	"context"
	"errors"

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
}

// ErrUnavailable means that the store of views could not be reached.
var ErrUnavailable = errors.New("the view store is unavailable")
