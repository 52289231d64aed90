package booking

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// upcast returns the data of an event in the present schema of its type. What is
// stored never changes; old shapes are read through here for as long as bookings
// of their time exist.
func upcast(e events.Event) ([]byte, error) {
	switch {
	case e.Type == TypeBookingRequested && e.Schema == 1:
		return withRiderID(e.Data)
	case e.Type == TypeBookingCanceled && e.Schema == 1:
		return renamed(e.Data, "reason", "cause")
	default:
		return e.Data, nil
	}
}

// withRiderID returns a request whose rider_id is a subject with an id in its place.
func withRiderID(data []byte) ([]byte, error) {
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	var subject string
	if err := json.Unmarshal(fields["rider_id"], &subject); err != nil {
		return nil, fmt.Errorf("its rider: %w", err)
	}
	id, err := json.Marshal(riderOfSchema1(subject))
	if err != nil {
		return nil, err
	}
	fields["rider_id"] = id
	return json.Marshal(fields, json.Deterministic(true))
}

// renamed returns a JSON object with one field under another name.
func renamed(data []byte, from, to string) ([]byte, error) {
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	fields[to] = fields[from]
	delete(fields, from)
	return json.Marshal(fields, json.Deterministic(true))
}
