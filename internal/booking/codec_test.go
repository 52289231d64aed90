package booking_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// one of each event, every field set.
func oneOfEach(t *testing.T) []booking.Event {
	t.Helper()
	remark := booking.Remark{Reason: "in their own words"}
	return []booking.Event{
		requested(t), confirmed, assigned,
		booking.DriverUnassigned{At: noon, DriverID: "d-1", AssignBy: at(20)},
		arrived, begun, completed,
		booking.BookingCanceled{At: noon, By: "rider", Cause: booking.CauseCanceled, Fee: eur(500), Personal: remark},
		expired,
		started,
		booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationRefund, RefundID: "rf_1", Group: 2},
		authorized, declined,
		booking.PaymentCaptured{At: noon, Ref: "pi_1", Amount: eur(1084)},
		booking.PaymentVoided{At: noon, Ref: "pi_1", Waived: eur(30)},
		booking.PaymentAbandoned{At: noon, Ref: "pi_1"},
		booking.PaymentFailed{At: noon, Operation: booking.OperationCapture, Reason: "attempts_spent"},
		booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 6, NewObject: true},
		booking.PaymentAuthorizationLost{At: noon, Ref: "pi_1"},
		booking.PaymentDisputed{At: noon, DisputeID: "dp_1", Amount: eur(1084), Status: "lost"},
		booking.RefundRequested{At: noon, RefundID: "rf_1", Amount: eur(84), Personal: remark},
		booking.PaymentRefunded{At: noon, RefundID: "rf_1", Amount: eur(84)},
		booking.PaymentRefundFailed{At: noon, RefundID: "rf_1", Ref: "re_1", Code: "lost_card"},
	}
}

// The golden file shows every event as it is stored. It is storage format: a line in it
// gets new fields at most, and then the old form goes to TestOldFormsAreReadForever, since
// bookings of its time will be read for years.
func TestStoredEventsGolden(t *testing.T) {
	t.Parallel()
	each := oneOfEach(t)
	var types []string
	for _, e := range each {
		types = append(types, e.Type())
	}
	if diff := cmp.Diff(booking.EventTypes(), types); diff != "" {
		t.Fatalf("not one of each event (-all +here):\n%s", diff)
	}
	stored, personal, err := booking.Encode(each)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, e := range stored {
		fmt.Fprintf(&got, "%s %d %s\n", e.Type, e.Schema, e.Data)
	}
	fmt.Fprintf(&got, "personal %s\n", personal)
	const golden = "testdata/events.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("stored events changed (-want +got):\n%s", diff)
	}
	read, err := booking.DecodeCommit(events.Commit{Stream: id.Stream(), Version: 1, Events: stored, Personal: personal})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(each, read); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// Events of older schemas, as they were stored when those were written.
func TestOldSchemasAreReadForever(t *testing.T) {
	t.Parallel()
	request := requested(t)
	request.RiderID, request.Personal = "rd_h7aucjsh2ltpe55yckgfpbz4ipuurlpf", booking.Trip{}
	want := []booking.Event{request, canceled}
	golden, err := os.ReadFile("testdata/events-old-schemas.golden")
	if err != nil {
		t.Fatal(err)
	}
	var stored []events.Event
	for line := range strings.Lines(string(golden)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		schema, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, events.Event{Type: words[0], Schema: schema, Data: []byte(words[2])})
	}
	got, err := booking.DecodeCommit(events.Commit{Stream: id.Stream(), Version: 1, Events: stored})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("upcast (-want +got):\n%s", diff)
	}
	for _, old := range stored {
		for _, broken := range []string{`[]`, `{"rider_id":7}`} {
			e := events.Event{Type: old.Type, Schema: old.Schema, Data: []byte(broken)}
			if broken != `[]` && e.Type != booking.TypeBookingRequested {
				continue
			}
			if _, err := booking.DecodeCommit(events.Commit{Stream: id.Stream(), Version: 1, Events: []events.Event{e}}); err == nil {
				t.Errorf("%s in schema %d was read from %s", e.Type, e.Schema, e.Data)
			}
		}
	}
}

