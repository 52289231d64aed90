package readmodel

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// maxPages bounds how far a filtered list looks for its next match in one call.
// What it did not reach, the next page goes on with.
const maxPages = 5

// ListByRider returns at most limit of a rider's bookings in the given state, or
// in any where state is empty, newest first, and the place to go on from. A
// filtered page may hold fewer than limit, even none, and still not be the last.
func ListByRider(ctx context.Context, s Store, rider booking.RiderID, state booking.Status, after Place, limit int) ([]View, Place, error) {
	in := func(v View) bool { return state == "" || v.State == state }
	return filtered(in, limit, after, func(after Place, limit int) ([]View, Place, error) {
		return s.ByRider(ctx, rider, after, limit)
	})
}

// ListWaiting returns at most limit of the bookings that wait for a driver, longest
// first. Those whose wait ended since the index was written are left out.
func ListWaiting(ctx context.Context, s Store, after Place, limit int) ([]View, Place, error) {
	in := func(v View) bool { return v.State == booking.Confirmed }
	return filtered(in, limit, after, func(after Place, limit int) ([]View, Place, error) {
		return s.Waiting(ctx, after, limit)
	})
}

func filtered(in func(View) bool, limit int, after Place, page func(Place, int) ([]View, Place, error)) ([]View, Place, error) {
	var found []View
	for range maxPages {
		views, next, err := page(after, limit-len(found))
		if err != nil {
			return nil, Place{}, err
		}
		for _, v := range views {
			if in(v) {
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
