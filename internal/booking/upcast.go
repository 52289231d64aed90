package booking

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// upcast returns the data of an event in the present schema of its type. What is
// stored never changes; old shapes are read through here for as long as bookings
// of their time exist.
func upcast(e events.Event) ([]byte, error) {
	if e.Type == TypeBookingCanceled && e.Schema == 1 {
		return renamed(e.Data, "reason", "cause")
	}
	return e.Data, nil
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
