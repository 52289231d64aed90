package sim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// seen is what was so when a request was sent.
type seen struct {
	exists  bool // the booking
	stored  bool // the commit of the command
	attempt int
}

// grant is the answer that a command got, and gets for ever.
type grant struct {
	asked  string // the request's body
	status int
	body   string
	first  bool // it was once given as no replay
}

func commandKey(r request) string { return string(r.booking) + "\x00" + r.command() }

func (o *oracle) sent(r request) seen {
	var s seen
	a := o.streams[r.booking.Stream()]
	s.exists = a != nil
	if r.path == bookingsPath && r.key != "" {
		o.owners[r.booking] = r.who
	}
	if r.key != "" {
		if first, again := o.asked[commandKey(r)]; again && first != r.body {
			o.reused[commandKey(r)] = true
		} else {
			o.asked[commandKey(r)] = r.body
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
	switch {
	case r.path == healthPath:
		if a.status != http.StatusOK {
			o.fail("/health answers whatever fails", "", "%d %s", a.status, a.body)
		}
		return
	case a.status == http.StatusServiceUnavailable:
		o.reach(answerWasUnavailable)
		if acc := o.streams[r.booking.Stream()]; r.key != "" && !before.stored && acc != nil && acc.commands[r.command()] {
			o.reach(writtenThoughUnknown)
		}
		return
	case a.status >= http.StatusInternalServerError:
		o.fail("the API never fails by itself", r.booking, "%s %s: %d %s", r.method, r.path, a.status, a.body)
		return
	}
	switch {
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
		o.showsFold(r, a.body)
	case code == booking.CodeKeyReused:
		o.reach(keyWasReused)
		if !stored || !o.reused[commandKey(r)] {
			o.fail("2: only a key of another request is refused", r.booking, "%s", a.body)
		}
	case before.stored:
		o.fail("2: a command that was carried out is answered as it was", r.booking, "%s: %d %s", r.path, a.status, a.body)
	case code == booking.CodeVersionMismatch:
		o.reach(versionMismatched)
	case code == booking.CodeInvalidState:
		o.reach(commandWasTooLate)
	case a.status == http.StatusNotFound && before.exists:
		o.fail("2: what is stored is found", r.booking, "%s: %s", r.path, a.body)
	case a.status == http.StatusBadRequest || a.status == http.StatusUnsupportedMediaType:
		o.fail("requests are well-formed", r.booking, "%s: %s", r.path, a.body)
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
	owner := o.owners[v.ID]
	if r.who.roles == nil && !owner.is(r.who) {
		o.fail("8: nobody sees another's booking", v.ID, "%s of %s does", r.who.name, r.who.issuer)
	}
	if v.RiderID != owner.caller().RiderID() {
		o.fail("8: a booking is its rider's", v.ID, "it shows %s, and %s of %s asked for it", v.RiderID, owner.name, owner.issuer)
	}
	if v.Version < r.minVersion {
		o.fail("min_version is never answered with less", v.ID, "%d for %d", v.Version, r.minVersion)
	}
}

func (o *oracle) fold(acc *account, version int64) []byte {
	if raw, known := acc.folds[version]; known {
		return raw
	}
	state := acc.state
	if version < state.Version {
		var err error
		if state, err = booking.StateAt(acc.history, version); err != nil {
			o.fail("1: events can be read", acc.id, "%v", err)
		}
	}
	raw, err := readmodel.ViewOf(state).Encode()
	if err != nil {
		o.fail("views can be encoded", acc.id, "%v", err)
	}
	acc.folds[version] = raw
	return raw
}

func (o *oracle) answeredRead(r request, before seen, a answer) {
	switch {
	case a.status == http.StatusNotModified:
		o.reach(nothingWasModified)
	case a.status == http.StatusNotFound && before.exists:
		o.fail("2: what is stored is found", r.booking, "%s", r.path)
	case !a.ok():
	case strings.HasSuffix(r.path, "/events"):
		o.showsHistory(r, a.body)
	case r.booking == "":
		o.showsList(r, a.body)
	default:
		o.showsFold(r, a.body)
	}
}

func (o *oracle) showsList(r request, body []byte) {
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(body, &list); err != nil {
		o.fail("lists can be read", "", "%s: %v", body, err)
	}
	shown := map[string]bool{}
	for _, item := range list.Items {
		o.showsFold(r, item)
		var v readmodel.View
		if err := json.Unmarshal(item, &v); err != nil {
			o.fail("lists can be read", "", "%s: %v", item, err)
		}
		if shown[string(v.ID)] {
			o.fail("a page shows a booking once", v.ID, "%s", body)
		}
		shown[string(v.ID)] = true
		if strings.HasPrefix(r.path, "/v1/dispatch") && v.State != booking.Confirmed {
			o.fail("only who waits is in the list of those that wait", v.ID, "%s", v.State)
		}
	}
}

func (o *oracle) showsHistory(r request, body []byte) {
	var p struct {
		Items []struct {
			Version int64
			Data    map[string]json.RawMessage
			Actor   string
		}
	}
	if err := json.Unmarshal(body, &p); err != nil {
		o.fail("histories can be read", r.booking, "%s: %v", body, err)
	}
	for i, item := range p.Items {
		if want := r.page + int64(i) + 1; item.Version != want {
			o.fail("1: a history has every version", r.booking, "%d where %s belongs", item.Version, strconv.FormatInt(want, 10))
		}
		if item.Data["ref"] != nil || item.Data["payment_method"] != nil {
			o.fail("9: a history tells nothing of the provider", r.booking, "%s", body)
		}
	}
	if r.page > 0 {
		o.reach(historyHadPages)
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
