package booking_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden file shows every event as it is stored. It is storage format: a line
// in it never changes, since bookings of its time will be read for years.
func TestStoredEventsGolden(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	create(t, s)
	for i, c := range []booking.Command{start, authorize} {
		if _, err := s.Execute(t.Context(), id, c, envelope(fmt.Sprint("step-", i))); err != nil {
			t.Fatal(err)
		}
	}
	refused := service(&meddler{})
	create(t, refused)
	if _, err := refused.Execute(t.Context(), id, booking.RecordDecline{At: noon, Code: "resource_missing"}, envelope("decline")); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, s := range []*booking.Service{s, refused} {
		out, err := s.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range out.History.Commits() {
			for _, e := range c.Events {
				fmt.Fprintf(&got, "%s %d %s\n", e.Type, e.Schema, e.Data)
			}
			if c.Personal != nil {
				fmt.Fprintf(&got, "personal %s\n", c.Personal)
			}
		}
	}
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
	alice := booking.Caller{Issuer: "https://issuer.example", Subject: "alice"}
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
