package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
)

const (
	quotePath = "/v1/quotes"
	specPath  = "/openapi.json"
	release   = hailstone.Release
)

// slips has a person send something that no client should: it is refused with the code
// that the contract says, and nothing comes of it.
func (w *World) slips(t *task, who person, id booking.ID) {
	all := slipsOf(who, id)
	r := all[w.src.pick("slip", len(all))]
	r.who = who
	_, _ = w.read(t, r)
}

// answeredSlip judges the answer to a slip.
func (o *oracle) answeredSlip(r request, a answer) {
	o.reach(requestWasMalformed)
	var p struct{ Errors []struct{ Pointer string } }
	_ = json.Unmarshal(a.body, &p) // another rule has judged its form
	named := r.pointer == "" || slices.ContainsFunc(p.Errors, func(e struct{ Pointer string }) bool { return e.Pointer == r.pointer })
	if codeOf(a) != r.want || !named {
		o.fail("what is wrong with a request is said", r.booking, "%s %s?%s %.200s of %s: %d %s, want %s %s",
			r.method, r.path, r.query, r.body, r.who.name, a.status, a.body, r.want, r.pointer)
	}
}

// slipsOf are all slips of a person: of a rider about a booking of their own, of staff
// about anyone's.
func slipsOf(who person, id booking.ID) []request {
	own := "/v1/bookings/" + string(id)
	all := []request{
		{method: http.MethodGet, path: own, nobody: true, want: "unauthorized"},
		{method: http.MethodGet, path: own + "/", want: "not-found"},
		{method: http.MethodGet, path: "/v1/nothing", want: "not-found"},
		{method: http.MethodGet, path: "/v1/bookings/bk_1", want: "not-found"},
		{method: http.MethodGet, path: "/v1/bookings/bk_" + strings.Repeat("a", 32), want: "not-found"},
	}
	for _, query := range []string{"min_version=0", "min_version=01", "min_version=x", "at_version=-1", "min_version=1&at_version=1", "min_version=1&min_version=1", "page=1", "%"} {
		all = append(all, request{method: http.MethodGet, path: own, query: query, want: "malformed-request"})
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=+1", "cursor=abc", "cursor=" + strings.Repeat("A", 64), "limit=1&limit=1", "state=requested"} {
		all = append(all, request{method: http.MethodGet, path: own + "/events", query: query, want: "malformed-request"})
	}
	switch {
	case len(who.roles) == 0:
		all = append(all, slipsOfRiders(own)...)
	case slices.Contains(who.roles, "dispatch"):
		all = append(all, slipsOfDispatchers(own)...)
	default:
		all = append(all, slipsOfOps(own)...)
	}
	for i := range all {
		if all[i].method == http.MethodPost && all[i].key == "" && all[i].want != "missing-idempotency-key" && all[i].path != quotePath {
			all[i].key = "slip"
		}
	}
	return all
}

func post(path, body string, want booking.Code, pointer string) request {
	return request{method: http.MethodPost, path: path, body: body, want: want, pointer: pointer}
}

