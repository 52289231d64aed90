package sim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// seen is what was so when a request was sent.
type seen struct {
	exists  bool // the booking
	version int64
	stored  bool // the commit of the command
	attempt int
	// at is the time in the environment that answers, skew how far it is off.
	at   time.Time
	skew time.Duration
}

// grant is the answer that a command got, and gets for ever.
type grant struct {
	asked  string // the request's body
	status int
	body   string
	first  bool // it was once given as no replay
}

func commandKey(r request) string { return string(r.booking) + "\x00" + r.command() }

func (o *oracle) sent(r request, skew time.Duration) seen {
	s := seen{at: time.Now().Add(skew).Truncate(time.Millisecond), skew: skew}
	a := o.streams[r.booking.Stream()]
	if s.exists = a != nil; s.exists {
		s.version = a.model().version
	}
	if r.path == bookingsPath && r.key != "" && r.want == "" {
		o.owners[r.booking] = r.who
	}
	if r.key != "" && r.want == "" {
		if first, again := o.asked[commandKey(r)]; again && first != r.body {
			o.reused[commandKey(r)] = true
		} else {
			o.asked[commandKey(r)] = r.body
		}
		if !slices.ContainsFunc(o.requests[commandKey(r)], func(q request) bool { return q.body == r.body }) {
			o.requests[commandKey(r)] = append(o.requests[commandKey(r)], r)
		}
		o.sends[commandKey(r)]++
		s.attempt = o.sends[commandKey(r)]
		s.stored = a != nil && a.commands[r.command()]
	}
	return s
}

// answered judges an answer at the moment it leaves the function.
func (o *oracle) answered(r request, before seen, a answer) {
	o.src.mix(uint64(a.status)) //nolint:gosec // an HTTP status
	if a.status >= http.StatusBadRequest {
		o.keepsSecret("a problem", a.body)
	}
	o.isWellFormed(r, a)
	switch {
	case r.path == healthPath:
		if a.status != http.StatusOK {
			o.fail("/health answers whatever fails", "", "%d %s", a.status, a.body)
		}
		o.isHealth(a)
		return
	case a.status == http.StatusServiceUnavailable:
		o.reach(answerWasUnavailable)
		if o.calm {
			o.fail(quietRule, r.booking, "%s %s: %s", r.method, r.path, a.body)
		}
		if acc := o.streams[r.booking.Stream()]; r.key != "" && !before.stored && acc != nil && acc.commands[r.command()] {
			o.reach(writtenThoughUnknown)
		}
		return
	case a.status >= http.StatusInternalServerError:
		o.fail("the API never fails by itself", r.booking, "%s %s: %d %s", r.method, r.path, a.status, a.body)
		return
	}
	switch {
	case r.want != "":
		o.answeredSlip(r, a)
	case o.foreign(r):
		if a.status != http.StatusNotFound {
			o.fail("8: another's booking is not found", r.booking, "%s %s by %s: %d %s", r.method, r.path, r.who.name, a.status, a.body)
		}
		o.reach(foreignWasHidden)
		if o.owners[r.booking].isNamesakeOf(r.who) {
			o.reach(namesakeWasHidden)
		}
	case r.doubled:
		o.answeredDoubled(r, a)
	case r.key != "":
		o.answeredWrite(r, before, a)
	default:
		o.answeredRead(r, before, a)
	}
}

// foreign tells whether the request is about a booking that its sender may not see.
func (o *oracle) foreign(r request) bool {
	acc := o.streams[r.booking.Stream()]
	return r.booking != "" && acc != nil && len(r.who.roles) == 0 && !o.owners[r.booking].is(r.who)
}

func (o *oracle) answeredWrite(r request, before seen, a answer) {
	acc := o.streams[r.booking.Stream()]
	stored := acc != nil && acc.commands[r.command()]
	switch code := codeOf(a); {
	case a.ok():
		if !stored {
			o.fail("2: what is acknowledged is stored", r.booking, "%s was answered with %d and is not in the log", r.path, a.status)
			return
		}
		o.grantedOnce(r, before, a)
		o.isNewest(r, a)
		o.showsFold(r, a.body)
	case code == booking.CodeKeyReused:
		o.reach(keyWasReused)
		if !stored || !o.reused[commandKey(r)] {
			o.fail("2: only a key of another request is refused", r.booking, "%s", a.body)
		}
	case before.stored:
		o.fail("2: a command that was carried out is answered as it was", r.booking, "%s: %d %s", r.path, a.status, a.body)
	case a.status == http.StatusNotFound && before.exists:
		o.fail("2: what is stored is found", r.booking, "%s: %s", r.path, a.body)
	default:
		o.isRefusedRight(r, before, a)
		if code == booking.CodeVersionMismatch {
			o.reach(versionMismatched)
		}
		if code == booking.CodeInvalidState {
			o.reach(commandWasTooLate)
		}
	}
}