// A subject without its issuer is no rider: no caller has the bookings of schema 1, at
// any issuer.
func TestNoCallerIsTheRiderOfSchema1(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/events-old-schemas.golden")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.SplitN(string(golden), "\n", 2)
	data := strings.TrimPrefix(words[0], "BookingRequested 1 ")
	rider := func(data string) booking.RiderID {
		read, err := booking.DecodeCommit(events.Commit{Stream: id.Stream(), Version: 1, Events: []events.Event{
			{Type: booking.TypeBookingRequested, Schema: 1, Data: []byte(data)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return read[0].(booking.BookingRequested).RiderID
	}
	id := rider(data)
	if !id.Valid() || id != rider(data) {
		t.Errorf("%s is no stable, valid id", id)
	}
	if other := rider(strings.Replace(data, `"alice"`, `"bob"`, 1)); other == id {
		t.Error("two subjects have one id")
	}
	for _, c := range []booking.Caller{alice, {Subject: "alice"}, {Issuer: "alice"}, {Issuer: alice.Issuer, Subject: string(id)}} {
		if c.RiderID() == id {
			t.Errorf("%+v is taken for the rider of schema 1", c)
		}
	}
}

// Events without a field that was added later.
func TestOldFormsAreReadForever(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]booking.Event{
		`{"at":"2026-11-23T12:00:00Z","refund_id":"rf_1","code":"lost_card"}`: booking.PaymentRefundFailed{At: noon, RefundID: "rf_1", Code: "lost_card"},
	} {
		stored := events.Event{Type: want.Type(), Schema: 1, Data: []byte(data)}
		got, err := booking.DecodeCommit(events.Commit{Stream: id.Stream(), Version: 1, Events: []events.Event{stored}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]booking.Event{want}, got); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
	}
}

func TestWhatIsStoredIsReadBack(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	create(t, s)
	out, err := s.Execute(t.Context(), id, start, envelope("start"))
	if err != nil {
		t.Fatal(err)
	}
	var got []booking.Event
	for _, c := range out.History.Commits() {
		decoded, err := booking.DecodeCommit(c)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, decoded...)
	}
	if diff := cmp.Diff([]booking.Event{requested(t), started}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPersonalDataIsStoredApartAndMayBeGone(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	c := create(t, s).History.Commits()[0]
	for _, secret := range []string{"pm_card_visa", "Alexanderplatz", "52.5"} {
		if strings.Contains(string(c.Events[0].Data), secret) {
			t.Errorf("%q is in the data that cannot be erased: %s", secret, c.Events[0].Data)
		}
		if !strings.Contains(string(c.Personal), secret) {
			t.Errorf("%q is not in the personal data: %s", secret, c.Personal)
		}
	}
	c.Personal, c.Salt = nil, nil
	erased, err := booking.DecodeCommit(c)
	if err != nil {
		t.Fatal(err)
	}
	want := requested(t)
	want.Personal = booking.Trip{}
	if diff := cmp.Diff([]booking.Event{want}, erased); diff != "" {
		t.Errorf("after erasure (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeDecodedSaysWhy(t *testing.T) {
	t.Parallel()
	event := func(typ string, schema int, data string) events.Commit {
		return events.Commit{Stream: id.Stream(), Version: 3, Events: []events.Event{{Type: typ, Schema: schema, Data: []byte(data)}}}
	}
	tests := map[string]struct {
		commit  events.Commit
		unknown bool
	}{
		"a type of the future":   {event("BookingTeleported", 1, `{}`), true},
		"a schema of the future": {event(booking.TypeBookingConfirmed, 99, `{}`), true},
		"broken data":            {event(booking.TypeBookingConfirmed, 1, `{`), false},
		"broken personal data": {func() events.Commit {
			c := event(booking.TypeBookingConfirmed, 1, `{}`)
			c.Personal = []byte(`[`)
			return c
		}(), false},
	}
	for name, tt := range tests {
		_, err := booking.DecodeCommit(tt.commit)
		if err == nil || errors.Is(err, booking.ErrUnknownEvent) != tt.unknown || !strings.Contains(err.Error(), string(id)) {
			t.Errorf("%s: %v; want an error that names the stream, unknown: %v", name, err, tt.unknown)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	derived := booking.IDFor(alice, "key-1")
	if !derived.Valid() || derived != booking.IDFor(alice, "key-1") {
		t.Errorf("%s is not a stable, valid id", derived)
	}
	// The id is part of what clients hold: it must be the same in every release.
	if want := booking.ID("bk_hi2pqvphubje5kf2w5amgaiqourtgjio"); derived != want {
		t.Errorf("the id is %s, want %s", derived, want)
	}
	distinct := map[booking.ID]string{}
	for name, other := range map[string]booking.ID{
		"another key":                 booking.IDFor(alice, "key-2"),
		"another subject":             booking.IDFor(booking.Caller{Issuer: alice.Issuer, Subject: "bob"}, "key-1"),
		"another issuer":              booking.IDFor(booking.Caller{Issuer: "https://other.example", Subject: "alice"}, "key-1"),
		"parts that join to the same": booking.IDFor(booking.Caller{Issuer: alice.Issuer, Subject: "alicek"}, "ey-1"),
	} {
		if other == derived || distinct[other] != "" {
			t.Errorf("%s meets the id of another caller", name)
		}
		distinct[other] = name
	}
	if got, ok := booking.IDOf(derived.Stream()); !ok || got != derived {
		t.Errorf("the stream's booking is %s (%v)", got, ok)
	}
	for _, stream := range []events.StreamID{"", "driver/x", "booking/", "booking/bk_short", "booking/bk_" + events.StreamID(strings.Repeat("A", 32))} {
		if _, ok := booking.IDOf(stream); ok {
			t.Errorf("%q passes for a booking's stream", stream)
		}
	}
}
