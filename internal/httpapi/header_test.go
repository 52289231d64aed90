package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// A proxy that doubles a header on its retry must not turn one intent into two bookings.
func TestADoubledKeyMakesNoSecondBooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(book(alice, "k1", ride))
	w.refused(book(alice, "k1,k1", ride), http.StatusBadRequest, httpapi.CodeMalformed)
	if got := w.log.appends.Load(); got != 1 {
		t.Errorf("%d appends, want 1", got)
	}
	w.replays(book(alice, "k1", ride), first)
}

// A comma within a quoted string is a character of one key.
func TestAQuotedKeyMayHoldAComma(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, first := w.must(book(alice, `"a,b"`, ride), http.StatusCreated)
	if want := booking.IDFor(alice.Caller, "a,b"); v.ID != want {
		t.Errorf("the booking is %s, want %s", v.ID, want)
	}
	w.replays(book(alice, `"a,b"`, ride), first)
}

// A 415 names the codings that are accepted only where the coding was at fault (RFC
// 9110, section 12.5.3).
func TestACompressedBodyIsToldFromAnotherType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		request request
		want    []string
	}{
		"compressed":   {book(alice, "k1", ride).with("Content-Encoding", "gzip"), []string{"identity"}},
		"another type": {book(alice, "k1", ride).with("Content-Type", "text/plain"), nil},
	} {
		a := w.send(test.request)
		if diff := cmp.Diff(test.want, a.header.Values("Accept-Encoding")); a.code != http.StatusUnsupportedMediaType || diff != "" {
			t.Errorf("%s: %d, Accept-Encoding (-want +got):\n%s", name, a.code, diff)
		}
	}
}

// Two bodies that a gateway makes equal, by putting U+FFFD in place of what is not UTF-8,
// must not be one request and its repeat.
func TestReplacedTextIsNoRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, label := range []string{"caf\xe9", "caf\xe8"} {
		replaced := strings.ToValidUTF8(with("Alexanderplatz", label), "\ufffd")
		w.refused(book(alice, "k1", replaced), http.StatusBadRequest, httpapi.CodeMalformed)
	}
	if got := w.log.appends.Load(); got != 0 {
		t.Errorf("%d appends, want none", got)
	}
}
