package rebuild

import (
	"context"
	"errors"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// viewsAPage bounds a page of a walk over views.
const viewsAPage = 1000

// walkViews handles another page of the projection's views.
func (s *slice) walkViews(ctx context.Context) (ended bool, err error) {
	limit := viewsAPage
	if s.Page > 0 {
		limit = s.Page
	}
	ids, next, err := s.ledger.Walk(ctx, readmodel.Segment{Index: s.segment, Of: s.run.Segments}, s.progress.AfterView, limit)
	if err != nil {
		return false, err
	}
	if s.run.Work == Drop {
		err = s.each(len(ids), func(i int) error { return s.ledger.Drop(ctx, ids[i]) })
		s.progress.Counts.Dropped += int64(len(ids))
	} else {
		err = s.orphans(ctx, ids)
	}
	s.progress.Counts.Views += int64(len(ids))
	s.progress.AfterView = next
	s.done += int64(len(ids))
	return next == "", err
}

// orphans notes views without a stream. The log comes before its views: a stream that
// is not there now was not there when the view was read.
func (s *slice) orphans(ctx context.Context, ids []booking.ID) error {
	const atOnce = 100 // the most that Catalog.Exist takes
	for chunk := range slices.Chunk(ids, atOnce) {
		streams := make([]events.StreamID, len(chunk))
		for i, id := range chunk {
			streams[i] = id.Stream()
		}
		there, err := s.Catalog.Exist(ctx, streams)
		if err != nil {
			return err
		}
		for i, id := range chunk {
			if !there[streams[i]] {
				s.found(Finding{Kind: Orphan, Booking: id})
			}
		}
	}
	return nil
}

// walkLeases notes drivers' leases that are held by bookings which do not have the
// driver. Mending one could free a driver for two rides: that is left to people.
func (s *slice) walkLeases(ctx context.Context) error {
	after := ""
	for {
		held, next, err := s.Catalog.Leases(ctx, after)
		if err != nil {
			return err
		}
		stale := make([]bool, len(held))
		err = s.each(len(held), func(i int) (err error) {
			stale[i], err = s.keepsStale(ctx, held[i])
			return err
		})
		if err != nil {
			return err
		}
		for i, l := range held {
			if !stale[i] {
				continue
			}
			f := Finding{Kind: StaleLease, Lease: l.Name}
			if id, ok := booking.IDOf(l.Holder); ok {
				f.Booking = id
			}
			s.found(f)
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// keepsStale looks twice: a lease may have been released since its page was read,
// and taken again.
func (s *slice) keepsStale(ctx context.Context, l events.HeldLease) (bool, error) {
	if stale, err := s.isStale(ctx, l); err != nil || !stale {
		return false, err
	}
	holder, held, err := s.Log.Holder(ctx, l.Name)
	if err != nil || !held || holder != l.Holder {
		return false, err
	}
	return s.isStale(ctx, l)
}

func (s *slice) isStale(ctx context.Context, l events.HeldLease) (bool, error) {
	id, ok := booking.IDOf(l.Holder)
	if !ok {
		return true, nil
	}
	h, err := s.Log.Load(ctx, l.Holder)
	if err != nil {
		if errors.Is(err, events.ErrCorrupt) {
			return false, nil // found as unreadable
		}
		return false, err
	}
	f := foldHistory(id, h)
	return f.err == nil && booking.DriverLease(f.state.Driver()) != l.Name, nil
}
