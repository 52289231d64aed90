package sim

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// Faults of the records of the stream.
const (
	imageless fault = "imageless" // a commit of which only the keys are shown
	foreign   fault = "foreign"   // an item that is no commit
)

// Bugs about records that cannot be read.
const (
	unreadableStops  Canary = "a record that cannot be read stops its shard"
	unreadableIsLost Canary = "a record that cannot be read is passed over in silence"
)

func unreadablePart() part {
	return part{faults: odds{imageless: 0.1, foreign: 0.1}, canaries: []Canary{unreadableStops, unreadableIsLost}}
}

// asShown returns how a reader of the stream sees a commit, and the item of others that
// comes before it, if there is one.
func (s *stream) asShown(r relay.Record) []relay.Record {
	var shown []relay.Record
	unreadable := func(r relay.Record, reason string) relay.Record {
		s.unreadables++
		r.Unreadable = &relay.Unreadable{Reason: reason, SequenceNumber: s.function + "-" + strconv.Itoa(s.unreadables)}
		return r
	}
	if s.strikes(foreign, "stream of "+s.function) {
		shown = append(shown, unreadable(relay.Record{}, "no commit"))
	}
	if s.strikes(imageless, "stream of "+s.function) {
		r = unreadable(relay.Record{Stream: r.Stream, Last: r.Last - int64(len(r.EventTypes)) + 1}, "no image")
	}
	return append(shown, r)
}

// shelf is the failure queue of a reader.
type shelf struct{ *stream }

// SendBodies implements relay.Shelf.
func (s shelf) SendBodies(ctx context.Context, bodies [][]byte) ([]int, error) {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate("keep by "+s.function, lostBefore, lostAfter)
	if fate == lostBefore || ctx.Err() != nil {
		return []int{0}, fmt.Errorf("keep: %w", errInjected)
	}
	for _, body := range bodies {
		u, ok := relay.ParseUnreadable(body)
		if !ok {
			s.fail("6: what is kept can be read", "", "%s", body)
		}
		s.kept[u.SequenceNumber] = true
	}
	s.travel(t)
	if fate == lostAfter {
		return []int{0}, fmt.Errorf("keep: %w", errInjected)
	}
	return nil, nil
}

// withCanary is a reader's work, with a bug about records that cannot be read, if there is
// to be one.
func (s *stream) withCanary(ctx context.Context, records []relay.Record) (int, error) {
	for i, r := range records {
		switch {
		case r.Unreadable == nil:
		case s.canary == unreadableStops:
			if at, err := s.forward(ctx, records[:i]); err != nil {
				return at, err
			}
			return i, fmt.Errorf("read: %w", errInjected)
		case s.canary == unreadableIsLost:
			records = append([]relay.Record{}, records...)
			records[i].Unreadable = nil
		}
	}
	return s.forward(ctx, records)
}

// isKept judges an unreadable record that its reader is done with.
func (s *stream) isKept(r record) {
	id, _ := booking.IDOf(r.Stream)
	if !s.kept[r.Unreadable.SequenceNumber] {
		s.fail("6: what cannot be read is kept", id, "%s of the %s is not", r.Unreadable.SequenceNumber, s.function)
	}
	s.reach(recordWasKept)
}

// expired judges a record that left the stream before its reader was done with it: that
// takes an outage of the reader, or of what it sends to.
func (s *stream) expired(r record) {
	if !r.finished && r.at.After(s.stoppedUntil) && r.at.After(s.awayUntil()) && time.Since(r.at) > retention {
		id, _ := booking.IDOf(r.Stream)
		s.fail("6: one record stops no shard", id, "the %s ran, and did not get to version %d in a day", s.function, r.Last)
	}
}
