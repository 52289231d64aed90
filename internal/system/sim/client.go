package sim

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// Faults of clients.
const (
	unanswered fault = "unanswered" // the answer is lost on its way
	impatient  fault = "impatient"  // repeats before there is an answer
	raced      fault = "raced"      // sends twice at once
	gaveUp     fault = "gave up"
)

func peoplePart() part {
	return part{faults: odds{unanswered: 0.2, impatient: 0.1, raced: 0.2, gaveUp: 0.2, keyDoubled: 0.3}, canaries: []Canary{joinedKeyAccepted}}
}

const apiTimeout = 10 * time.Second

// bookingsPath is where bookings are made, and listed for their rider.
const bookingsPath = "/v1/bookings"

// requestID is the gateway's id of every request.
const requestID = "req-1"

// request is what a person sends.
type request struct {
	who          person
	method, path string
	query, body  string
	key          string // Idempotency-Key of a write
	doubled      bool   // by a proxy
	ifMatch      string
	ifNoneMatch  string
	booking      booking.ID // that it is about
	minVersion   int64
	atVersion    int64
	page         int64 // version that the page of a history goes on from
	// want is the code of the problem that a slip must be answered with, pointer the field
	// that it must name.
	want    booking.Code
	pointer string
	media   string // instead of application/json
	nobody  bool   // without a token
}

// command is the id of the command that a write stands for.
func (r request) command() string {
	if r.path == bookingsPath {
		return booking.CreateCommandID
	}
	return booking.CommandIDFor(r.who.caller(), r.method+" "+r.path, r.key)
}

// answer is what came back. The zero answer is none.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// final tells whether a write need not be repeated.
func (a answer) final() bool { return a.status != 0 && a.status < http.StatusInternalServerError }

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// exchange is a request on its way, as the client sees it.
type exchange struct {
	answer answer
	client *task
}

// send makes one attempt. It returns the zero answer where none came in time.
func (w *World) send(t *task, r request) answer {
	patience := 29 * time.Second
	if w.strikes(impatient, "client") {
		patience = time.Duration(w.src.pick("patience", 10)) * 100 * time.Millisecond
	}
	x := &exchange{client: t}
	w.serve(x, r)
	if w.strikes(raced, "client") {
		w.reach(requestRaced)
		w.serve(&exchange{}, r)
	}
	w.sched.park(t, time.Now().Add(patience))
	x.client = nil
	if x.answer.final() && r.want == "" {
		w.moved = w.src.steps // whoever gets answers is in no endless loop
	}
	w.src.mix(uint64(x.answer.status)) //nolint:gosec // an HTTP status
	return x.answer
}

// serve has the booking function answer, and the oracle judge the answer, whether
// or not the client gets to see it.
func (w *World) serve(x *exchange, r request) {
	api := w.apis[w.src.pick("environment of booking", len(w.apis))]
	seen := w.oracle.sent(r, api.skew)
	w.invoke(api.environment, apiTimeout, func(ctx context.Context, inv *invocation) {
		from := httpapi.Request{ID: requestID, Caller: &httpapi.Caller{Caller: r.who.caller(), Roles: r.who.roles}, Trace: events.Trace{CorrelationID: requestID}}
		if r.nobody {
			from.Caller = nil
		}
		ctx = httpapi.WithRequest(ctx, from)
		req, err := r.http(ctx)
		if err != nil {
			w.fail("requests can be made", r.booking, "%v", err)
			return
		}
		w.joined(req, r)
		a := answer{header: http.Header{}}
		api.ServeHTTP(&a, req)
		if inv.dead {
			return
		}
		w.tell(cmp.Or(string(r.booking), aboutLists), "%s answers %s %s %s of %s: %d v%s", taskOf(ctx).name, r.method, r.path, r.query, r.who.name, a.status, a.header.Get("ETag"))
		w.oracle.answered(r, seen, a)
		if !w.strikes(unanswered, "gateway") {
			x.answer = a
		}
	}, func(alive bool) {
		if !alive {
			x.answer = answer{status: http.StatusBadGateway}
		}
		if x.client != nil {
			w.wake(x.client)
		}
	})
}

func (r request) http(ctx context.Context) (*http.Request, error) {
	target := r.path
	if r.query != "" {
		target += "?" + r.query
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", cmp.Or(r.media, "application/json"))
	}
	for name, value := range map[string]string{"Idempotency-Key": r.key, "If-Match": r.ifMatch, "If-None-Match": r.ifNoneMatch} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	return req, nil
}

// insist repeats a write with its key until there is an answer that says what
// became of it, or the client gives up.
func (w *World) insist(t *task, r request) (answer, bool) {
	for attempt := 1; ; attempt++ {
		r.doubled = attempt > 1 && w.strikes(keyDoubled, "proxy")
		a := w.send(t, r)
		if a.final() && !a.refusedDoubled(r) {
			return a, true
		}
		if w.strikes(gaveUp, "client") {
			w.reach(clientGaveUp)
			return a, false
		}
		w.pause(t, time.Duration(attempt)*time.Second, 20*time.Second)
	}
}

// read repeats a read a few times.
func (w *World) read(t *task, r request) (answer, bool) {
	const attempts = 4
	var a answer
	for range attempts {
		if a = w.send(t, r); a.final() {
			return a, true
		}
		w.pause(t, time.Second, 10*time.Second)
	}
	return a, false
}

// pause lets a person wait for a while.
func (w *World) pause(t *task, least, most time.Duration) {
	const steps = 16
	d := least + (most-least)*time.Duration(w.src.pick("pause of "+t.name, steps))/(steps-1)
	w.sched.park(t, time.Now().Add(d))
}
