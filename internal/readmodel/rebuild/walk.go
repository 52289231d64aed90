package rebuild

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// walkLog handles the streams that another page of the log completes. A stream is
// complete when the next one begins, or the segment ends.
func (s *slice) walkLog(ctx context.Context) (ended bool, err error) {
	commits, next, err := s.Catalog.Walk(ctx, events.WalkQuery{Segment: s.segment, Segments: s.run.Segments, After: s.next, Limit: s.Page})
	if err != nil {
		return false, err
	}
	s.next, ended = next, next == events.Cursor{}
	streams := byStream(append(s.pending, commits...))
	s.pending = nil
	if !ended && len(streams) > 0 {
		s.pending = streams[len(streams)-1]
		streams = streams[:len(streams)-1]
	}
	if len(streams) == 0 {
		return ended, nil
	}
	if err := s.handle(ctx, streams); err != nil {
		return false, err
	}
	last := streams[len(streams)-1]
	s.progress.After = events.Cursor{Stream: last[0].Stream, Version: last[len(last)-1].Version}
	for _, commits := range streams {
		s.progress.Counts.Commits += int64(len(commits))
	}
	s.progress.Counts.Streams += int64(len(streams))
	s.done += int64(len(streams))
	return ended, nil
}

// byStream parts commits where the stream changes.
func byStream(commits []events.Commit) [][]events.Commit {
	var streams [][]events.Commit
	for i, c := range commits {
		if i == 0 || c.Stream != commits[i-1].Stream {
			streams = append(streams, nil)
		}
		last := len(streams) - 1
		streams[last] = append(streams[last], c)
	}
	return streams
}

// folded is a stream and what its events add up to.
type folded struct {
	id      booking.ID
	history events.History
	state   booking.State
	view    readmodel.View
	queried bool
	err     error // why it cannot be folded
}

// handle does what the run is for about streams.
func (s *slice) handle(ctx context.Context, streams [][]events.Commit) error {
	all := make([]folded, len(streams))
	var mu sync.Mutex
	err := s.each(len(streams), func(i int) error {
		f, err := s.fold(ctx, streams[i])
		if err != nil {
			return err
		}
		all[i] = f
		mu.Lock()
		if f.queried {
			s.progress.Counts.Queried++
		}
		mu.Unlock()
		if f.err == nil && s.run.Work == Build {
			return s.ledger.Put(ctx, f.view)
		}
		return nil // what cannot be folded is noted below
	})
	if err != nil {
		return err
	}
	if s.run.Work == Build {
		for _, f := range all {
			s.unreadable(f, nil)
		}
		return nil
	}
	return s.compare(ctx, all)
}

// unreadable notes a stream that cannot be folded, and tells whether it is one. One of a
// newer release is for that release to fold: it is no finding, except where a check is to
// find out whether the views can be read, and this one is not there.
func (s *slice) unreadable(f folded, stored map[booking.ID]readmodel.Record) bool {
	switch {
	case f.err == nil:
		return false
	case errors.Is(f.err, booking.ErrUnknownEvent) && (s.run.Work != Check || stored[f.id].Version >= length(f.history)):
		s.progress.Counts.Newer++
	default:
		s.found(Finding{Kind: Unreadable, Booking: f.id})
	}
	return true
}

// isBooking tells whether there can be a view of the stream.
func (f folded) isBooking() bool { return f.id.Valid() }

// fold adds up a stream as the walk brought it. If its versions are not 1 to n, the
// walk did not bring all of it, and it is read again.
func (s *slice) fold(ctx context.Context, commits []events.Commit) (folded, error) {
	stream := commits[0].Stream
	id, ok := booking.IDOf(stream)
	if !ok {
		return folded{id: booking.ID(stream), err: fmt.Errorf("%q is no booking's stream", stream)}, nil
	}
	h, err := events.NewHistory(stream, commits)
	if err == nil {
		return foldHistory(id, h), nil
	}
	f, err := s.load(ctx, id)
	f.queried = true
	return f, err
}

// load reads a stream and adds it up.
func (s *slice) load(ctx context.Context, id booking.ID) (folded, error) {
	h, err := s.Log.Load(ctx, id.Stream())
	switch {
	case errors.Is(err, events.ErrCorrupt):
		return folded{id: id, err: err}, nil
	case err != nil:
		return folded{}, err
	default:
		return foldHistory(id, h), nil
	}
}

func foldHistory(id booking.ID, h events.History) folded {
	state, err := booking.StateOf(h)
	return folded{id: id, history: h, state: state, view: readmodel.ViewOf(state), err: err}
}
