package dynamostream

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// Event is a batch of the stream as Lambda has it: its documentation calls it "DynamoDB
// Streams record event" (AWS Lambda Developer Guide, "Using AWS Lambda with Amazon
// DynamoDB"). It is read record by record and attribute by attribute, so that what cannot
// be read is one record, and what is not needed is none of our business.
type Event struct {
	Records []StreamRecord `json:"Records"`
}

// StreamRecord is one change of an item. What it lacks is zero.
type StreamRecord struct {
	Operation      string // INSERT, MODIFY or REMOVE
	SequenceNumber string
	Keys, NewImage map[string]jsontext.Value
}

const (
	operationInsert = "INSERT"
	operationRemove = "REMOVE"
)

// UnmarshalJSON reads what is there and never fails: an error would be one of the batch.
func (r *StreamRecord) UnmarshalJSON(raw []byte) error {
	record := object(raw)
	change := object(record["dynamodb"])
	*r = StreamRecord{
		Operation: scalar(record["eventName"]), SequenceNumber: scalar(change["SequenceNumber"]),
		Keys: object(change["Keys"]), NewImage: object(change["NewImage"]),
	}
	return nil
}

// lenient takes what Lambda's own decoder has taken.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// object returns the members of a JSON object; nil for anything else.
func object(raw jsontext.Value) map[string]jsontext.Value {
	var members map[string]jsontext.Value
	if raw.Kind() != '{' || json.Unmarshal(raw, &members, lenient) != nil {
		return nil
	}
	return members
}

// scalar returns a JSON string; empty for anything else.
func scalar(raw jsontext.Value) string {
	var text string
	if raw.Kind() != '"' || json.Unmarshal(raw, &text, lenient) != nil {
		return ""
	}
	return text
}

// of returns the value of an attribute that is of a type, S or N; empty for any other.
func of(attributeType string, attribute jsontext.Value) string {
	return scalar(object(attribute)[attributeType])
}

// longest is the longest text of an item that goes on: what is longer no queue and no bus
// would take, however often it is tried. The longest that this service writes has a tenth of it.
const longest = 512

// commit reads what the relay needs to know; the rest of an item stays unread.
func (r StreamRecord) commit() (relay.Record, error) {
	if r.NewImage == nil {
		return relay.Record{}, errors.New("it has no new image")
	}
	stream, first := of("S", r.NewImage["stream_id"]), versionOf(r.NewImage["version"])
	if stream == "" || len(stream) > longest || first < 1 {
		return relay.Record{}, errors.New("its stream or its version is none")
	}
	types, err := eventTypes(r.NewImage["events"])
	if err != nil {
		return relay.Record{}, err
	}
	return relay.Record{
		Stream: events.StreamID(stream), Last: first + int64(len(types)) - 1, EventTypes: types,
		Traceparent: optional(r.NewImage["traceparent"]), CorrelationID: optional(r.NewImage["correlation_id"]),
	}, nil
}

// versionOf returns a version; 0 for what is none.
func versionOf(attribute jsontext.Value) int64 {
	n, err := strconv.ParseInt(of("N", attribute), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// eventTypes returns the types of a commit's events.
func eventTypes(attribute jsontext.Value) ([]string, error) {
	var list []jsontext.Value
	if raw := object(attribute)["L"]; raw.Kind() != '[' || json.Unmarshal(raw, &list, lenient) != nil || len(list) == 0 {
		return nil, errors.New("it has no list of events")
	}
	types := make([]string, len(list))
	for i, event := range list {
		types[i] = of("S", object(object(event)["M"])["type"])
		if types[i] == "" || len(types[i]) > longest {
			return nil, errors.New("an event of it has no type")
		}
	}
	return types, nil
}

// optional returns a text that a commit may lack.
func optional(attribute jsontext.Value) string {
	if text := of("S", attribute); len(text) <= longest {
		return text
	}
	return ""
}

// unreadable returns what the keys of a record say.
func (r StreamRecord) unreadable(reason error) relay.Record {
	u := &relay.Unreadable{Reason: reason.Error(), Operation: r.Operation, SequenceNumber: r.SequenceNumber, Keys: map[string]string{}}
	for name, attribute := range r.Keys {
		for kind, value := range object(attribute) {
			u.Keys[name] = kind + ":" + scalar(value)
		}
	}
	record := relay.Record{Unreadable: u}
	if stream := events.StreamID(of("S", r.Keys["stream_id"])); isBooking(stream) {
		record.Stream, record.Last = stream, max(1, versionOf(r.Keys["version"]))
	}
	return record
}

// isBooking tells whether a hint about a stream can be of use.
func isBooking(stream events.StreamID) bool {
	_, ok := booking.IDOf(stream)
	return ok
}
