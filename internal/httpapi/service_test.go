package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func TestHealthAsksNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.loadErr, w.views.err = events.ErrUnavailable, readmodel.ErrUnavailable
	for state, want := range map[resilience.State]string{
		resilience.Closed:   `{"status":"ok","payments":"closed","version":"1.2.3"}`,
		resilience.Open:     `{"status":"degraded","payments":"open","version":"1.2.3"}`,
		resilience.HalfOpen: `{"status":"degraded","payments":"half_open","version":"1.2.3"}`,
	} {
		w.payments = state
		a := w.send(read(nobody, "/health"))
		if a.code != http.StatusOK || a.body != want || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v %s, want %s", a.code, a.header, a.body, want)
		}
	}
}

func TestTheContractIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want, got any
	if err := yaml.Unmarshal(hailstone.OpenAPI, &want); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time from memory
		a := w.send(read(nobody, "/openapi.json"))
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%d %.100s: %v", a.code, a.body, err)
		}
		// As JSON, so that numbers are of one type.
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
			t.Errorf("openapi.json (-yaml +json):\n%s", diff)
		}
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestABrokenContractIsAnInternalError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.Spec = []byte("secret: [")
	w.fails(read(nobody, "/openapi.json"), http.StatusInternalServerError, httpapi.CodeInternal)
}

func TestNobodyWithoutATokenGetsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	appends := w.log.appends.Load()
	for _, r := range []request{book(nobody, "k1", ride), book(nobody, "", ""), read(nobody, at(made.ID)), read(nobody, at(made.ID)+"/events"), read(nobody, at("x")+"?y")} {
		w.refused(r, http.StatusUnauthorized, httpapi.CodeUnauthorized)
		if a := w.send(r); a.header.Get("Www-Authenticate") != "Bearer" {
			t.Errorf("%s %s → %v, want WWW-Authenticate", r.method, r.target, a.header)
		}
	}
	if w.log.appends.Load() != appends {
		t.Error("something was appended")
	}
}

// What ServeMux would answer by itself, in HTML or with a redirect, is a problem
// like every other.
func TestEveryOtherRouteIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	id := string(made.ID)
	for _, target := range []string{
		"/", "", "*", "health", "/v1", "/v1/", "/v1/bookings/", "/v1/bookings//events", "/v2/bookings", "/V1/bookings", "/favicon.ico", "/health/", "/openapi.yaml",
		"//v1/bookings/" + id, "/v1//bookings/" + id, "/v1/bookings//" + id, "/v1/./bookings/" + id, "/v1/../v1/bookings/" + id, "/../v1/bookings/" + id,
		"/v1/bookings/" + id + "/", "/v1/bookings/" + id + "/events/", "/v1/bookings/" + id + "/..", "/v1/bookings/" + id + "/../" + id, "/v1/bookings/.", "/v1/bookings/..",
		"/v1/bookings/" + id + "/Cancel", "/v1/bookings/" + id + "/expire", "/v1/bookings/" + id + "/cancel/", "/v1/dispatch", "/v1/dispatch/bookings/" + id, "/v1/quotes/1", "/v1/bookings/" + id + "/events/1", "//evil.example/%2f..", "/\\evil.example", "/v1/bookings/\xff\xfe",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			r := read(alice, target)
			r.method = method
			w.refused(r, http.StatusNotFound, httpapi.CodeNotFound)
		}
		w.headsAs(read(alice, target))
	}
	for _, r := range []struct{ method, target string }{
		{"GET", at(made.ID) + "/cancel"},
		{"PUT", "/v1/bookings"},
		{"DELETE", at(made.ID)},
		{"POST", at(made.ID)},
		{"PATCH", at(made.ID)},
		{"POST", at(made.ID) + "/events"},
		{"POST", "/health"},
		{"OPTIONS", "/v1/bookings"},
		{"CONNECT", "/v1/bookings"},
		{"TRACE", "/health"},
		{"BOOK", "/v1/bookings"},
		{"get", "/health"},
	} {
		w.refused(request{method: r.method, target: r.target, caller: alice, id: "req-1", header: http.Header{}}, http.StatusNotFound, httpapi.CodeNotFound)
	}
}

// history lists version, type and actor of each event of an answer.
func history(t *testing.T, a answer) []string {
	t.Helper()
	var page struct {
		Items []struct {
			Version json.Number
			Type    string
			Actor   string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	var lines []string
	for _, item := range page.Items {
		lines = append(lines, strings.Join([]string{item.Version.String(), item.Type, item.Actor}, " "))
	}
	return lines
}

// The contract lists every code there is, and which products there are.
func TestTheContractListsWhatThereIs(t *testing.T) {
	t.Parallel()
	schemas := contract(t).Doc.Components.Schemas
	var codes []string
	for _, c := range schemas["Problem"].Value.Properties["code"].Value.Enum {
		codes = append(codes, c.(string))
	}
	var known []string
	for code := range httpapi.Statuses() {
		known = append(known, string(code))
	}
	if diff := cmp.Diff(sorted(known), sorted(codes)); diff != "" {
		t.Errorf("codes (-code +contract):\n%s", diff)
	}
	var offered, products []string
	for _, p := range schemas["Product"].Value.Enum {
		offered = append(offered, p.(string))
	}
	for _, id := range booking.TariffIDs() {
		tariff, err := booking.LoadTariff(id)
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, tariff.ProductNames()...)
	}
	if diff := cmp.Diff(sorted(products), sorted(offered)); diff != "" {
		t.Errorf("products (-tariffs +contract):\n%s", diff)
	}
}

func sorted(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }

// Every problem that the table knows fits a response of the contract, at its
// status, except for what no operation of today can lead to.
func TestEveryProblemIsDocumented(t *testing.T) {
	t.Parallel()
	c := contract(t)
	for code, entry := range httpapi.Statuses() {
		body := `{"type":"urn:hailstone:problem:` + string(code) + `","title":"` + entry.Title + `","status":` + itoa(int64(entry.Code)) + `,"detail":"d","instance":"i","code":"` + string(code) + `"`
		if code == booking.CodeValidationFailed {
			body += `,"errors":[{"pointer":"/x","detail":"d"}]`
		}
		documented := 0
		for path, item := range c.Doc.Paths.Map() {
			for method := range item.Operations() {
				resp := &http.Response{StatusCode: entry.Code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body + "}"))}
				resp.Header.Set("Content-Type", "application/problem+json")
				resp.Header.Set("Cache-Control", "no-store")
				target := strings.Replace(path, "{id}", string(booking.IDFor(alice.Caller, "k1")), 1)
				if c.Check(httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody), nil, resp) == nil {
					documented++
				}
			}
		}
		if documented == 0 {
			t.Errorf("no operation has a response %d for %s", entry.Code, code)
		}
	}
}
