package httpapitest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/httpapi/httpapitest"
)

func load(t *testing.T) *httpapitest.Contract {
	t.Helper()
	c, err := httpapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheContractIsValid(t *testing.T) {
	t.Parallel()
	if got := load(t).Doc.OpenAPI; got != "3.1.0" {
		t.Errorf("the contract is OpenAPI %s, want 3.1.0", got)
	}
}

// The validator must see what is wrong with a contract, or it proves nothing.
func TestABrokenContractIsRefused(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string][2]string{
		"an example breaks its schema":  {"product: standard\n                  payment_method", "product: tank\n                  payment_method"},
		"an example lacks a field":      {"        requested_at: '2026-11-23T09:30:00.123Z'\n", ""},
		"a reference leads nowhere":     {"#/components/schemas/HistoryPage", "#/components/schemas/Elsewhere"},
		"a response has no description": {"description: A page of the history.\n", ""},
		"a type is not known":           {"label:\n          description: What the rider calls the place.\n          type: string", "label:\n          type: text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := bytes.Replace(hailstone.OpenAPI, []byte(edit[0]), []byte(edit[1]), 1)
			if bytes.Equal(broken, hailstone.OpenAPI) {
				t.Fatal("the edit changes nothing")
			}
			if _, err := httpapitest.Parse(broken); err == nil {
				t.Error("the contract was taken")
			}
		})
	}
}

const booking = `{"id":"bk_mfrggzdfmztwq2lkmfrggzdfmztwq2lk","version":1,"state":"requested","rider_id":"rd_be2t5cdeqpnna5ybvxmpta54fdsybw5i",` +
	`"pickup":{"lat":52.52,"lng":13.405},"dropoff":{"lat":52.5,"lng":13.4},"product":"standard","fare":{"amount":700,"currency":"EUR"},` +
	`"payment":{"state":"pending","authorized":{"amount":0,"currency":"EUR"},"captured":{"amount":0,"currency":"EUR"},"refunded":{"amount":0,"currency":"EUR"},"failure":null},` +
	`"driver_id":null,"cancellation":null,"requested_at":"2026-11-23T09:30:00Z","updated_at":"2026-11-23T09:30:00Z"}`

const missing = `{"type":"urn:hailstone:problem:not-found","title":"Not found","status":404,"detail":"There is no such booking.","code":"not-found"}`

// exchange is a GET of a booking and its answer.
type exchange struct {
	target string
	status int
	header map[string]string
	body   string
}

func (e exchange) check(t *testing.T, c *httpapitest.Contract) error {
	t.Helper()
	resp := &http.Response{StatusCode: e.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(e.body))}
	for name, value := range e.header {
		resp.Header.Set(name, value)
	}
	return c.Check(httptest.NewRequestWithContext(t.Context(), http.MethodGet, e.target, http.NoBody), nil, resp)
}

func TestCheckSeesEveryBreach(t *testing.T) {
	t.Parallel()
	c := load(t)
	const target = "/v1/bookings/bk_mfrggzdfmztwq2lkmfrggzdfmztwq2lk"
	fresh := map[string]string{"Content-Type": "application/json", "Etag": `"1"`, "Cache-Control": "private, no-cache"}
	problem := map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
	without := func(h map[string]string, name string) map[string]string {
		rest := map[string]string{}
		for n, v := range h {
			if n != name {
				rest[n] = v
			}
		}
		return rest
	}
	good := []exchange{
		{target, 200, fresh, booking},
		{target + "?min_version=1", 200, fresh, booking},
		{target, 304, without(fresh, "Content-Type"), ""},
		{target, 404, problem, missing},
		{"/v2/anything", 404, problem, missing},
	}
	for _, e := range good {
		if err := e.check(t, c); err != nil {
			t.Errorf("GET %s → %d: %v", e.target, e.status, err)
		}
	}
	bad := map[string]exchange{
		"a field too many":                {target, 200, fresh, strings.Replace(booking, `{"id"`, `{"x":1,"id"`, 1)},
		"a field too few":                 {target, 200, fresh, strings.Replace(booking, `"driver_id":null,`, ``, 1)},
		"a field too many inside":         {target, 200, fresh, strings.Replace(booking, `"failure":null`, `"failure":null,"ref":"pi_1"`, 1)},
		"an amount that is a fraction":    {target, 200, fresh, strings.Replace(booking, `"amount":700`, `"amount":7.5`, 1)},
		"a state that is not known":       {target, 200, fresh, strings.Replace(booking, `"requested"`, `"lost"`, 1)},
		"a time that is none":             {target, 200, fresh, strings.Replace(booking, `2026-11-23T09:30:00Z`, `2026-13-23T09:30:00Z`, 1)},
		"a time of another zone":          {target, 200, fresh, strings.Replace(booking, `09:30:00Z`, `09:30:00+01:00`, 1)},
		"no ETag":                         {target, 200, without(fresh, "Etag"), booking},
		"an ETag without quotes":          {target, 200, map[string]string{"Content-Type": "application/json", "Etag": "1", "Cache-Control": "private, no-cache"}, booking},
		"no Cache-Control":                {target, 200, without(fresh, "Cache-Control"), booking},
		"another content type":            {target, 200, map[string]string{"Content-Type": "text/html", "Etag": `"1"`, "Cache-Control": "private, no-cache"}, booking},
		"a status that is not known":      {target, 418, problem, missing},
		"a redirect":                      {target, 307, map[string]string{"Location": "/"}, ""},
		"a moved resource":                {target, 301, map[string]string{"Location": "/"}, ""},
		"a problem of another status":     {target, 404, problem, strings.Replace(missing, `404`, `400`, 1)},
		"a problem of another code":       {target, 404, problem, strings.ReplaceAll(missing, `not-found`, `internal`)},
		"a problem that tells more":       {target, 404, problem, strings.Replace(missing, `{`, `{"stack":"x",`, 1)},
		"a 304 with a body":               {target, 304, fresh, booking},
		"a 304 without ETag":              {target, 304, without(fresh, "Etag"), ""},
		"a granted query out of range":    {target + "?min_version=0", 200, fresh, booking},
		"a granted id of another form":    {"/v1/bookings/7", 200, fresh, booking},
		"an unknown route that answers":   {"/v2/anything", 200, fresh, booking},
		"an unknown route that redirects": {"/v2/anything", 301, map[string]string{"Location": "/"}, ""},
		"an unknown route with a page":    {"/v2/anything", 404, map[string]string{"Content-Type": "text/plain"}, "404 page not found"},
	}
	for name, e := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := e.check(t, c); err == nil {
				t.Error("nothing was found")
			}
		})
	}
}

func TestCheckedFailsTheTest(t *testing.T) {
	t.Parallel()
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	spy := &spy{TB: t}
	load(t).Checked(spy, answer).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", http.NoBody))
	if spy.errors != 1 {
		t.Errorf("%d errors, want 1", spy.errors)
	}
}

// spy is a test that counts its failures.
type spy struct {
	testing.TB
	errors int
}

func (s *spy) Errorf(string, ...any) { s.errors++ }