func slipsOfRiders(own string) []request {
	const create = "/v1/bookings"
	good := bookingBody("pm_card_visa", "")
	all := []request{
		{method: http.MethodPost, path: create, body: good, want: "missing-idempotency-key"},
		{method: http.MethodPost, path: create, body: good, key: "a b", want: "malformed-request"},
		{method: http.MethodPost, path: create, body: good, key: strings.Repeat("k", 256), want: "malformed-request"},
		{method: http.MethodPost, path: create, body: good, key: `"`, want: "malformed-request"},
		{method: http.MethodPost, path: create, body: good, media: "text/plain", want: "unsupported-media-type"},
		{method: http.MethodPost, path: create, body: good, media: "application/json; charset=latin1", want: "unsupported-media-type"},
		{method: http.MethodPost, path: create, body: good, query: "x=1", want: "malformed-request"},
		{method: http.MethodGet, path: create, query: "limit=0", want: "malformed-request"},
		{method: http.MethodGet, path: create, query: "limit=101", want: "malformed-request"},
		{method: http.MethodGet, path: create, query: "state=lost", want: "malformed-request"},
		{method: http.MethodGet, path: create, query: "cursor=abc", want: "malformed-request"},
		{method: http.MethodGet, path: "/v1/dispatch/bookings", want: "forbidden"},
		post(own+"/assign", `{"driver_id":"d-1"}`, "forbidden", ""),
		post(own+"/abort", `{"reason":"mine"}`, "forbidden", ""),
		post(own+"/refund", `{"reason":"mine"}`, "forbidden", ""),
		{method: http.MethodPost, path: own + "/cancel", body: `{"reason":"why"}`, ifMatch: "3", want: "malformed-request"},
		{method: http.MethodPost, path: own + "/cancel", body: `{"reason":"why"}`, query: "x=1", want: "malformed-request"},
		post(own+"/cancel", `{"reason":""}`, "validation-failed", "/reason"),
		post(own+"/cancel", `{}`, "validation-failed", "/reason"),
		post(own+"/cancel", `{"reason":"`+strings.Repeat("x", 201)+`"}`, "validation-failed", "/reason"),
		post(own+"/cancel", `{"reason":"a\u0007b"}`, "validation-failed", "/reason"),
		post(own+"/cancel", `{"reason":7}`, "validation-failed", "/reason"),
		post(own+"/cancel", ``, "unsupported-media-type", ""),
		post(create, bookingBody("card", ""), "validation-failed", "/payment_method"),
		post(create, bookingBody("pm_"+strings.Repeat("x", 251), ""), "validation-failed", "/payment_method"),
		post(create, bookingBody("pm_card_visa", `{"amount":-1,"currency":"EUR"}`), "validation-failed", "/expected_fare/amount"),
		post(create, bookingBody("pm_card_visa", `{"amount":9007199254740992,"currency":"EUR"}`), "validation-failed", "/expected_fare/amount"),
		post(create, bookingBody("pm_card_visa", `{"amount":700,"currency":"euro"}`), "validation-failed", "/expected_fare/currency"),
		post(create, bookingBody("pm_card_visa", `{"currency":"EUR"}`), "validation-failed", "/expected_fare/amount"),
		post(create, bookingBody("pm_card_visa", `{"amount":1}`), "validation-failed", "/expected_fare/currency"),
		post(create, `{"pickup":`+places[0]+`,"dropoff":`+places[1]+`,"product":"standard"}`, "validation-failed", "/payment_method"),
	}
	return slices.Concat(all, slipsInTrips(create), slipsInTrips(quotePath))
}

// slipsInTrips are what can be wrong with a booking and with a quote.
func slipsInTrips(path string) []request {
	method := `,"payment_method":"pm_card_visa"`
	if path == quotePath {
		method = ""
	}
	trip := func(pickup, dropoff, product string) string {
		return `{"pickup":` + pickup + `,"dropoff":` + dropoff + `,"product":` + product + method + `}`
	}
	return []request{
		post(path, `{`, "malformed-request", ""),
		post(path, strings.Repeat(" ", 16<<10)+"{}", "payload-too-large", ""),
		post(path, `{"colour":"red"}`, "malformed-request", ""),
		post(path, `{"product":"xl","product":"xl"}`, "malformed-request", ""),
		post(path, `{"pickup":`+places[0]+`,"product":"standard"`+method+`}`, "validation-failed", "/dropoff"),
		post(path, `{"dropoff":`+places[0]+`,"product":"standard"`+method+`}`, "validation-failed", "/pickup"),
		post(path, `{"pickup":`+places[0]+`,"dropoff":`+places[1]+method+`}`, "validation-failed", "/product"),
		post(path, trip(places[1], places[1], `"xl"`), "validation-failed", "/dropoff"),
		post(path, trip(places[0], places[1], `"boat"`), "validation-failed", "/product"),
		post(path, trip(places[0], places[1], `null`), "validation-failed", "/product"),
		post(path, trip(`{"lat":90.1,"lng":0}`, places[1], `"xl"`), "validation-failed", "/pickup/lat"),
		post(path, trip(`{"lat":-90.1,"lng":0}`, places[1], `"xl"`), "validation-failed", "/pickup/lat"),
		post(path, trip(places[1], `{"lat":52,"lng":180.5}`, `"xl"`), "validation-failed", "/dropoff/lng"),
		post(path, trip(places[1], `{"lat":52,"lng":-180.5}`, `"xl"`), "validation-failed", "/dropoff/lng"),
		post(path, trip(places[1], `{"lng":13}`, `"xl"`), "validation-failed", "/dropoff/lat"),
		post(path, trip(places[1], `{"lat":52}`, `"xl"`), "validation-failed", "/dropoff/lng"),
		post(path, trip(places[1], `{"lat":52,"lng":13,"label":"`+strings.Repeat("x", 121)+`"}`, `"xl"`), "validation-failed", "/dropoff/label"),
		post(path, trip(places[1], `{"lat":55,"lng":13.4}`, `"xl"`), "validation-failed", "/dropoff"),
	}
}

