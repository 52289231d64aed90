package readmodel

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// maxPages bounds how far a filtered list looks for its next match in one call.
// What it did not reach, the next page goes on with.
const maxPages = 5

// Lists reads lists of bookings. It is safe for concurrent use.
type Lists struct {
	Views Store
	// Fold returns the view of a booking as its stream has it, for one that is stored and
	// cannot be read. It returns false where the stream cannot be folded, either: the
	// booking is left out then. After an error no list is given.
	Fold func(context.Context, booking.ID) (View, bool, error)
}

// ByRider returns at most limit of a rider's bookings in the given state, or
// in any where state is empty, newest first, and the place to go on from. A
// filtered page may hold fewer than limit, even none, and still not be the last.
func (l Lists) ByRider(ctx context.Context, rider booking.RiderID, state booking.Status, after Place, limit int) ([]View, Place, error) {
	in := func(v View) bool { return (state == "" || v.State == state) && v.RiderID == rider }
	return l.filtered(ctx, in, limit, after, func(after Place, limit int) ([]View, Place, error) {
		return l.Views.ByRider(ctx, rider, after, limit)
	})
}

// Waiting returns at most limit of the bookings that wait for a driver, longest
// first. Those whose wait ended since the index was written are left out.
func (l Lists) Waiting(ctx context.Context, after Place, limit int) ([]View, Place, error) {
	in := func(v View) bool { return v.State == booking.Confirmed }
	return l.filtered(ctx, in, limit, after, func(after Place, limit int) ([]View, Place, error) {
		return l.Views.Waiting(ctx, after, limit)
	})
}

func (l Lists) filtered(ctx context.Context, in func(View) bool, limit int, after Place, page func(Place, int) ([]View, Place, error)) ([]View, Place, error) {
	var found []View
	for range maxPages {
		views, next, err := page(after, limit-len(found))
		if err != nil {
			return nil, Place{}, err
		}
		for _, v := range views {
			ok := true
			if !v.Readable() {
				if v, ok, err = l.Fold(ctx, v.ID); err != nil {
					return nil, Place{}, err
				}
			}
			if ok && in(v) {
				found = append(found, v)
			}
		}
		after = next
		if len(found) == limit || next == (Place{}) {
			break
		}
	}
	return found, after, nil
}
