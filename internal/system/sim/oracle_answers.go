package sim

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// problems are the codes of the contract, each with its status.
var problems = map[booking.Code]int{
	"missing-idempotency-key": 400, "malformed-request": 400, "invalid-signature": 400, "unauthorized": 401, "forbidden": 403, "not-found": 404,
	"invalid-state": 409, "driver-busy": 409, "fare-changed": 409, "version-mismatch": 412, "payload-too-large": 413, "unsupported-media-type": 415,
	"validation-failed": 422, "idempotency-key-reused": 422, "internal": 500, "unavailable": 503,
}

// acceptedLater are the commands that are carried out later.
var acceptedLater = []string{"abort", "refund", "retry-payment"}

// isWellFormed judges what an answer is besides what it says: its status and its headers.
func (o *oracle) isWellFormed(r request, a answer) {
	wrong := func(what string) {
		o.fail("answers are as the contract says", r.booking, "%s %s: %d %v: %s: %s", r.method, r.path, a.status, a.header, a.body, what)
	}
	kind, cache := "application/json", "no-store"
	switch {
	case a.status == http.StatusNotModified:
		if a.header.Get("ETag") == "" || len(a.body) > 0 {
			wrong("a 304 has an ETag and no body")
		}
		return
	case a.status >= http.StatusBadRequest:
		kind = "application/problem+json"
		if why := problemIsRight(a); why != "" {
			wrong(why)
		}
	case r.method == http.MethodGet && r.path != healthPath && r.path != specPath:
		cache = "private, no-cache"
	case r.method == http.MethodPost && a.status != expectedStatus(r):
		wrong("want " + strconv.Itoa(expectedStatus(r)))
	}
	if a.header.Get("Content-Type") != kind || a.header.Get("Cache-Control") != cache {
		wrong("want " + kind + ", " + cache)
	}
	if location := a.header.Get("Location"); (location != "") != (a.status == http.StatusCreated) || location != "" && location != "/v1/bookings/"+string(r.booking) {
		wrong("Location")
	}
}

func expectedStatus(r request) int {
	switch {
	case r.path == "/v1/bookings":
		return http.StatusCreated
	case slices.Contains(acceptedLater, path.Base(r.path)):
		return http.StatusAccepted
	default:
		return http.StatusOK
	}
}

func problemIsRight(a answer) string {
	var p struct {
		Type, Title, Detail, Instance string
		Status                        int
		Code                          booking.Code
		Errors                        []struct{ Pointer, Detail string }
	}
	err := json.Unmarshal(a.body, &p)
	switch {
	case err != nil || problems[p.Code] != a.status || p.Status != a.status:
		return "the code has another status"
	case p.Title == "" || p.Detail == "" || p.Instance != requestID || p.Type != "urn:hailstone:problem:"+string(p.Code):
		return "a problem has a title, a detail, and names the request"
	case (a.header.Get("Retry-After") != "") != (a.status == http.StatusServiceUnavailable):
		return "503 comes with Retry-After, and nothing else does"
	case (a.header.Get("WWW-Authenticate") == "Bearer") != (a.status == http.StatusUnauthorized):
		return "401 names the scheme"
	case a.header.Get("ETag")+a.header.Get("Idempotency-Replayed") != "":
		return "a problem has no ETag"
	case (p.Code == "validation-failed") != (len(p.Errors) > 0):
		return "what is wrong with fields is named"
	}
	return ""
}

// isNewest judges the version that the answer to a write shows: that of its command.
func (o *oracle) isNewest(r request, a answer) {
	want := ""
	for _, c := range o.streams[r.booking.Stream()].history.Commits() {
		if c.CommandID == r.command() {
			want = strconv.Quote(strconv.FormatInt(c.Last(), 10))
		}
	}
	if a.header.Get("ETag") != want {
		o.fail("2: an answer shows what the command led to", r.booking, "%s at %s, want %s", r.path, a.header.Get("ETag"), want)
	}
}

// isRefusedRight judges a refusal: in some state that the booking had since the request
// was sent, it was right.
func (o *oracle) isRefusedRight(r request, before seen, a answer) {
	acc := o.streams[r.booking.Stream()]
	states := []model{{}}
	if acc != nil {
		states = acc.models[min(before.version, acc.model().version):]
	}
	code := codeOf(a)
	if !slices.ContainsFunc(states, func(m model) bool { return o.refuses(m, r, before, code) }) {
		o.fail("what may be done is not refused", r.booking, "%s %s %s of %s: %s, while %s, %s", r.path, r.body, r.ifMatch, r.who.name, a.body, states[0].status, states[len(states)-1].status)
	}
}

