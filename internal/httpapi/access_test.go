package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// The callers of the matrix, in the order of its columns.
var columns = []struct {
	name string
	by   *httpapi.Caller
}{
	{"nobody", nobody},
	{"its rider", alice},
	{"another rider", bob},
	{"dispatch", sender},
	{"ops", manager},
	{"dispatch and ops", caller("max", httpapi.RoleDispatch, httpapi.RoleOps)},
	{"its rider, who is also dispatch", caller("alice", httpapi.RoleDispatch)},
	{"a namesake", namesake},
}

// matrix says for each route who may use it, in the words of section 5 of the
// design, and what each caller gets for a request that is right in all other ways.
var matrix = map[string]struct {
	may      string
	statuses [8]int
}{
	"POST /v1/quotes":                      {"rider", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
	"POST /v1/bookings":                    {"rider", [8]int{401, 201, 201, 201, 201, 201, 201, 201}},
	"GET /v1/bookings":                     {"rider", [8]int{401, 200, 200, 200, 200, 200, 200, 200}},
	"GET /v1/bookings/{id}":                {"owner, dispatch, ops", [8]int{401, 200, 404, 200, 200, 200, 200, 404}},
	"GET /v1/bookings/{id}/events":         {"owner, dispatch, ops", [8]int{401, 200, 404, 200, 200, 200, 200, 404}},
	"POST /v1/bookings/{id}/cancel":        {"owner, dispatch", [8]int{401, 200, 404, 200, 403, 200, 200, 404}},
	"POST /v1/bookings/{id}/assign":        {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/bookings/{id}/unassign":      {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/bookings/{id}/arrive":        {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/bookings/{id}/start":         {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/bookings/{id}/complete":      {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/bookings/{id}/no-show":       {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/bookings/{id}/refund":        {"ops", [8]int{401, 403, 403, 403, 202, 202, 403, 403}},
	"POST /v1/bookings/{id}/abort":         {"ops", [8]int{401, 403, 403, 403, 202, 202, 403, 403}},
	"POST /v1/bookings/{id}/retry-payment": {"ops", [8]int{401, 403, 403, 403, 202, 202, 403, 403}},
	"GET /v1/dispatch/bookings":            {"dispatch", [8]int{401, 403, 403, 200, 403, 200, 200, 403}},
	"POST /v1/webhooks/stripe":             {"none", [8]int{204, 204, 204, 204, 204, 204, 204, 204}},
	"GET /health":                          {"none", [8]int{200, 200, 200, 200, 200, 200, 200, 200}},
	"GET /openapi.json":                    {"none", [8]int{200, 200, 200, 200, 200, 200, 200, 200}},
}

func TestTheMatrixOfRoles(t *testing.T) {
	t.Parallel()
	routes := newWorld(t).api.Routes()
	for route := range matrix {
		if _, ok := routes[route]; !ok {
			t.Errorf("there is no route %s", route)
		}
	}
	for route, access := range routes {
		row, ok := matrix[route]
		if !ok {
			t.Errorf("%s is not in the matrix", route)
			continue
		}
		if want := accessOf(t, row.may); access != want {
			t.Errorf("%s admits %+v, want %+v", route, access, want)
		}
		for i, column := range columns {
			t.Run(route+" by "+column.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				r, id := w.example(route)
				before := w.log.appends.Load()
				a := w.send(r.from(column.by))
				if a.code != row.statuses[i] {
					t.Errorf("%d %s, want %d", a.code, a.body, row.statuses[i])
				}
				if a.code >= 400 && w.log.appends.Load() != before {
					t.Error("something was appended")
				}
				if a.code < 400 || id == "" {
					return
				}
				// Whoever may not see a booking cannot tell it from none.
				unknown := r.from(column.by).about(id, booking.IDFor(bob.Caller, "never used"))
				same := column.by != manager && column.by != sender
				if diff := cmp.Diff(w.send(unknown), a, cmp.AllowUnexported(answer{})); same && diff != "" {
					t.Errorf("(-unknown +foreign):\n%s", diff)
				}
			})
		}
	}
}

// accessOf puts the words of the design into the words of the code.
func accessOf(t *testing.T, may string) httpapi.Access {
	t.Helper()
	var a httpapi.Access
	for word := range strings.SplitSeq(may, ", ") {
		switch word {
		case "none":
			a.Everybody = true
		case "rider", "owner":
			a.Rider = true
		case "dispatch":
			a.Dispatch = true
		case "ops":
			a.Ops = true
		default:
			t.Fatalf("who is %q?", word)
		}
	}
	return a
}

// example is a request that a route grants, and the booking that it is about.
func (w *world) example(route string) (request, booking.ID) {
	w.Helper()
	method, path, _ := strings.Cut(route, " ")
	for _, wr := range writes() {
		if method == http.MethodPost && wr.path() == path {
			id := wr.ready(w)
			if wr.verb == "" {
				return wr.request(id, "write"), ""
			}
			return wr.request(id, "write"), id
		}
	}
	if path == "/v1/quotes" {
		return quote(alice, quoted), ""
	}
	if path == "/v1/webhooks/stripe" {
		return notice(`{"booking":"` + string(w.booked(reaching("confirmed"))) + `"}`), ""
	}
	if path == "/v1/dispatch/bookings" {
		return read(sender, path), ""
	}
	if !strings.Contains(path, "{id}") {
		return read(alice, path), ""
	}
	id := w.booked(reaching("confirmed"))
	return read(alice, strings.Replace(path, "{id}", string(id), 1)), id
}

func (r request) from(by *httpapi.Caller) request {
	r.caller = by
	return r
}

// The contract has a 401 and a 403 exactly where somebody can get one, and a 404
// where a booking is named.
func TestTheContractKnowsWhoIsRefused(t *testing.T) {
	t.Parallel()
	for route, row := range matrix {
		method, path, _ := strings.Cut(route, " ")
		responses := contract(t).Doc.Paths.Value(path).GetOperation(method).Responses
		for _, status := range []int{401, 403, 404} {
			if documented, can := responses.Status(status) != nil, slices.Contains(row.statuses[:], status) || status == 404 && strings.Contains(path, "{id}"); documented != can {
				t.Errorf("%s: %s documented %v, can be had %v", route, strconv.Itoa(status), documented, can)
			}
		}
	}
}

// Ops may see every booking: that it lacks the role to cancel is no secret to it,
// and an unknown one is unknown.
func TestOpsIsToldWhatItLacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	w.refused(command(manager, id, "cancel", "k", `{"reason":"x"}`), http.StatusForbidden, httpapi.CodeForbidden)
	w.refused(command(manager, booking.IDFor(bob.Caller, "x"), "cancel", "k", `{"reason":"x"}`), http.StatusNotFound, httpapi.CodeNotFound)
}

// Subjects may be e-mail addresses, and the log is never changed: it has the ids of
// riders and staff that are derived from them.
func TestNoSubjectIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const domain = "@example.com"
	rider, dora, olga := caller("ann"+domain), caller("dora"+domain, httpapi.RoleDispatch), caller("olga"+domain, httpapi.RoleOps)
	made, _ := w.must(book(rider, "k1", ride), http.StatusCreated)
	w.confirms(made.ID)
	w.must(command(dora, made.ID, "assign", "k2", `{"driver_id":"d-1"}`), http.StatusOK)
	w.must(command(olga, made.ID, "abort", "k3", `{"reason":"x"}`), http.StatusAccepted)
	w.projects(made.ID)
	h, err := w.log.Load(t.Context(), made.ID.Stream())
	if err != nil {
		t.Fatal(err)
	}
	records, err := w.views.Store.(*readmodeltest.Memory).Records(t.Context(), []booking.ID{made.ID})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, c := range h.Commits() {
		fmt.Fprintf(&text, "%s %s %s %s\n", c.CommandID, c.Actor, c.Personal, c.Trace.CorrelationID)
		for _, e := range c.Events {
			fmt.Fprintf(&text, "%s\n", e.Data)
		}
	}
	fmt.Fprintf(&text, "%s %s\n", records[made.ID].Rider, records[made.ID].Body)
	stored := text.String()
	for _, id := range []booking.RiderID{rider.RiderID(), dora.RiderID(), olga.RiderID()} {
		if !strings.Contains(stored, string(id)) {
			t.Errorf("%s is not in %s", id, stored)
		}
	}
	if strings.Contains(stored, domain) || strings.Contains(w.logged.String(), domain) {
		t.Errorf("a subject is in %s, or in the logs: %s", stored, w.logged)
	}
}

// The history and the cancellation name the role in which somebody acted, not all
// that they have.
func TestTheRoleInWhichOneActs(t *testing.T) {
	t.Parallel()
	both := caller("alice", httpapi.RoleDispatch, httpapi.RoleOps)
	for name, test := range map[string]struct {
		by        *httpapi.Caller
		verb      string
		body      string
		actor, as string
	}{
		"a rider cancels":                     {alice, "cancel", `{"reason":"x"}`, "rider", "rider"},
		"a dispatcher cancels":                {sender, "cancel", `{"reason":"x"}`, "dispatch/" + string(sender.RiderID()), "dispatch"},
		"a rider who is more cancels":         {both, "cancel", `{"reason":"x"}`, "rider", "rider"},
		"a rider who is more aborts":          {both, "abort", `{"reason":"x"}`, "ops/" + string(alice.RiderID()), "ops"},
		"one of two roles cancels":            {caller("max", httpapi.RoleOps, httpapi.RoleDispatch), "cancel", `{"reason":"x"}`, "dispatch/" + string(caller("max").RiderID()), "dispatch"},
		"a rider who is dispatch has to work": {both, "assign", `{"driver_id":"d-1"}`, "dispatch/" + string(alice.RiderID()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.booked(reaching("confirmed"))
			a := w.send(command(test.by, id, test.verb, "k", test.body))
			if a.code >= 300 {
				t.Fatalf("%d %s", a.code, a.body)
			}
			v, _ := w.must(read(alice, at(id)), http.StatusOK)
			if test.as != "" && (v.Cancellation == nil || v.Cancellation.By != test.as) {
				t.Errorf("canceled by %+v, want %s", v.Cancellation, test.as)
			}
			events := history(t, w.send(read(alice, at(id)+"/events")))
			if last := events[len(events)-1]; !strings.HasSuffix(last, " "+test.actor) {
				t.Errorf("the history says %q, want %s", last, test.actor)
			}
		})
	}
}