func slipsOfDispatchers(own string) []request {
	all := []request{
		post(own+"/abort", `{"reason":"why"}`, "forbidden", ""),
		post(own+"/retry-payment", ``, "forbidden", ""),
		post(own+"/arrive", `{"x":1}`, "malformed-request", ""),
		post(own+"/arrive", `[]`, "validation-failed", ""),
		{method: http.MethodPost, path: own + "/start", body: `{}`, media: "text/plain", want: "unsupported-media-type"},
		{method: http.MethodPost, path: own + "/start", want: "missing-idempotency-key"},
		{method: http.MethodGet, path: "/v1/dispatch/bookings", query: "state=requested", want: "malformed-request"},
		{method: http.MethodGet, path: "/v1/dispatch/bookings", query: "limit=1000", want: "malformed-request"},
	}
	for _, driver := range []string{`""`, `"-d"`, `"D-1"`, `"d 1"`, `7`, `"` + strings.Repeat("d", 129) + `"`} {
		all = append(all, post(own+"/assign", `{"driver_id":`+driver+`}`, "validation-failed", "/driver_id"))
	}
	for _, ride := range [][2]string{
		{`"distance_m":-1,"duration_s":1`, "/distance_m"},
		{`"distance_m":2000001,"duration_s":1`, "/distance_m"},
		{`"distance_m":1,"duration_s":-1`, "/duration_s"},
		{`"distance_m":1,"duration_s":172801`, "/duration_s"},
		{`"distance_m":1`, "/duration_s"},
		{`"duration_s":1`, "/distance_m"},
		{`"distance_m":1.5,"duration_s":1`, "/distance_m"},
	} {
		all = append(all, post(own+"/complete", "{"+ride[0]+"}", "validation-failed", ride[1]))
	}
	return all
}

func slipsOfOps(own string) []request {
	return []request{
		post(own+"/cancel", `{"reason":"why"}`, "forbidden", ""),
		post(own+"/assign", `{"driver_id":"d-1"}`, "forbidden", ""),
		{method: http.MethodGet, path: "/v1/dispatch/bookings", want: "forbidden"},
		post(own+"/abort", `{}`, "validation-failed", "/reason"),
		post(own+"/abort", `{"reason":""}`, "validation-failed", "/reason"),
		post(own+"/abort", `{"reason":"`+strings.Repeat("ä", 201)+`"}`, "validation-failed", "/reason"),
		post(own+"/abort", `{"reason":"why","fee":{"amount":-1,"currency":"EUR"}}`, "validation-failed", "/fee/amount"),
		post(own+"/abort", `{"reason":"why","fee":{"amount":1,"currency":"USD"}}`, "validation-failed", "/fee/currency"),
		post(own+"/abort", `{"reason":"why","fee":{"amount":100000000,"currency":"EUR"}}`, "validation-failed", "/fee/amount"),
		post(own+"/refund", `{"amount":{"amount":1,"currency":"EUR"}}`, "validation-failed", "/reason"),
		post(own+"/refund", `{"reason":"why","amount":{"amount":1}}`, "validation-failed", "/amount/currency"),
		{method: http.MethodPost, path: own + "/refund", body: `{"reason":"why"}`, ifMatch: `x`, want: "malformed-request"},
	}
}

func bookingBody(method, expected string) string {
	if expected != "" {
		expected = `,"expected_fare":` + expected
	}
	return fmt.Sprintf(`{"pickup":%s,"dropoff":%s,"product":"standard","payment_method":%q%s}`, places[0], places[1], method, expected)
}
