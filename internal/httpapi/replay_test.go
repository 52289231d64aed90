package httpapi_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// granted sends a write that must be granted.
func (w *world) granted(wr write, id booking.ID, key string) answer {
	w.Helper()
	a := w.send(wr.request(id, key))
	if a.code != wr.status || a.header.Get("Idempotency-Replayed") != "" {
		w.Fatalf("%s → %d %v %s, want %d and no replay", wr.name(), a.code, a.header, a.body, wr.status)
	}
	return a
}

// replays checks that a request is answered as it was the first time.
func (w *world) replays(r request, first answer) {
	w.Helper()
	want := answer{first.code, first.header.Clone(), first.body}
	want.header.Set("Idempotency-Replayed", "true")
	if diff := cmp.Diff(want, w.send(r), cmp.AllowUnexported(answer{})); diff != "" {
		w.Errorf("the repeat (-first +second):\n%s", diff)
	}
}

func (w *world) commits(id booking.ID) int {
	w.Helper()
	h, err := w.log.Store.Load(w.Context(), id.Stream())
	if err != nil {
		w.Fatal(err)
	}
	return len(h.Commits())
}

// Whatever happened since, and however the repeat is written, it has the answer of
// the first time.
func TestEveryWriteIsReplayed(t *testing.T) {
	t.Parallel()
	same := func(r request) request { return r }
	for name, test := range map[string]struct {
		since func(w *world, id booking.ID)
		form  func(r request) request
	}{
		"at once":           {nil, same},
		"with a quoted key": {nil, func(r request) request { return r.with("Idempotency-Key", `"write"`) }},
		"with other blanks": {nil, func(r request) request {
			return r.saying(" " + strings.ReplaceAll(orEmpty(r.body), ":", " :\n") + "\t")
		}},
		"as another request":  {nil, func(r request) request { r.id = "req-1"; return r.with("Traceparent", "x") }},
		"with a stale tag":    {nil, func(r request) request { return r.with("If-Match", `"99"`) }},
		"with a weak tag":     {nil, func(r request) request { return r.with("If-Match", `W/"1"`) }},
		"five years later":    {func(w *world, _ booking.ID) { w.now = w.now.Add(5 * year) }, same},
		"after newer events":  {func(w *world, id booking.ID) { w.moves(id) }, same},
		"under a new tariff":  {func(w *world, _ booking.ID) { w.reprices() }, same},
		"after all of that":   {func(w *world, id booking.ID) { w.now = w.now.Add(5 * year); w.moves(id); w.reprices() }, func(r request) request { return r.with("If-Match", `"99"`) }},
		"after it was viewed": {func(w *world, id booking.ID) { w.moves(id); w.projects(id) }, same},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachWrite(t, func(w *world, wr write) {
				id := wr.ready(w)
				first := w.granted(wr, id, "write")
				if test.since != nil {
					test.since(w, id)
				}
				before := w.commits(id)
				w.replays(test.form(wr.request(id, "write")), first)
				if got := w.commits(id); got != before {
					t.Errorf("%d commits, want %d", got, before)
				}
			})
		})
	}
}

func orEmpty(body string) string {
	if body == "" {
		return "{}"
	}
	return body
}

// reprices puts another tariff in the place of the one of now.
func (w *world) reprices() {
	w.api.Tariff.Products = map[string]booking.Product{"bicycle": {Minimum: 100}}
	w.api.Tariff.Fees = booking.Fees{Cancellation: 1, NoShow: 1}
	w.api.Tariff.MaxDistance = 1
}

// The tests above would prove little if the same thing could be had today with a
// fresh key.
func TestWhatWasGrantedOnceIsRefusedToday(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		id := wr.ready(w)
		w.granted(wr, id, "write")
		w.moves(id)
		w.reprices()
		before := w.commits(id)
		if a := w.send(wr.request(id, "fresh")); a.code != http.StatusConflict && a.code != http.StatusUnprocessableEntity {
			w.Errorf("a fresh key → %d %s, want a refusal", a.code, a.body)
		}
		if wr.verb != "" {
			w.stores(id, before)
		}
	})
}

// A transition that was made is not made again for another key.
func TestAnotherKeyIsAnotherCommand(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		id := wr.ready(w)
		first := w.granted(wr, id, "write")
		switch second := w.send(wr.request(id, "another")); wr.verb {
		case "", "refund": // again possible, and another one
			if second.code != wr.status || second.body == first.body || second.header.Get("Idempotency-Replayed") != "" {
				w.Errorf("%d %v %s, want another effect", second.code, second.header, second.body)
			}
		default:
			if p := w.problem(second); second.code != http.StatusConflict || p.Code != string(booking.CodeInvalidState) {
				w.Errorf("%d %s, want 409", second.code, second.body)
			}
		}
	})
}

