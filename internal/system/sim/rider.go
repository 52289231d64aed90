package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// The places between which rides go, by what a request says of them.
var places = [...]string{
	`{"lat":52.5219,"lng":13.4132,"label":"Alexanderplatz"}`,
	`{"lat":52.5163,"lng":13.3777,"label":"Brandenburger Tor"}`,
	`{"lat":52.5251,"lng":13.3694}`,
	`{"lat":52.3667,"lng":13.5033,"label":"Flughafen"}`,
}

var products = [...]string{"standard", "xl", "premium"}

// methods of payment: most cards are good.
var methods = [...]string{
	"pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_visa", "pm_card_mastercard",
	"pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired",
}

// rider is one person with one booking in mind.
type rider struct {
	*World
	*task
	who    person
	id     booking.ID
	key    string
	keys   int
	latest readmodel.View // that the rider has seen
}

const patienceOfRiders = 3 * time.Hour

// ride is everything that a rider does about one booking.
func (r *rider) ride() {
	r.pause(r.task, 0, time.Hour)
	from := r.src.pick("pickup of "+r.name, len(places)-1)
	to := (from + 1 + r.src.pick("dropoff of "+r.name, len(places)-1)) % len(places) // another one
	body := fmt.Sprintf(`{"pickup":%s,"dropoff":%s,"product":%q,"payment_method":%q}`, places[from], places[to],
		products[r.src.pick("product of "+r.name, len(products))], methods[r.src.pick("method of "+r.name, len(methods))])
	r.id = booking.IDFor(r.who.caller(), r.key)
	create := request{who: r.who, method: http.MethodPost, path: bookingsPath, body: body, key: r.key, booking: r.id}
	a, known := r.insist(r.task, create)
	if !known || !r.sees(a) {
		return
	}
	r.accepted = append(r.accepted, r.id)
	r.watch(create)
}

// sees takes note of a booking in an answer.
func (r *rider) sees(a answer) bool {
	if !a.ok() {
		return false
	}
	v, err := readmodel.Decode(a.body)
	if err != nil || v.ID != r.id {
		r.fail("answers are bookings", r.id, "%s: %v", a.body, err)
		return false
	}
	if v.Version >= r.latest.Version {
		r.latest = v
	}
	return true
}

func (r *rider) watch(create request) {
	cancels := r.src.chance("rider cancels of "+r.name, 0.2)
	if r.src.chance("rider cancels at once of "+r.name, 0.1) {
		r.pause(r.task, 0, 3*time.Second) // while the payment is being made
		r.cancels()
	}
	patience := time.Now().Add(patienceOfRiders)
	for !r.latest.State.Terminal() && time.Now().Before(patience) {
		switch r.src.pick("rider does of "+r.name, 16) {
		case 1:
			r.readsMinimum()
		case 2:
			r.lists()
		case 3:
			r.pries()
		case 4:
			a, _ := r.insist(r.task, create)
			r.sees(a)
		case 5:
			r.reusesKey(create)
		case 6:
			r.readsHistory()
		case 7, 8:
			if cancels {
				cancels = false
				r.cancels()
			}
		case 9, 10:
			r.slips(r.task, r.who, r.id)
		case 11:
			r.readsVersion()
		case 12:
			r.asksForQuote(r.task, r.who)
		default:
			r.looks()
		}
		r.pause(r.task, 20*time.Second, 8*time.Minute)
	}
}

func (r *rider) get(query string) request {
	return request{who: r.who, method: http.MethodGet, path: "/v1/bookings/" + string(r.id), query: query, booking: r.id}
}

func (r *rider) looks() {
	q := r.get("")
	q.ifNoneMatch = strconv.Quote(strconv.FormatInt(r.latest.Version, 10))
	a, _ := r.read(r.task, q)
	r.sees(a)
}

func (r *rider) readsMinimum() {
	q := r.get("min_version=" + strconv.FormatInt(r.latest.Version, 10))
	q.minVersion = r.latest.Version
	a, _ := r.read(r.task, q)
	r.sees(a)
}

// readsVersion reads one version, which may be one that is still to come.
func (r *rider) readsVersion() {
	q := r.get("")
	q.atVersion = 1 + int64(r.src.pick("version of "+r.name, int(r.latest.Version)+2))
	q.query = "at_version=" + strconv.FormatInt(q.atVersion, 10)
	_, _ = r.read(r.task, q)
}

func (r *rider) lists() {
	query := "limit=2"
	state := r.src.pick("filter of "+r.name, 1+len(booking.Statuses()))
	if state > 0 {
		query += "&state=" + string(booking.Statuses()[state-1])
	}
	listed := r.oracle.listed(r.who)
	pages := r.pages(r.task, request{who: r.who, method: http.MethodGet, path: bookingsPath, query: query})
	if state == 0 {
		r.oracle.leavesNobodyOut(listed, pages)
	}
}

// pries asks for the booking of somebody else.
func (r *rider) pries() {
	others := slices.DeleteFunc(slices.Clone(r.accepted), func(id booking.ID) bool { return r.oracle.owners[id].is(r.who) })
	if len(others) == 0 {
		return
	}
	q := r.get("")
	q.booking = others[r.src.pick("prying of "+r.name, len(others))]
	q.path = "/v1/bookings/" + string(q.booking)
	if r.src.pick("prying how of "+r.name, 2) == 1 {
		q.method, q.path, q.body, q.key = http.MethodPost, q.path+"/cancel", `{"reason":"not mine"}`, r.fresh()
	}
	_, _ = r.read(r.task, q)
}

func (r *rider) reusesKey(create request) {
	create.body = `{"pickup":` + places[3] + `,"dropoff":` + places[0] + `,"product":"xl","payment_method":"pm_card_mastercard","expected_fare":{"amount":1,"currency":"EUR"}}`
	_, _ = r.insist(r.task, create)
}

func (r *rider) readsHistory() {
	q := r.get("limit=2")
	q.path += "/events"
	r.pages(r.task, q)
}

func (r *rider) fresh() string {
	r.keys++
	return r.key + "-" + strconv.Itoa(r.keys)
}

func (r *rider) cancels() {
	c := request{
		who: r.who, method: http.MethodPost, path: "/v1/bookings/" + string(r.id) + "/cancel",
		body: `{"reason":"changed my mind"}`, key: r.fresh(), booking: r.id,
	}
	if r.src.pick("rider cancels conditionally of "+r.name, 3) == 1 {
		c.ifMatch = strconv.Quote(strconv.FormatInt(r.latest.Version, 10))
	}
	a, _ := r.insist(r.task, c)
	r.sees(a)
}
