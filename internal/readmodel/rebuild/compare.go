package rebuild

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

const (
	// recordsAtOnce is the most that Ledger.Records takes.
	recordsAtOnce = 100
	// hintsTake is how long the hint for a commit may be on its way before its view
	// counts as behind.
	hintsTake = 2 * time.Minute
	// settlingTakes is how long a booking may owe something before an audit sees to it.
	settlingTakes = time.Hour
)

// compare compares the views of streams with their folds, and mends what differs if
// the run is to.
func (s *slice) compare(ctx context.Context, all []folded) error {
	for chunk := range slices.Chunk(all, recordsAtOnce) {
		suspects, err := s.suspects(ctx, chunk)
		if err != nil {
			return err
		}
		for _, f := range suspects {
			if err := s.examine(ctx, f.id); err != nil {
				return err
			}
		}
		if err := s.seeToDebts(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// suspects returns the streams whose views do not equal the fold of what the walk
// brought.
func (s *slice) suspects(ctx context.Context, chunk []folded) ([]folded, error) {
	var ids []booking.ID
	for _, f := range chunk {
		if !s.unreadable(f) {
			ids = append(ids, f.id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	stored, err := s.ledger.Records(ctx, ids)
	if err != nil {
		return nil, err
	}
	var suspects []folded
	for _, f := range chunk {
		if f.err != nil {
			continue
		}
		want, err := readmodel.RecordOf(f.view)
		if err != nil {
			return nil, fmt.Errorf("encode the view of %s: %w", f.id, err)
		}
		if got, ok := stored[f.id]; !ok || got.Digest() != want.Digest() {
			suspects = append(suspects, f)
		}
	}
	return suspects, nil
}

// examine looks again at a booking whose view does not equal its stream as the walk
// brought it. The log is read before the view: a view that then differs was wrong or
// late, and not just newer than the walk.
func (s *slice) examine(ctx context.Context, id booking.ID) error {
	f, err := s.load(ctx, id)
	if err != nil || s.unreadable(f) {
		return err
	}
	stored, err := s.ledger.Records(ctx, []booking.ID{id})
	if err != nil {
		return err
	}
	want, err := readmodel.RecordOf(f.view)
	if err != nil {
		return fmt.Errorf("encode the view of %s: %w", id, err)
	}
	finding := Finding{Kind: Missing, Booking: id, Wanted: want.Version}
	var seen *readmodel.Record
	if got, ok := stored[id]; ok {
		seen = &got
		finding.Kind, finding.Stored = Differs, got.Version
		switch {
		case got.Digest() == want.Digest():
			return nil
		case got.Version < want.Version:
			finding.Kind = Behind
		case got.Version > want.Version && s.exists(ctx, id, got.Version):
			return nil // written since the log was read
		}
	}
	if finding.Kind != Differs && s.isLate(f) {
		s.progress.Counts.Late++
		return nil
	}
	if s.run.Repair {
		if finding.Mended, err = s.ledger.Replace(ctx, f.view, seen); err != nil {
			return err
		}
	}
	s.progress.found(finding)
	return nil
}

// exists tells whether a version has come to a stream.
func (s *slice) exists(ctx context.Context, id booking.ID, version int64) bool {
	f, err := s.load(ctx, id)
	return err == nil && f.err == nil && f.state.Version >= version
}

// isLate tells whether the last commit is so fresh that its hint may be on its way.
func (s *slice) isLate(f folded) bool {
	commits := f.history.Commits()
	return s.Now().Sub(commits[len(commits)-1].RecordedAt) < hintsTake
}

// seeToDebts tells whoever brings work back about bookings that may owe something,
// for longer than that takes.
func (s *slice) seeToDebts(ctx context.Context, chunk []folded) error {
	if s.Owed == nil || s.run.Work != Inspect || !s.run.Repair {
		return nil
	}
	for _, f := range chunk {
		if f.err != nil || s.Now().Sub(f.state.UpdatedAt) < settlingTakes {
			continue
		}
		if err := s.Owed(ctx, f.state); err != nil {
			return fmt.Errorf("what %s owes: %w", f.id, err)
		}
	}
	return nil
}
