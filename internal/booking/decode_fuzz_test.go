package booking

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// Whatever is stored, it is read as events that can be folded and stored again, or
// refused.
func FuzzDecodeCommit(f *testing.F) {
	for _, e := range all() {
		stored, personal, err := encode([]Event{e})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Type(), stored[0].Schema, stored[0].Data, personal)
		f.Add(e.Type(), 1, []byte(`null`), []byte(`{"0":null}`))
	}
	for _, data := range []string{`{}`, `[]`, `""`, `{"at":1}`, `{"reason":"canceled"}`, `{"cause":1,"cause":2}`, `{"amount":{"amount":1e400}}`} {
		f.Add(TypeBookingCanceled, 1, []byte(data), []byte(`{"0":{"reason":"x"}}`))
		f.Add(TypeRefundRequested, 1, []byte(data), []byte(`{"1":{},"x":{}}`))
	}
	f.Add("RideShared", 1, []byte(`{}`), []byte(nil))
	f.Add(TypeBookingRequested, 0, []byte(`{}`), []byte(`{"0":{"pickup":{"lat":"north"}}}`))
	f.Fuzz(func(t *testing.T, eventType string, schema int, data, personal []byte) {
		got, err := DecodeCommit(events.Commit{
			Stream: "booking/bk_1", Version: 1, Personal: personal, Events: []events.Event{{Type: eventType, Schema: schema, Data: data}},
		})
		if err != nil {
			return
		}
		if len(got) != 1 || got[0].Type() != eventType {
			t.Fatalf("%s is read as %+v", eventType, got)
		}
		s := Fold(State{}, got)
		if s.Version != 1 {
			t.Errorf("folded to version %d", s.Version)
		}
		stored, apart, err := encode(got)
		if err != nil {
			t.Skip() // what JSON cannot hold, such as a year of six digits, was not written by encode
		}
		again, err := DecodeCommit(events.Commit{Events: stored, Personal: apart})
		if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("stored again, it is another event: %v (-first +again):\n%s", err, diff)
		}
	})
}
