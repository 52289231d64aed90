package booking

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// ErrUnknownEvent is an event that this build cannot read, because a newer one
// stored it. It is no corruption: the same event is fine after the deployment.
var ErrUnknownEvent = errors.New("this build does not know the event")

// schema is the schema of every event type so far. An event type whose shape
// changes gets a number of its own here and an upcaster in decodeEvent.
const schema = 1

// personalData is the personal part of a commit: that of each event that has
// one, by the event's index in the commit.
type personalData map[int]jsontext.Value

// encode turns events into what is stored: their data, and apart from it the
// personal data, nil where there is none.
func encode(decided []Event) (stored []events.Event, personal []byte, err error) {
	apart := personalData{}
	for i, e := range decided {
		data, err := json.Marshal(e)
		if err != nil {
			return nil, nil, fmt.Errorf("encode %s: %w", e.Type(), err)
		}
		stored = append(stored, events.Event{Type: e.Type(), Schema: schema, Data: data})
		if e, ok := e.(BookingRequested); ok {
			if apart[i], err = json.Marshal(e.Personal); err != nil {
				return nil, nil, fmt.Errorf("encode the trip: %w", err)
			}
		}
	}
	if len(apart) == 0 {
		return stored, nil, nil
	}
	personal, err = json.Marshal(apart, json.Deterministic(true))
	return stored, personal, err
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

func decodeEvent(e events.Event, personal jsontext.Value) (Event, error) {
	if e.Schema != schema {
		return nil, fmt.Errorf("schema %d: %w", e.Schema, ErrUnknownEvent)
	}
	switch e.Type {
	case TypeBookingRequested:
		requested, err := decodeAs[BookingRequested](e.Data)
		if err == nil && personal != nil {
			err = json.Unmarshal(personal, &requested.Personal)
		}
		return requested, err
	case TypeBookingConfirmed:
		return decodeAs[BookingConfirmed](e.Data)
	case TypeBookingCanceled:
		return decodeAs[BookingCanceled](e.Data)
	case TypePaymentStarted:
		return decodeAs[PaymentStarted](e.Data)
	case TypePaymentAuthorized:
		return decodeAs[PaymentAuthorized](e.Data)
	case TypePaymentDeclined:
		return decodeAs[PaymentDeclined](e.Data)
	default:
		return nil, ErrUnknownEvent
	}
}

func decodeAs[E Event](data []byte) (E, error) {
	var e E
	err := json.Unmarshal(data, &e)
	return e, err
}

// StateOf folds the whole history of a booking.
func StateOf(h events.History) (State, error) {
	id, _ := IDOf(h.Stream())
	s := State{ID: id}
	for _, c := range h.Commits() {
		decoded, err := DecodeCommit(c)
		if err != nil {
			return State{}, err
		}
		s = Fold(s, decoded)
	}
	return s, nil
}
