package rebuild

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
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
		var differing []difference
		for _, f := range suspects {
			d, differs, err := s.examine(ctx, f.id)
			if err != nil {
				return err
			}
			if differs {
				differing = append(differing, d)
			}
		}
		if err := s.mend(ctx, differing); err != nil {
			return err
		}
		if err := s.seeToDebts(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// difference is a view that is not the fold of its stream.
type difference struct {
	finding Finding
	view    readmodel.View    // as it should be
	seen    *readmodel.Record // as it is stored; nil for none
}

// mend notes differences, and then replaces the views. Killed in between, or after it, the
// next worker finds the note: what was mended counts as a difference all the same.
func (s *slice) mend(ctx context.Context, differing []difference) error {
	for _, d := range differing {
		s.found(d.finding)
	}
	if !s.run.Repair || len(differing) == 0 {
		return nil
	}
	if err := s.noteFindings(ctx); err != nil {
		return err
	}
	for _, d := range differing {
		mended, err := s.ledger.Replace(ctx, d.view, d.seen)
		if err != nil {
			return err
		}
		if mended {
			s.mended(d.finding)
		}
	}
	return nil
}

// suspects returns the streams whose views do not equal the fold of what the walk
// brought.
func (s *slice) suspects(ctx context.Context, chunk []folded) ([]folded, error) {
	var ids []booking.ID
	for _, f := range chunk {
		if f.isBooking() {
			ids = append(ids, f.id)
		}
	}
	stored, err := s.records(ctx, ids)
	if err != nil {
		return nil, err
	}
	var suspects []folded
	for _, f := range chunk {
		if s.unreadable(f, stored) {
			continue
		}
		same, err := s.shows(f, stored)
		if err != nil {
			return nil, err
		}
		if !same {
			suspects = append(suspects, f)
		}
	}
	return suspects, nil
}

// records returns what is stored of some bookings, or of none.
func (s *slice) records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return s.ledger.Records(ctx, ids)
}

// shows tells whether the stored view of a stream is its fold. What a newer release added
// to the view is no difference.
func (s *slice) shows(f folded, stored map[booking.ID]readmodel.Record) (bool, error) {
	want, err := readmodel.RecordOf(f.view)
	if err != nil {
		return false, fmt.Errorf("encode the view of %s: %w", f.id, err)
	}
	got, ok := stored[f.id]
	if !ok || !got.Shows(want) {
		return false, nil
	}
	if got.Digest() != want.Digest() {
		s.progress.Counts.Newer++
	}
	return true, nil
}

// examine looks again at a booking whose view does not equal its stream as the walk
// brought it. The log is read before the view: a view that then differs was wrong or
// late, and not just newer than the walk.
func (s *slice) examine(ctx context.Context, id booking.ID) (d difference, differs bool, err error) {
	f, err := s.load(ctx, id)
	if err != nil {
		return difference{}, false, err
	}
	stored, err := s.records(ctx, []booking.ID{id})
	if err != nil {
		return difference{}, false, err
	}
	if s.unreadable(f, stored) || !f.history.Exists() { // without a stream, its view is an orphan
		return difference{}, false, nil
	}
	same, err := s.shows(f, stored)
	if same || err != nil {
		return difference{}, false, err
	}
	d = difference{finding: Finding{Kind: Missing, Booking: id, Wanted: f.view.Version}, view: f.view}
	if got, ok := stored[id]; ok {
		d.seen, d.finding.Stored, d.finding.Kind = &got, got.Version, Differs
		if got.Version < f.view.Version {
			d.finding.Kind = Behind
		}
	}
	if d.finding.Stored > f.view.Version {
		// Written since the log was read, unless the log is shorter even now.
		reached, err := s.reached(ctx, id, d.finding.Stored)
		return d, !reached, err
	}
	if d.finding.Kind != Differs && s.isLate(f) {
		s.progress.Counts.Late++
		return difference{}, false, nil
	}
	return d, true, nil
}

// reached tells whether a stream has come to a version. A stream that this release cannot
// fold has a length all the same; one that cannot be loaded is an error and says nothing.
func (s *slice) reached(ctx context.Context, id booking.ID, version int64) (bool, error) {
	h, err := s.Log.Load(ctx, id.Stream())
	if err != nil {
		return false, fmt.Errorf("load %s again: %w", id, err)
	}
	return length(h) >= version, nil
}

// length returns the version of a stream's last event.
func length(h events.History) int64 {
	commits := h.Commits()
	if len(commits) == 0 {
		return 0
	}
	return commits[len(commits)-1].Last()
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
