package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// The examples of the contract tell a story, and it is true: what they show is
// what the API answers.
func TestTheExamplesAreTrue(t *testing.T) {
	t.Parallel()
	doc := contract(t).Doc
	post := doc.Paths.Value("/v1/bookings").Post
	history := doc.Paths.Value("/v1/bookings/{id}/events").Get
	shown := func(name string) any { return doc.Components.Examples[name].Value.Value }
	rider := caller(shown("Requested").(map[string]any)["rider_id"].(string))
	key := doc.Components.Parameters["IdempotencyKey"].Value.Example.(string)
	body := asJSON(t, post.RequestBody.Value.Content["application/json"].Examples["ride"].Value.Value)

	t.Run("confirmed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		made, requested := w.must(book(rider, key, body), http.StatusCreated)
		w.shows(requested, http.StatusCreated, shown("Requested"))
		if diff := cmp.Diff(post.Responses.Value("201").Value.Headers["Location"].Value.Example, any(requested.header.Get("Location"))); diff != "" {
			t.Errorf("Location (-example +answer):\n%s", diff)
		}
		w.now = time.Date(2026, 11, 23, 9, 30, 1, 2_000_000, time.UTC)
		started := w.does(made.ID, "started", booking.RecordPaymentStarted{At: w.now, Ref: ref})
		w.now = time.Date(2026, 11, 23, 9, 30, 1, 377_000_000, time.UTC)
		w.does(made.ID, "authorized", booking.RecordAuthorization{
			At: w.now, Ref: ref, Amount: started.State.Hold, CaptureBefore: time.Date(2026, 11, 28, 9, 30, 1, 0, time.UTC),
		})
		w.shows(w.send(read(rider, at(made.ID))), http.StatusOK, shown("Confirmed"))
		w.shows(w.send(read(rider, at(made.ID)+"/events")), http.StatusOK, example(history, http.StatusOK, "application/json", "confirmed"))
	})
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		made, _ := w.must(book(rider, key, body), http.StatusCreated)
		w.does(made.ID, "started", booking.RecordPaymentStarted{At: w.now, Ref: ref})
		w.now = time.Date(2026, 11, 23, 9, 30, 1, 377_000_000, time.UTC)
		w.does(made.ID, "declined", booking.RecordDecline{At: w.now, Ref: ref, Code: "insufficient_funds"})
		w.shows(w.send(read(rider, at(made.ID))), http.StatusOK, shown("Declined"))
	})
	t.Run("with only what is needed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.must(book(rider, key, asJSON(t, post.RequestBody.Value.Content["application/json"].Examples["shortest"].Value.Value)), http.StatusCreated)
	})
}

func TestTheExamplesOfProblemsAreTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "used", ride), http.StatusCreated)
	down := newWorld(t)
	down.log.appendErr = events.ErrUnavailable
	broken := newWorld(t)
	broken.log.appendErr = errors.New("a bug")

	paths := contract(t).Doc.Paths
	post, get := paths.Value("/v1/bookings").Post, paths.Value("/v1/bookings/{id}").Get
	for _, test := range []struct {
		world     *world
		operation *openapi3.Operation
		status    int
		example   string
		request   request
	}{
		{w, post, 400, "noKey", book(alice, "", ride)},
		{w, post, 400, "malformed", book(alice, "new", with(`"lat":52.52,`, `"latitude":52.52,`))},
		{w, post, 401, "service", book(nobody, "new", ride)},
		{w, post, 409, "fare", book(alice, "new", expecting(`{"amount":1,"currency":"EUR"}`))},
		{w, post, 413, "tooLarge", book(alice, "new", ride+strings.Repeat(" ", 16<<10))},
		{w, post, 415, "text", book(alice, "new", ride).with("Content-Type", "text/plain")},
		{w, post, 422, "fields", book(alice, "new", strings.Replace(with(`52.52,`, `91,`), "standard", "tank", 1))},
		{w, post, 422, "keyReused", book(alice, "used", with("standard", "xl"))},
		{broken, post, 500, "service", book(alice, "new", ride)},
		{down, post, 503, "service", book(alice, "new", ride)},
		{w, get, 400, "unknown", read(alice, at(made.ID)+"?x=1")},
		{w, get, 404, "service", read(bob, at(made.ID))},
		{w, get, 412, "ahead", read(alice, at(made.ID)+"?min_version=99")},
	} {
		want := example(test.operation, test.status, "application/problem+json", test.example)
		test.request.id = want.(map[string]any)["instance"].(string)
		test.world.shows(test.world.send(test.request), test.status, want)
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
	if diff := cmp.Diff(asJSON(w.T, example), asJSON(w.T, got)); a.code != status || diff != "" {
		w.Errorf("%d, want %d (-example +answer):\n%s", a.code, status, diff)
	}
}