// refuses tells whether a model refuses a request with a code.
func (o *oracle) refuses(m model, r request, before seen, code booking.Code) bool {
	w, command := r.wish(), path.Base(r.path)
	switch code {
	case booking.CodeInvalidState:
		return !m.allows(command, before.at)
	case booking.CodeFareChanged:
		return command == "bookings" && w.ExpectedFare != nil && m.version == 0
	case booking.CodeVersionMismatch:
		return r.ifMatch != "" && r.ifMatch != strconv.Quote(strconv.FormatInt(m.version, 10))
	case booking.CodeDriverBusy:
		return command == "assign" && m.status == booking.Confirmed && !before.at.After(o.busyUntil(strings.ToLower(w.DriverID), r.booking, before))
	case booking.CodeValidationFailed:
		switch command {
		case "abort":
			return w.Fee != nil && w.Fee.Amount > m.pay.authorized
		case "refund":
			return w.Amount != nil && w.Amount.Amount > m.pay.left() && m.allows(command, before.at)
		}
		return false
	case booking.CodeNotFound:
		return m.version == 0
	default:
		return false
	}
}

// allows tells whether a command can be carried out at an instant.
func (m model) allows(command string, at time.Time) bool {
	switch command {
	case "bookings":
		return true
	case "assign":
		return m.status == booking.Confirmed
	case "unassign":
		return m.status == booking.HasDriver || m.status == booking.DriverIsThere
	case "arrive":
		return m.status == booking.HasDriver
	case "start":
		return m.status == booking.DriverIsThere
	case "complete":
		return m.status == booking.InProgress
	case "no-show":
		return m.status == booking.DriverIsThere && !at.Before(m.arrived.Add(5*time.Minute))
	case "cancel":
		return !m.status.Terminal() && m.status != booking.InProgress
	case "abort":
		return !m.status.Terminal()
	case "refund":
		return m.pay.status == booking.PaymentIsCaptured && m.pay.left() > 0
	case "retry-payment":
		return m.pay.status == booking.PaymentHasFailed && (!m.pay.lost || m.status.Terminal())
	default:
		return false
	}
}

// busyUntil is when a driver was on another ride last, by the clock of the request's
// environment.
func (o *oracle) busyUntil(driver string, but booking.ID, before seen) time.Time {
	if id, busy := o.drivers[driver]; busy && id != but {
		return before.at
	}
	return o.freed[driver].Add(before.skew)
}

// isRead judges a read of one booking.
func (o *oracle) isRead(r request, before seen, a answer) {
	tag := a.header.Get("ETag")
	switch {
	case a.status == http.StatusPreconditionFailed && max(r.atVersion, r.minVersion) <= before.version:
		o.fail("a version that was reached is shown", r.booking, "%s: %s", r.query, a.body)
	case a.status == http.StatusNotModified && tag != r.ifNoneMatch, a.ok() && tag == r.ifNoneMatch:
		o.fail("a read is answered with 304 where nothing has changed, and only there", r.booking, "%d %s for %s", a.status, tag, r.ifNoneMatch)
	case !a.ok():
	case !strings.Contains(string(a.body), `"version":`+strings.Trim(tag, `"`)+`,`):
		o.fail("a booking has its version as its ETag", r.booking, "%s: %s", tag, a.body)
	case r.atVersion > 0 && tag != strconv.Quote(strconv.FormatInt(r.atVersion, 10)):
		o.fail("a version that was asked for is shown", r.booking, "%s for %d", tag, r.atVersion)
	case r.atVersion > 0:
		o.reach(oneVersionWasRead)
	}
}

// isHealth judges what /health says besides what it is judged for elsewhere.
func (o *oracle) isHealth(a answer) {
	var h struct{ Status, Payments, Version string }
	err := json.Unmarshal(a.body, &h)
	if err != nil || (h.Status == "ok") != (h.Payments == "closed") || h.Status != "ok" && h.Status != "degraded" || h.Version != release {
		o.fail("/health says how payments are, and which release it is", "", "%s", a.body)
	}
}
