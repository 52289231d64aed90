package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// The booking is at version 4.
var conditions = map[string]int{
	`"4"`: 200, `*`: 200, ` * `: 200, `"4" `: 200, `"3", "4"`: 200, `"3","4"`: 200, `"x", "4"`: 200, `,"4",,`: 200, `W/"4", "4"`: 200, `"a,b", "4"`: 200,
	`"3"`: 412, `"5"`: 412, `"44"`: 412, `"04"`: 412, `"+4"`: 412, `"4.0"`: 412, `"-4"`: 412, `"0"`: 412, `""`: 412, `"x"`: 412, `"*"`: 412, `W/"4"`: 412,
	`W/"3", W/"4"`: 412, `"1", "2"`: 412, `"9223372036854775807"`: 412, `"99999999999999999999"`: 412, `"a,4"`: 412, `"\x34"`: 412, `"\"`: 412,
	``: 400, `4`: 400, `"4`: 400, `4"`: 400, `""4"`: 400, `"4""3"`: 400, `W/4`: 400, `w/"4"`: 400, `W / "4"`: 400, `*, "4"`: 400, `"4", *`: 400, `,`: 400, `'4'`: 400,
	`"4" "3"`: 400, `"4"; "3"`: 400, "\"4\x00\"": 400, "\"4\n\"": 400, `"4 "`: 400, `"ü"`: 400, "\"\xff\"": 400, "`4`": 400,
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for header, want := range conditions {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.booked(reaching("confirmed"))
			r := command(alice, id, "cancel", "k", `{"reason":"late"}`).with("If-Match", header)
			before := w.commits(id)
			switch want {
			case http.StatusOK:
				w.must(r, want)
				return
			case http.StatusPreconditionFailed:
				if p := w.refused(r, want, httpapi.CodeVersionMismatch); p.Detail != "The booking is at version 4." {
					t.Errorf("the detail is %q", p.Detail)
				}
			default:
				w.refused(r, want, httpapi.CodeMalformed)
			}
			w.stores(id, before)
			// The key of a refused request is still free.
			w.must(r.with("If-Match"), http.StatusOK)
		})
	}
}

func TestIfMatchInTwoHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	w.refused(command(alice, id, "cancel", "k", `{"reason":"late"}`).with("If-Match", `"3"`, `"5"`), http.StatusPreconditionFailed, httpapi.CodeVersionMismatch)
	w.must(command(alice, id, "cancel", "k", `{"reason":"late"}`).with("If-Match", `"3"`, `"4"`), http.StatusOK)
}

// Every command heeds the condition, and before the state: whoever has an old
// view is told that, not what else would be wrong.
func TestEveryCommandHeedsIfMatch(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		if wr.verb == "" {
			return // there is nothing yet to match
		}
		id := wr.ready(w)
		v, _ := w.must(read(alice, at(id)), http.StatusOK)
		current := `"` + itoa(v.Version) + `"`
		w.refused(wr.request(id, "stale").with("If-Match", `"1"`), http.StatusPreconditionFailed, httpapi.CodeVersionMismatch)
		a := w.send(wr.request(id, "write").with("If-Match", current))
		if a.code != wr.status {
			w.Fatalf("%d %s, want %d", a.code, a.body, wr.status)
		}
		w.moves(id)
		w.refused(wr.request(id, "late").with("If-Match", current), http.StatusPreconditionFailed, httpapi.CodeVersionMismatch)
		w.refused(wr.request(id, "late"), http.StatusConflict, booking.CodeInvalidState)
		w.replays(wr.request(id, "write").with("If-Match", current), a)
	})
}

// What may not be seen has no version to differ from.
func TestAConditionTellsNothingOfAForeignBooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	for _, header := range []string{`"4"`, `"5"`, `nonsense`} {
		w.refused(command(bob, id, "cancel", "k", `{"reason":"late"}`).with("If-Match", header), http.StatusNotFound, httpapi.CodeNotFound)
	}
}
