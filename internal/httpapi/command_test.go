package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

func TestEveryCommandIsGranted(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		id := wr.ready(w)
		w.now = w.now.Add(time.Second)
		a := w.granted(wr, id, "write")
		v, read := w.must(read(alice, at(id)), http.StatusOK)
		if read.body != a.body || v.State != wr.state || a.header.Get("Etag") != `"`+itoa(v.Version)+`"` || a.header.Get("Cache-Control") != "no-store" {
			w.Errorf("%v %s, want it %s and as it is read: %s", a.header, a.body, wr.state, read.body)
		}
		if !v.UpdatedAt.Equal(w.now.Truncate(time.Millisecond)) {
			w.Errorf("updated at %s, want %s", v.UpdatedAt, w.now)
		}
		h, err := w.log.Load(w.Context(), id.Stream())
		if err != nil {
			w.Fatal(err)
		}
		c := h.Commits()[len(h.Commits())-1]
		role := map[*httpapi.Caller]string{alice: "rider", sender: "dispatch/" + string(sender.RiderID()), manager: "ops/" + string(manager.RiderID())}[wr.by]
		want := booking.CommandIDFor(wr.by.Caller, "POST "+strings.Replace(wr.path(), "{id}", string(id), 1), "write")
		if wr.path() == "/v1/bookings" {
			want = booking.CreateCommandID
		}
		if c.Events[0].Type != wr.event || c.Actor != role || c.CommandID != want || c.Trace.CorrelationID != "req-1" {
			w.Errorf("the commit is %s by %s of %s as %s", c.Events[0].Type, c.Actor, c.Trace.CorrelationID, c.CommandID)
		}
	})
}

// No body at all and an empty object are the same request.
func TestACommandWithoutFieldsNeedsNoBody(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		if wr.body != "" {
			return
		}
		id := wr.ready(w)
		first := w.granted(wr, id, "write")
		for _, r := range []request{
			wr.request(id, "write"),
			wr.request(id, "write").saying(`{}`),
			wr.request(id, "write").saying(" {\n} "),
			wr.request(id, "write").saying(``),
			wr.request(id, "write").with("Content-Type", "text/plain"),
		} {
			w.replays(r, first)
		}
		for body, code := range map[string]booking.Code{` `: httpapi.CodeMalformed, `{`: httpapi.CodeMalformed, `{"x":1}`: httpapi.CodeMalformed} {
			w.refused(wr.request(id, "write").saying(body), http.StatusBadRequest, code)
		}
		for _, body := range []string{`null`, `[]`, `""`, `0`, `false`} {
			w.refused(wr.request(id, "write").saying(body), http.StatusUnprocessableEntity, booking.CodeValidationFailed)
		}
		w.refused(wr.request(id, "write").saying(`{}`).with("Content-Type"), http.StatusUnsupportedMediaType, httpapi.CodeUnsupportedMedia)
	})
}

// The stages at which each command is not possible.
func TestCommandsThatDoNotFitTheState(t *testing.T) {
	t.Parallel()
	fits := map[string][]string{
		"cancel":        {"requested", "confirmed", "assigned", "arrived"},
		"assign":        {"confirmed"},
		"unassign":      {"assigned", "arrived"},
		"arrive":        {"assigned"},
		"start":         {"arrived"},
		"complete":      {"started"},
		"no-show":       {},
		"refund":        {"captured"},
		"abort":         {"requested", "confirmed", "assigned", "arrived", "started"},
		"retry-payment": {},
	}
	forEachWrite(t, func(w *world, wr write) {
		if wr.verb == "" {
			return
		}
		for _, place := range journey {
			id := w.booked(reaching(place.stage))
			before := w.commits(id)
			if strings.Contains(" "+strings.Join(fits[wr.verb], " ")+" ", " "+place.stage+" ") {
				if a := w.send(wr.request(id, "k").saying(strings.Replace(orEmpty(wr.body), "driver-42", driverOf(id), 1))); a.code != wr.status {
					w.Errorf("%s when %s → %d %s, want %d", wr.verb, place.stage, a.code, a.body, wr.status)
				}
				continue
			}
			p := w.refused(wr.request(id, "k"), http.StatusConflict, booking.CodeInvalidState)
			if p.Errors != nil || p.Detail == "" {
				w.Errorf("%s when %s → %+v", wr.verb, place.stage, p)
			}
			w.stores(id, before)
		}
	})
}

func TestADriverHasOneRide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.booked(reaching("confirmed")), w.booked(reaching("confirmed"))
	assign := func(id booking.ID, key string) request {
		return command(sender, id, "assign", key, `{"driver_id":"driver-42"}`)
	}
	w.must(assign(first, "k"), http.StatusOK)
	before := w.commits(second)
	w.refused(assign(second, "k"), http.StatusConflict, booking.CodeDriverBusy)
	w.stores(second, before)
	w.must(command(sender, first, "unassign", "k", ""), http.StatusOK)
	w.must(assign(second, "k"), http.StatusOK) // the key of a refused request is free
	w.refused(assign(first, "k2"), http.StatusConflict, booking.CodeDriverBusy)
	if _, a := w.must(assign(first, "k"), http.StatusOK); a.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the first assignment is not replayed while the driver is on another ride")
	}
}

func TestTheFareIsCappedAtWhatIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for driven, want := range map[string]int64{
		`{"distance_m":3400,"duration_s":660}`:       1192,
		`{"distance_m":0,"duration_s":0}`:            700,
		`{"distance_m":2000000,"duration_s":172800}`: 1304,
	} {
		v, _ := w.must(command(sender, w.booked(reaching("started")), "complete", "k", driven), http.StatusOK)
		if v.Fare.Amount != want || v.Payment.Authorized.Amount != 1304 {
			t.Errorf("%s costs %d of %d, want %d", driven, v.Fare.Amount, v.Payment.Authorized.Amount, want)
		}
	}
}

