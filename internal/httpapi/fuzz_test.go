package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// survives sends a request that could be anything. Every exchange is checked
// against the contract; here, that it is an answer of ours, and that nothing was
// stored unless it was granted.
func (w *world) survives(r request, id booking.ID) answer {
	w.Helper()
	before := w.commits(id)
	a := w.send(r)
	if a.code >= http.StatusInternalServerError {
		w.Errorf("%d %s", a.code, a.body)
	}
	if a.code >= http.StatusBadRequest && w.commits(id) != before {
		w.Errorf("%d, and something was stored", a.code)
	}
	return a
}

// FuzzBodies sends any body to any route that takes one.
func FuzzBodies(f *testing.F) {
	routes := append(writes(), write{verb: "quote", by: alice, body: quoted})
	for i, wr := range routes {
		for _, body := range []string{
			wr.body, wr.other, ``, `{}`, `[]`, `null`, `{"reason":"\ud800"}`, `{"reason":"x","reason":"x"}`, `{"reason":"x","x":NaN}`, `{"distance_m":1e999,"duration_s":-0}`,
			`{"driver_id":"\u0000"}`, `{"amount":{"amount":9007199254740993,"currency":"EUR"},"reason":"x"}`, `{"fee":{"amount":-1,"currency":"eur"},"reason":""}`,
			with(`52.52,`, `1e300,`), with(`Alexanderplatz`, `\udead`), strings.Repeat("[", 5000), "\xff\xfe{\x00}\x00",
		} {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		w, wr := newWorld(t), routes[int(route)%len(routes)]
		if wr.verb == "quote" {
			w.survives(quote(wr.by, body), booking.IDFor(wr.by.Caller, "none"))
			return
		}
		id := wr.ready(w)
		r := wr.request(id, "write").saying(body)
		first := w.survives(r, id)
		second := w.survives(r, id)
		if first.code != second.code || first.code < 300 && (first.body != second.body || second.header.Get("Idempotency-Replayed") != "true") {
			t.Errorf("first %d %s\nthen %d %s", first.code, first.body, second.code, second.body)
		}
	})
}

// FuzzKeys sends any idempotency key: if it is taken, it is the same key again.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{
		"", "k", `"k"`, `"`, `""`, `"\"`, `"\\"`, `"a\"b"`, "a b", " k", "k ", "a,b", "\x00", "\x7f", "é", "\xff", "k\n", strings.Repeat("k", 255), strings.Repeat("k", 256),
		`"` + strings.Repeat(`\"`, 255) + `"`, `"` + strings.Repeat("k", 256) + `"`, "5f0c6c1e-8f2b-4a6d-9d0e-0d4b8b1c7a55",
	} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		w := newWorld(t)
		none := booking.IDFor(alice.Caller, "none")
		first := w.survives(book(alice, key, ride), none)
		switch first.code {
		case http.StatusCreated:
			w.replays(book(alice, key, ride), first)
		case http.StatusBadRequest:
			if w.log.appends.Load() > 0 {
				t.Error("an append was tried")
			}
		default:
			t.Errorf("%d %s", first.code, first.body)
		}
	})
}

// FuzzCursors sends any cursor to every list: none but those that were made for it
// is taken.
func FuzzCursors(f *testing.F) {
	for _, cursor := range []string{
		"", "A", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAMQ", "LedZIRw-NwVjCwlJMixfRTIwMjYtMTEtMjNUMDk6MzA6MDAuMTIzWiNia190cW9ic2wzZGlxZTdwdGU0ajNpbTZ0aHIycGE1Y3R1aQ",
		"=", "+/", "%00", "\n", "\xff", strings.Repeat("A", 5000),
	} {
		f.Add(cursor)
	}
	all := newWorld(f)
	lists := all.lists()
	f.Fuzz(func(t *testing.T, cursor string) {
		w := all.in(t)
		for _, list := range lists {
			if a := w.survives(list.asking("limit=1&"+ownFilter(list)+"cursor="+escape(cursor)), ""); a.code != http.StatusBadRequest {
				if made := *w.page(list).NextCursor; made != cursor {
					t.Errorf("%q is taken: %d %s", cursor, a.code, a.body)
				}
			}
		}
	})
}

// escape writes every byte of a query's value as its code.
func escape(value string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(value) {
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// FuzzIfMatch sends any condition with a command.
func FuzzIfMatch(f *testing.F) {
	for header := range conditions {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		w := newWorld(t)
		id := w.booked(reaching("confirmed"))
		a := w.survives(command(alice, id, "cancel", "k", `{"reason":"x"}`).with("If-Match", header), id)
		names := strings.Contains(header, `"4"`) || strings.Trim(header, " \t") == "*"
		if a.code == http.StatusOK && !names || a.code != http.StatusOK && a.code != http.StatusBadRequest && a.code != http.StatusPreconditionFailed {
			t.Errorf("%d %s", a.code, a.body)
		}
		w.survives(read(alice, at(id)).with("If-None-Match", header), id)
	})
}

// FuzzQueries sends any query to every route.
func FuzzQueries(f *testing.F) {
	routes := slices.Sorted(maps.Keys(matrix))
	for _, query := range []string{
		"", "limit=1", "limit=0&limit=1", "limit=%2B1", "state=confirmed", "state=%00", "cursor=A", "min_version=1", "at_version=1", "min_version=1&at_version=1",
		"at_version=18446744073709551617", "%", "%zz", ";", "=", "&&", "a=b", "\xff", "limit=1\n", "%6cimit=5",
	} {
		for i := range routes {
			f.Add(uint8(i), query)
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, query string) {
		w := newWorld(t)
		r, id := w.example(routes[int(route)%len(routes)])
		w.survives(r.asking(query), id)
	})
}
