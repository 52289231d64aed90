package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// The examples of the contract tell a story, and it is true: what they show is
// what the API answers. A tale is a world in which it happens.
type tale struct {
	*world
	doc   *openapi3.T
	rider *httpapi.Caller
	id    booking.ID
}

// tell begins the story with the request for the booking.
func tell(t *testing.T) *tale {
	t.Helper()
	s := &tale{world: newWorld(t), doc: contract(t).Doc}
	s.rider = caller("7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e11")
	body := asJSON(t, s.doc.Paths.Value("/v1/bookings").Post.RequestBody.Value.Content["application/json"].Examples["ride"].Value.Value)
	key := s.doc.Components.Parameters["IdempotencyKey"].Value.Example.(string)
	made, a := s.must(book(s.rider, key, body), http.StatusCreated)
	s.shows(a, http.StatusCreated, s.shown("Requested"))
	location := s.doc.Paths.Value("/v1/bookings").Post.Responses.Value("201").Value.Headers["Location"].Value.Example
	if diff := cmp.Diff(location, any(a.header.Get("Location"))); diff != "" {
		t.Errorf("Location (-example +answer):\n%s", diff)
	}
	s.id = made.ID
	return s
}

// confirmed goes on until the fare is held.
func (s *tale) confirmed() *tale {
	s.clock("09:30:01.002")
	started := s.does(s.id, "started", booking.RecordPaymentStarted{At: s.now, Ref: ref, Group: 1})
	s.clock("09:30:01.377")
	s.does(s.id, "authorized", booking.RecordAuthorization{
		At: s.now, Ref: ref, Amount: started.State.Hold, CaptureBefore: time.Date(2026, 11, 28, 9, 30, 1, 0, time.UTC),
	})
	s.reads("Confirmed")
	return s
}

// clock sets the time of the day.
func (s *tale) clock(text string) {
	s.Helper()
	at, err := time.Parse("15:04:05", text)
	if err != nil {
		s.Fatal(err)
	}
	s.now = time.Date(2026, 11, 23, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
}

// shown is a named example of a response's body.
func (s *tale) shown(name string) any { return s.doc.Components.Examples[name].Value.Value }

// reads checks that the booking is what an example shows.
func (s *tale) reads(example string) {
	s.Helper()
	s.shows(s.send(read(s.rider, at(s.id))), http.StatusOK, s.shown(example))
}

// commands sends an example of a command at a time of the day, and checks that the
// answer is the command's own example, which is the named one.
func (s *tale) commands(clock string, by *httpapi.Caller, verb, request, example string) {
	s.Helper()
	s.clock(clock)
	operation := s.doc.Paths.Value("/v1/bookings/{id}/" + verb).Post
	body := asJSON(s.TB, operation.RequestBody.Value.Content["application/json"].Examples[request].Value.Value)
	a := s.send(command(by, s.id, verb, "example-"+verb, body))
	own := false
	for _, e := range operation.Responses.Status(a.code).Value.Content["application/json"].Examples {
		own = own || asJSON(s.TB, e.Value.Value) == asJSON(s.TB, s.shown(example))
	}
	if !own {
		s.Errorf("%s does not name the example %s", verb, example)
	}
	s.shows(a, a.code, s.shown(example))
}

// Each chapter goes its own way. Together they send every example of a command.
func TestTheExamplesAreTrue(t *testing.T) {
	t.Parallel()
	arrived := func(s *tale) *tale {
		s.confirmed().commands("09:31:00", sender, "assign", "driver", "DriverAssigned")
		s.commands("09:40:00", sender, "arrive", "empty", "DriverArrived")
		return s
	}
	completed := func(s *tale) *tale {
		arrived(s).commands("09:43:00", sender, "start", "empty", "InProgress")
		s.commands("09:54:00", sender, "complete", "ride", "Completed")
		s.clock("09:54:02")
		return s
	}
	for name, chapter := range map[string]func(s *tale){
		"a history": func(s *tale) {
			history := s.doc.Paths.Value("/v1/bookings/{id}/events").Get
			s.shows(s.confirmed().send(read(s.rider, at(s.id)+"/events")), http.StatusOK, example(history, http.StatusOK, "application/json", "confirmed"))
		},
		"declined": func(s *tale) {
			s.does(s.id, "started", booking.RecordPaymentStarted{At: s.now, Ref: ref, Group: 1})
			s.clock("09:30:01.377")
			s.does(s.id, "declined", booking.RecordDecline{At: s.now, Ref: ref, Code: "insufficient_funds"})
			s.reads("Declined")
		},
		"expired": func(s *tale) {
			s.confirmed().clock("09:51:00")
			s.does(s.id, "expire", booking.Expire{At: s.now})
			s.reads("Expired")
		},
		"canceled": func(s *tale) { s.confirmed().commands("09:31:00", s.rider, "cancel", "changed", "Canceled") },
		"unassigned": func(s *tale) {
			s.confirmed().commands("09:31:00", sender, "assign", "driver", "DriverAssigned")
			s.commands("09:32:00", sender, "unassign", "empty", "DriverUnassigned")
		},
		"no show": func(s *tale) { arrived(s).commands("09:45:00", sender, "no-show", "empty", "NoShow") },
		"aborted": func(s *tale) {
			arrived(s).commands("09:43:00", sender, "start", "empty", "InProgress")
			s.commands("09:50:00", manager, "abort", "free", "Aborted")
		},
		"aborted for a fee": func(s *tale) {
			s.confirmed().must(command(manager, s.id, "abort", "k", s.body("abort", "fee")), http.StatusAccepted)
		},
		"paid and refunded": func(s *tale) {
			completed(s).does(s.id, "capture", booking.RecordCapture{At: s.now, Ref: ref, Amount: booking.Money{Amount: 1192, Currency: "EUR"}})
			s.reads("Paid")
			s.commands("11:00:00", manager, "refund", "part", "RefundRequested")
			s.must(command(manager, s.id, "refund", "k", s.body("refund", "all")), http.StatusAccepted)
		},
		"failed and retried": func(s *tale) {
			completed(s).does(s.id, "lost", booking.RecordAuthorizationLost{At: s.now, Ref: ref})
			s.commands("11:00:00", manager, "retry-payment", "empty", "PaymentRetried")
		},
		"with only what is needed": func(s *tale) {
			s.must(book(s.rider, "k", asJSON(s.TB, s.doc.Paths.Value("/v1/bookings").Post.RequestBody.Value.Content["application/json"].Examples["shortest"].Value.Value)), http.StatusCreated)
		},
		"a quote": func(s *tale) {
			operation := s.doc.Paths.Value("/v1/quotes").Post
			body := asJSON(s.TB, operation.RequestBody.Value.Content["application/json"].Examples["ride"].Value.Value)
			s.shows(s.send(quote(s.rider, body)), http.StatusOK, example(operation, http.StatusOK, "application/json", "ride"))
		},
		"a list": func(s *tale) {
			s.confirmed().projects(s.id)
			s.shows(s.send(read(s.rider, "/v1/bookings")), http.StatusOK, s.shown("LastPage"))
			s.shows(s.send(read(sender, "/v1/dispatch/bookings")), http.StatusOK, s.shown("LastPage"))
		},
		"a list of two pages": func(s *tale) {
			s.now = s.now.Add(-time.Hour)
			older, _ := s.must(book(s.rider, "older", ride), http.StatusCreated)
			s.confirmed().projects(s.id)
			s.projects(older.ID)
			s.shows(s.send(read(s.rider, "/v1/bookings?limit=1")), http.StatusOK, s.shown("FirstPage"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chapter(tell(t))
		})
	}
}

// body is an example of a command's body.
func (s *tale) body(verb, name string) string {
	return asJSON(s.TB, s.doc.Paths.Value("/v1/bookings/{id}/" + verb).Post.RequestBody.Value.Content["application/json"].Examples[name].Value.Value)
}

// The problems of the contract that the service itself answers are what it says,
// for every operation that names them.
func TestTheExamplesOfProblemsAreTrue(t *testing.T) {
	t.Parallel()
	doc := contract(t).Doc
	shown := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				content := response.Value.Content["application/problem+json"]
				if content == nil {
					continue
				}
				for name, e := range content.Examples {
					route, name := method+" "+path, status+" "+name
					shown[name] = true
					if beyondUs(route, name) {
						continue
					}
					t.Run(route+" "+name, func(t *testing.T) {
						t.Parallel()
						newWorld(t).provokes(route, name, e.Value.Value.(map[string]any))
					})
				}
			}
		}
	}
	for name := range provocations {
		if !shown[name] {
			t.Errorf("no operation has the example %s", name)
		}
	}
}