func TestCancelingCostsOnceADriverIsOnTheWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stage string
		after time.Duration
		fee   int64
	}{
		"before a driver was assigned": {"confirmed", time.Hour, 0},
		"two minutes after":            {"assigned", 2 * time.Minute, 0},
		"later":                        {"assigned", 2*time.Minute + time.Millisecond, 500},
		"when the driver is there":     {"arrived", time.Hour, 500},
	} {
		w := newWorld(t)
		w.now = w.now.Truncate(time.Millisecond)
		id := w.booked(reaching(test.stage))
		w.now = w.now.Add(test.after)
		if v, _ := w.must(command(alice, id, "cancel", "k", `{"reason":"x"}`), http.StatusOK); v.Cancellation.Fee.Amount != test.fee || v.Cancellation.Reason != "x" {
			t.Errorf("%s: %+v, want a fee of %d", name, v.Cancellation, test.fee)
		}
	}
}

func TestANoShowTakesPatience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("arrived"))
	w.now = w.now.Add(booking.NoShowAfter - time.Millisecond)
	w.refused(command(sender, id, "no-show", "k", ""), http.StatusConflict, booking.CodeInvalidState)
	w.now = w.now.Add(2 * time.Millisecond)
	if v, _ := w.must(command(sender, id, "no-show", "k", ""), http.StatusOK); v.Cancellation.Fee.Amount != 800 || v.Cancellation.By != "dispatch" {
		t.Errorf("%+v, want a fee of 800", v.Cancellation)
	}
}

// Refunds share what was captured, those that are not done yet included.
func TestRefundsShareWhatWasCaptured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("captured"))
	refund := func(key, amount string) request {
		return command(manager, id, "refund", key, fmt.Sprintf(`{"reason":"x","amount":{"amount":%s,"currency":"EUR"}}`, amount))
	}
	w.must(refund("a", "1000"), http.StatusAccepted)
	if p := w.refused(refund("b", "193"), http.StatusUnprocessableEntity, booking.CodeValidationFailed); p.Errors[0] != (booking.FieldError{Pointer: "/amount/amount", Detail: "must be from 0 to 192"}) {
		t.Errorf("errors: %v", p.Errors)
	}
	w.must(refund("b", "192"), http.StatusAccepted)
	w.refused(refund("c", "1"), http.StatusConflict, booking.CodeInvalidState)
	w.refused(command(manager, id, "refund", "d", `{"reason":"x"}`), http.StatusConflict, booking.CodeInvalidState)
}

func TestCommandsOnStoresThatFail(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*world, error){
		"at the load":   func(w *world, err error) { w.log.loadErr = err },
		"at the append": func(w *world, err error) { w.log.appendErr = err },
	} {
		for _, test := range []struct {
			err    error
			status int
			code   booking.Code
		}{
			{fmt.Errorf("secret: %w", events.ErrUnavailable), 503, httpapi.CodeUnavailable},
			{fmt.Errorf("secret: %w", events.ErrConflict), 503, httpapi.CodeUnavailable}, // every race lost
			{fmt.Errorf("secret: %w", booking.ErrUnknownEvent), 503, httpapi.CodeUnavailable},
			{fmt.Errorf("secret: %w", events.ErrCorrupt), 500, httpapi.CodeInternal},
			{fmt.Errorf("secret: %w", events.ErrTooLarge), 500, httpapi.CodeInternal},
		} {
			t.Run(name+" "+test.err.Error(), func(t *testing.T) {
				t.Parallel()
				forEachWrite(t, func(w *world, wr write) {
					id := wr.ready(w)
					before := w.commits(id)
					fail(w, test.err)
					if wr.verb != "" || name == "at the append" {
						w.fails(wr.request(id, "write"), test.status, test.code)
					}
					w.stores(id, before)
					w.log.loadErr, w.log.appendErr = nil, nil
					w.granted(wr, id, "write")
				})
			})
		}
	}
}

// During a deployment, a build can meet an event of the next one. It is as if a
// part could not be reached: a moment later another build answers.
func TestAnEventOfANewerBuildIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	w.projects(id)
	h, err := w.log.Load(t.Context(), id.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.log.Append(t.Context(), h.Position(), events.Draft{
		CommandID: "rq_of_tomorrow", Actor: "payment", RecordedAt: w.now, Events: []events.Event{{Type: "RideShared", Schema: 1, Data: []byte(`{"at":"2026-11-23T09:31:00Z"}`)}},
	}); err != nil {
		t.Fatal(err)
	}
	w.fails(command(alice, id, "cancel", "k", `{"reason":"x"}`), http.StatusServiceUnavailable, httpapi.CodeUnavailable)
	for _, query := range []string{"/events", "?min_version=5", "?at_version=4"} {
		w.fails(read(alice, at(id)+query), http.StatusServiceUnavailable, httpapi.CodeUnavailable)
	}
	w.must(read(alice, at(id)), http.StatusOK) // the view is still good
}

// What somebody wrote is theirs: it is in the booking, and nowhere else.
func TestAReasonIsNotInTheHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for verb, by := range map[string]*httpapi.Caller{"cancel": alice, "abort": manager} {
		id := w.booked(reaching("confirmed"))
		if a := w.send(command(by, id, verb, "k", `{"reason":"my secret reason"}`)); !strings.Contains(a.body, "my secret reason") {
			t.Errorf("%s → %s", verb, a.body)
		}
		if a := w.send(read(alice, at(id)+"/events")); strings.Contains(a.body, "secret") || !json.Valid([]byte(a.body)) {
			t.Errorf("the history tells %s", a.body)
		}
	}
}