// grantedOnce checks that of all answers to a command one at most is no replay, and
// that all are the same.
func (o *oracle) grantedOnce(r request, before seen, a answer) {
	replayed := a.header.Get("Idempotency-Replayed") == "true"
	g, again := o.granted[commandKey(r)]
	switch {
	case again && g.asked != r.body:
		o.fail("2: a key is good for one request", r.booking, "%s after %s", r.body, g.asked)
	case again && (g.status != a.status || g.body != string(a.body)):
		o.fail("2: a repeat is answered as the first time", r.booking, "%d %s\nafter %d %s", a.status, a.body, g.status, g.body)
	case replayed && o.sends[commandKey(r)] == 1:
		o.fail("2: only a repeat is a replay", r.booking, "attempt %d at %s", before.attempt, r.path)
	case !replayed && g.first:
		o.fail("2: a command is carried out once", r.booking, "%s was twice answered as no replay", r.path)
	}
	if replayed {
		o.reach(requestWasReplayed)
	}
	o.granted[commandKey(r)] = grant{r.body, a.status, string(a.body), g.first || !replayed}
}

// showsFold checks that a booking in an answer is what the log says of its version.
func (o *oracle) showsFold(r request, body []byte) {
	v, err := readmodel.Decode(body)
	if err != nil {
		o.fail("answers are bookings", r.booking, "%s: %v", body, err)
		return
	}
	acc := o.streams[v.ID.Stream()]
	if acc == nil || v.Version > acc.state.Version {
		o.fail("5: no view is ahead of the log", v.ID, "version %d", v.Version)
		return
	}
	if want := o.fold(acc, v.Version); !bytes.Equal(want, body) {
		o.fail("5: a view is the fold of its version", v.ID, "version %d is\n%s\nwant\n%s", v.Version, body, want)
	}
	if r.who.roles == nil && !o.owners[v.ID].is(r.who) {
		o.fail("8: nobody sees another's booking", v.ID, "%s of %s does", r.who.name, r.who.issuer)
	}
	o.namesItsRider(v.ID, v.RiderID)
	if v.Version < r.minVersion {
		o.fail("min_version is never answered with less", v.ID, "%d for %d", v.Version, r.minVersion)
	}
}

func (o *oracle) fold(acc *account, version int64) []byte {
	if raw, known := acc.folds[version]; known {
		return raw
	}
	raw, err := acc.models[version].view(acc.id)
	if err != nil {
		o.fail("views can be encoded", acc.id, "%v", err)
	}
	acc.folds[version] = raw
	return raw
}

func (o *oracle) answeredRead(r request, before seen, a answer) {
	if a.status == http.StatusNotFound && before.exists {
		o.fail("2: what is stored is found", r.booking, "%s", r.path)
	}
	if a.status == http.StatusNotModified {
		o.reach(nothingWasModified)
	}
	switch {
	case r.path == quotePath:
		o.isQuoted(r, a)
	case r.booking != "" && !strings.HasSuffix(r.path, "/events"):
		if o.isRead(r, before, a); a.ok() {
			o.showsFold(r, a.body)
		}
	case !a.ok():
		o.fail("what may be read is shown", r.booking, "%s?%s of %s: %d %s", r.path, r.query, r.who.name, a.status, a.body)
	case r.booking == "":
		o.showsList(r, a)
	default:
		o.showsHistory(r, before, a)
	}
}

// secrets are parts of what riders say that must stay between them and the log. A
// time has three decimals at most, a coordinate here four.
var secrets = [][]byte{
	[]byte("pm_card"), []byte("Alexander"), []byte("Brandenburg"), []byte("Flughafen"),
	[]byte("52.5219"), []byte("13.4132"), []byte("52.5163"), []byte("13.3777"), []byte("52.5251"), []byte("13.3694"),
}

func (o *oracle) keepsSecret(where string, text []byte) {
	for _, secret := range secrets {
		if bytes.Contains(text, secret) {
			o.fail("9: what is personal stays where it belongs", "", "%s holds %s: %s", where, secret, text)
		}
	}
}

// codeOf returns the code of a problem.
func codeOf(a answer) booking.Code {
	var p struct{ Code booking.Code }
	if a.ok() || json.Unmarshal(a.body, &p) != nil {
		return ""
	}
	return p.Code
}