// beyondUs tells whether an example cannot be had from the service alone. A route
// that asks no other part fails only as a whole, and then the gateway answers; a
// command without fields says the same in every body.
func beyondUs(route, name string) bool {
	alone := route == "POST /v1/quotes" || route == "GET /health" || route == "GET /openapi.json"
	if name == "422 keyReused" {
		return !slices.ContainsFunc(writes(), func(wr write) bool { return "POST "+wr.path() == route && wr.other != "" })
	}
	return alone && strings.HasSuffix(name, " service") && name != "401 service"
}

// provokes checks that a route answers as an example says when it is provoked.
func (w *world) provokes(route, name string, example map[string]any) {
	w.Helper()
	r, id := w.example(route)
	provoke, ok := provocations[name]
	if !ok {
		w.Fatalf("how to get %s is not known", name)
	}
	r = provoke(w, route, r, id)
	r.id = example["instance"].(string)
	a := w.send(r)
	if own := w.problem(a).Detail; own != example["detail"] && !exact(route, name) {
		example = maps.Clone(example)
		example["detail"] = own // tells the state of this booking
	}
	w.shows(a, int(example["status"].(float64)), example)
}

// exact tells whether an example is about the route in every word. The details of
// some name a state or a version, and one stands for all routes.
func exact(route, name string) bool {
	switch name {
	case "409 state":
		return strings.HasSuffix(route, "/start") || strings.HasSuffix(route, "/assign")
	case "412 moved":
		return strings.HasSuffix(route, "/cancel") || strings.HasSuffix(route, "/assign")
	default:
		return true
	}
}

func example(o *openapi3.Operation, status int, contentType, name string) any {
	return o.Responses.Status(status).Value.Content[contentType].Examples[name].Value.Value
}

// shows checks that an answer is what an example says.
func (w *world) shows(a answer, status int, example any) {
	w.Helper()
	var got any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		w.Fatalf("%d %s: %v", a.code, a.body, err)
	}
	if diff := cmp.Diff(asJSON(w.TB, example), asJSON(w.TB, got)); a.code != status || diff != "" {
		w.Errorf("%d, want %d (-example +answer):\n%s", a.code, status, diff)
	}
}

// asking replaces a request's query.
func (r request) asking(query string) request {
	path, _, _ := strings.Cut(r.target, "?")
	r.target = path + "?" + query
	return r
}
