package sim

import (
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// listed returns the bookings of a rider that no list may leave out from now on: those
// that even an index which lags by one write has, in every projection that knows them.
func (o *oracle) listed(rider person) []booking.ID {
	var ids []booking.ID
	for _, a := range o.order {
		if !o.owners[a.id].is(rider) || len(o.projected(o.active()).older[a.id]) == 0 {
			continue
		}
		sure := true
		for _, p := range o.views {
			if n := len(p.older[a.id]); n > 0 && p.older[a.id][n-1].Version == 0 {
				sure = false
			}
		}
		if sure {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// leavesNobodyOut judges a list that was read to its end.
func (o *oracle) leavesNobodyOut(listed []booking.ID, pages []page) {
	if len(pages) == 0 || pages[len(pages)-1].NextCursor != nil {
		return // somebody gave up on the way
	}
	if len(pages) > 1 {
		o.reach(listHadPages)
	}
	for _, id := range listed {
		if !slices.ContainsFunc(pages, func(p page) bool { return p.has(id) }) {
			o.fail("5: a list leaves nobody out", id, "it is on none of %d pages", len(pages))
		}
	}
}
