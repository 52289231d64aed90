package booking

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// ErrUnknownEvent is an event that this build cannot read, because a newer one
// stored it. It is no corruption: the same event is fine after the deployment.
var ErrUnknownEvent = errors.New("this build does not know the event")

// ErrUnfoldable is a history that this build cannot fold, whatever the reason: no repeat
// mends it. Where a newer build can, the error is ErrUnknownEvent, too.
var ErrUnfoldable = errors.New("the history cannot be folded")

// Unfoldable tells whether an error of loading and folding a booking says that its stream
// cannot be read. Every other error says nothing about the stream.
func Unfoldable(err error) bool {
	return errors.Is(err, ErrUnfoldable) || errors.Is(err, events.ErrCorrupt)
}

// schemaOf returns the schema in which events of a type are written. It grows
// with each change of the type's shape, together with an upcaster in upcast.go.
func schemaOf(eventType string) int {
	switch eventType {
	case TypeBookingRequested, TypeBookingCanceled:
		return 2
	default:
		return 1
	}
}

// personalData is the personal part of a commit: that of each event that has
// one, by the event's index in the commit.
type personalData map[int]jsontext.Value

// personalOf returns the personal part of an event, for reading and writing; nil
// for an event that has none.
func personalOf(e Event) (part any, empty bool) {
	switch e := e.(type) {
	case *BookingRequested:
		return &e.Personal, e.Personal == Trip{}
	case *BookingCanceled:
		return &e.Personal, e.Personal == Remark{}
	case *RefundRequested:
		return &e.Personal, e.Personal == Remark{}
	default:
		return nil, true
	}
}

// encode turns events into what is stored: their data, and apart from it the
// personal data, nil where there is none. It refuses what this build could not read
// back: a stream with such an event in it would be lost.
func encode(decided []Event) (stored []events.Event, personal []byte, err error) {
	apart := personalData{}
	for i, e := range decided {
		one, part, err := encodeEvent(e)
		if err != nil {
			return nil, nil, fmt.Errorf("encode %s: %w", e.Type(), err)
		}
		stored = append(stored, one)
		if part != nil {
			apart[i] = part
		}
	}
	if len(apart) == 0 {
		return stored, nil, nil
	}
	personal, err = json.Marshal(apart, json.Deterministic(true))
	return stored, personal, err
}

func encodeEvent(e Event) (stored events.Event, personal jsontext.Value, err error) {
	if err := readable(e); err != nil {
		return stored, nil, err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return stored, nil, err
	}
	if part, empty := personalOf(pointerTo(e)); !empty {
		if personal, err = json.Marshal(part); err != nil {
			return stored, nil, fmt.Errorf("its personal part: %w", err)
		}
	}
	return events.Event{Type: e.Type(), Schema: schemaOf(e.Type()), Data: data}, personal, nil
}

// readable returns an error for an event of a type that the registry, Evolve or
// personalOf does not know.
func readable(e Event) error {
	r, ok := types[e.Type()]
	if !ok {
		return errors.New("its type is not in the registry")
	}
	return r.reads(e)
}

func (r registered) reads(e Event) error {
	switch {
	case r.Type != reflect.TypeOf(e):
		return fmt.Errorf("it would be read back as %s", r.Type)
	case !r.evolves:
		return errors.New("Evolve does not know it")
	}
	if part, _ := personalOf(pointerTo(e)); part == nil && r.hasPartApart {
		return errors.New("personalOf does not know the part of it that is stored apart")
	}
	return nil
}

// DecodeCommit returns the events of a commit. Personal fields are zero where
// they were erased.
func DecodeCommit(c events.Commit) ([]Event, error) {
	apart := personalData{}
	if len(c.Personal) > 0 {
		if err := json.Unmarshal(c.Personal, &apart); err != nil {
			return nil, fmt.Errorf("personal data of %s at %d: %w", c.Stream, c.Version, err)
		}
	}
	out := make([]Event, len(c.Events))
	for i, stored := range c.Events {
		e, err := decodeEvent(stored, apart[i])
		if err != nil {
			return nil, fmt.Errorf("event %s of %s at %d: %w", stored.Type, c.Stream, c.Version+int64(i), err)
		}
		out[i] = e
	}
	return out, nil
}

func decodeEvent(stored events.Event, personal jsontext.Value) (Event, error) {
	if stored.Schema < 1 || stored.Schema > schemaOf(stored.Type) {
		return nil, fmt.Errorf("schema %d: %w", stored.Schema, ErrUnknownEvent)
	}
	if jsontext.Value(stored.Data).Kind() != '{' {
		return nil, errors.New("its data is no JSON object") // null would be read as an event without anything in it
	}
	data, err := upcast(stored)
	if err != nil {
		return nil, err
	}
	e, ok := newEvent(stored.Type)
	if !ok {
		return nil, ErrUnknownEvent
	}
	if err := json.Unmarshal(data, e); err != nil {
		return nil, err
	}
	if part, _ := personalOf(e); part != nil && personal != nil {
		if err := json.Unmarshal(personal, part); err != nil {
			return nil, fmt.Errorf("its personal part: %w", err)
		}
	}
	return valueOf(e), nil
}

// StateOf folds the whole history of a booking.
func StateOf(h events.History) (State, error) { return StateAt(h, math.MaxInt64) }

// StateAt folds the history of a booking up to and including a version.
func StateAt(h events.History, version int64) (State, error) {
	id, _ := IDOf(h.Stream())
	s := State{ID: id}
	for _, c := range h.Commits() {
		decoded, err := DecodeCommit(c)
		if err != nil {
			return State{}, fmt.Errorf("%w: %w", ErrUnfoldable, err)
		}
		wanted := max(0, min(int64(len(decoded)), version-s.Version))
		s = Fold(s, decoded[:wanted])
	}
	return s, nil
}