func TestAKeyWithAnotherBodyIsReused(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		if wr.other == "" {
			return // every body of this command says the same
		}
		id := wr.ready(w)
		first := w.granted(wr, id, "write")
		other := wr.request(id, "write").saying(wr.other)
		for _, change := range []func(){func() {}, func() { w.moves(id) }, w.reprices, func() { w.now = w.now.Add(5 * year) }} {
			change()
			before := w.commits(id)
			w.refused(other, http.StatusUnprocessableEntity, booking.CodeKeyReused)
			w.refused(other.with("If-Match", `"99"`), http.StatusUnprocessableEntity, booking.CodeKeyReused)
			w.stores(id, before)
		}
		w.replays(wr.request(id, "write"), first)
	})
}

// A key belongs to a caller, a route and a booking.
func TestAKeyElsewhereIsAnotherKey(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		w.granted(wr, wr.ready(w), "write")
		if wr.verb == "" {
			return // see TestCallersNeverMeet
		}
		if wr.verb == "assign" {
			wr.body = wr.other // the first driver is busy
		}
		w.granted(wr, wr.ready(w), "write")
	})
	t.Run("on another route", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.booked(reaching("assigned"))
		for _, verb := range []string{"arrive", "unassign"} {
			if a := w.send(command(sender, id, verb, "k", "")); a.code != http.StatusOK || a.header.Get("Idempotency-Replayed") != "" {
				t.Errorf("%s → %d %v %s", verb, a.code, a.header, a.body)
			}
		}
	})
}

// Two dispatchers who use the same key gave two commands.
func TestCallersOfACommandNeverMeet(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]*httpapi.Caller{"another dispatcher": caller("dana", httpapi.RoleDispatch), "a namesake": elsewhere(sender)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.booked(reaching("confirmed"))
			body := `{"driver_id":"d-1"}`
			w.must(command(sender, id, "assign", "k", body), http.StatusOK)
			w.refused(command(other, id, "assign", "k", body), http.StatusConflict, booking.CodeInvalidState)
			w.refused(command(other, id, "assign", "k", `{"driver_id":"d-2"}`), http.StatusConflict, booking.CodeInvalidState)
		})
	}
}

const racers = 20

// race sends requests at the same time.
func (w *world) race(requests []request) []answer {
	answers := make([]answer, len(requests))
	var wg sync.WaitGroup
	for i, r := range requests {
		wg.Go(func() { answers[i] = w.send(r) })
	}
	wg.Wait()
	return answers
}

func TestEqualRequestsAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		id := wr.ready(w)
		before := w.commits(id)
		requests := make([]request, racers)
		for i := range requests {
			requests[i] = wr.request(id, "write")
		}
		originals := 0
		answers := w.race(requests)
		for _, a := range answers {
			if a.header.Get("Idempotency-Replayed") == "" {
				originals++
			}
			if a.code != wr.status || a.body != answers[0].body || a.header.Get("Etag") != answers[0].header.Get("Etag") {
				w.Errorf("%d %s, want %d %s", a.code, a.body, wr.status, answers[0].body)
			}
		}
		if originals != 1 {
			w.Errorf("%d answers are no replay, want 1", originals)
		}
		w.stores(id, before+1)
	})
}

func TestRivalRequestsAtOnceHaveOneWinner(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		if wr.verb == "" || wr.verb == "refund" {
			return // each of them can be granted
		}
		id := wr.ready(w)
		before := w.commits(id)
		requests := make([]request, racers)
		for i := range requests {
			requests[i] = wr.request(id, "write-"+itoa(int64(i)))
		}
		won := 0
		for _, a := range w.race(requests) {
			switch a.code {
			case wr.status:
				won++
			case http.StatusConflict:
			default:
				w.Errorf("%d %s, want %d or 409", a.code, a.body, wr.status)
			}
		}
		if won != 1 {
			w.Errorf("%d were granted, want 1", won)
		}
		w.stores(id, before+1)
	})
}

// The response to a write was lost. Repeating it tells what became of it.
func TestAnUnknownOutcomeOfACommandIsLearnedByRepeating(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		id := wr.ready(w)
		before := w.commits(id)
		w.log.lost = true
		w.refused(wr.request(id, "write"), http.StatusServiceUnavailable, httpapi.CodeUnavailable)
		w.log.lost = false
		a := w.send(wr.request(id, "write"))
		if a.code != wr.status || a.header.Get("Idempotency-Replayed") != "true" {
			w.Errorf("%d %v %s, want %d and a replay", a.code, a.header, a.body, wr.status)
		}
		w.stores(id, before+1)
	})
}
