package lambdahttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/httpapitest"
	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

var update = flag.Bool("update", false, "write the golden files")

// function is the booking function over stores in memory.
type function struct {
	*testing.T
	log    *eventstest.Memory
	logged bytes.Buffer
	api    http.Handler
	tokens lambdahttp.Tokens
}

func newFunction(t *testing.T) *function {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	contract, err := httpapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	f := &function{T: t, log: eventstest.NewMemory(events.NewStamp)}
	f.api = contract.Checked(t, (&httpapi.API{
		Bookings: &booking.Service{Store: f.log}, Views: &readmodeltest.Memory{}, Tariff: tariff,
		Now:      func() time.Time { return time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC) },
		Payments: func(context.Context) resilience.State { return resilience.Closed },
		Log:      slog.New(slog.NewTextHandler(&f.logged, nil)), Release: "1.2.3", Spec: hailstone.OpenAPI,
	}).Handler())
	return f
}

func (f *function) answer(e lambdahttp.Event) lambdaevents.APIGatewayV2HTTPResponse {
	f.Helper()
	got, err := lambdahttp.Handler(f.api, f.tokens)(f.Context(), e)
	if err != nil {
		f.Fatal(err)
	}
	return got
}

// The responses are golden files, as the gateway gets them.
func TestTheFunctionAnswers(t *testing.T) {
	t.Parallel()
	f := newFunction(t)
	for _, name := range []string{"create", "health"} {
		got, err := json.MarshalIndent(f.answer(event(t, name)), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name+".response.json")
		if *update {
			if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", golden, diff)
		}
	}
}

const (
	issuer  = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example"
	subject = "7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e11"
	key     = "5f0c6c1e-8f2b-4a6d-9d0e-0d4b8b1c7a55"
)

func TestTheClaimsSayWhoIsCalling(t *testing.T) {
	t.Parallel()
	f := newFunction(t)
	f.answer(event(t, "create"))
	id := booking.IDFor(booking.Caller{Issuer: issuer, Subject: subject}, key)
	h, err := f.log.Load(t.Context(), id.Stream())
	if err != nil || !h.Exists() {
		t.Fatalf("the booking of the caller: %v, exists %v", err, h.Exists())
	}
	want := events.Trace{CorrelationID: "JKJaXmPLvHcESHA=", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	if c := h.Commits()[0]; c.Actor != "rider" || c.Trace != want {
		t.Errorf("the commit is by %s, of %+v", c.Actor, c.Trace)
	}
}

// Whose token it is decides what it opens: a booking of another rider.
func TestTheClaimsSayWhatTheCallerMay(t *testing.T) {
	t.Parallel()
	type claims = map[string]string
	for name, test := range map[string]struct {
		claims claims
		want   int
	}{
		"the rider":                       {claims{"iss": issuer, "sub": subject, "token_use": "access"}, 200},
		"another rider":                   {claims{"iss": issuer, "sub": "bob", "token_use": "access"}, 404},
		"a group":                         {claims{"iss": issuer, "sub": "bob", "token_use": "access", "cognito:groups": "[dispatch]"}, 200},
		"one of two groups":               {claims{"iss": issuer, "sub": "bob", "token_use": "access", "cognito:groups": "[night ops]"}, 200},
		"the first of two groups":         {claims{"iss": issuer, "sub": "bob", "token_use": "access", "cognito:groups": "[ops night]"}, 200},
		"a group without brackets":        {claims{"iss": issuer, "sub": "bob", "token_use": "access", "cognito:groups": "dispatch"}, 200},
		"a scope":                         {claims{"iss": issuer, "sub": "bob", "scope": "openid ops"}, 200},
		"no groups":                       {claims{"iss": issuer, "sub": "bob", "token_use": "access", "cognito:groups": "[]"}, 404},
		"a group of another name":         {claims{"iss": issuer, "sub": "bob", "token_use": "access", "cognito:groups": "[dispatchers devops]"}, 404},
		"a scope of the resource server":  {claims{"iss": issuer, "sub": "bob", "scope": "hailstone/ops"}, 200},
		"a scope of another resource":     {claims{"iss": issuer, "sub": "bob", "scope": "rides/ops"}, 404},
		"an identity token":               {claims{"iss": issuer, "sub": subject, "token_use": "id"}, 401},
		"an identity token of dispatch":   {claims{"iss": issuer, "sub": "bob", "token_use": "id", "cognito:groups": "[dispatch]"}, 401},
		"an empty use":                    {claims{"iss": issuer, "sub": subject, "token_use": ""}, 401},
		"no subject":                      {claims{"iss": issuer, "token_use": "access", "cognito:groups": "[ops]"}, 401},
		"no issuer":                       {claims{"sub": subject, "token_use": "access"}, 401},
		"no claims":                       {nil, 401},
		"the same name of another issuer": {claims{"iss": "https://other.example", "sub": subject, "token_use": "access"}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t)
			f.answer(event(t, "create"))
			e := event(t, "read")
			e.RequestContext.Authorizer.JWT.Claims = test.claims
			e.RequestContext.HTTP.Path = "/prod/v1/bookings/" + string(booking.IDFor(booking.Caller{Issuer: issuer, Subject: subject}, key))
			e.RawQueryString, e.Headers = "", nil
			if got := f.answer(e); got.StatusCode != test.want {
				t.Errorf("%d %s, want %d", got.StatusCode, got.Body, test.want)
			}
		})
	}
}

func TestWithoutAnAuthorizerNobodyIsCalling(t *testing.T) {
	t.Parallel()
	f := newFunction(t)
	e := event(t, "create")
	for _, authorizer := range []*lambdahttp.Authorizer{
		nil, {}, {Lambda: json.RawMessage(`{"sub":"` + subject + `","iss":"` + issuer + `"}`)},
	} {
		e.RequestContext.Authorizer = authorizer
		if got := f.answer(e); got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.Body, `"instance":"JKJaXmPLvHcESHA="`) {
			t.Errorf("%+v: %d %s, want 401", authorizer, got.StatusCode, got.Body)
		}
	}
}

// The gateway decodes a path before it sends it, all but %25.
func TestPathsArriveDecoded(t *testing.T) {
	t.Parallel()
	f := newFunction(t)
	f.answer(event(t, "create"))
	id := string(booking.IDFor(booking.Caller{Issuer: issuer, Subject: subject}, key))
	for path, want := range map[string]int{
		"/v1/bookings/" + id:                            200,
		"/v1/bookings/" + id + "/events":                200,
		"/v1/bookings/" + strings.ToUpper(id):           404,
		"/v1/bookings/bk%255F" + id[3:]:                 404,
		"/v1/bookings/bk%5F" + id[3:]:                   404, // never sent by the gateway; not decoded twice
		"/v1/bookings/" + id + "?x":                     404,
		"/v1/bookings/" + id + " ":                      404,
		"/v1/bookings/ü":                                404,
		"/v1/bookings/\xff":                             404,
		"//v1/bookings/" + id:                           404,
		"/v1//bookings/" + id:                           404,
		"/v1/bookings/../bookings/" + id:                404,
		"/v1/bookings/./" + id:                          404,
		"/v1/bookings/" + id + "/":                      404,
		"/v1/bookings/..":                               404,
		"/..":                                           404,
		"":                                              404,
		"v1/bookings/" + id:                             404,
		"/v1/bookings/" + id + "/../" + id + "/events/": 404,
	} {
		e := event(t, "create")
		e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path, e.RawPath, e.Body = http.MethodGet, path, path, ""
		got := f.answer(e)
		if got.StatusCode != want {
			t.Errorf("%q → %d %s, want %d", path, got.StatusCode, got.Body, want)
		}
		if want == 404 && got.Headers["Content-Type"] != "application/problem+json" {
			t.Errorf("%q → %v %s, want a problem", path, got.Headers, got.Body)
		}
	}
}

// What comes as traceparent is stored and sent on, so it must be one.
func TestOnlyATraceContextIsKept(t *testing.T) {
	t.Parallel()
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, test := range map[string]struct {
		header, value string
		kept          bool
	}{
		"a trace context":    {"traceparent", good, true},
		"in capitals":        {"Traceparent", good, true},
		"a card number":      {"traceparent", "4242424242424242", false},
		"another version":    {"traceparent", "01" + good[2:], false},
		"something appended": {"traceparent", good + "-x", false},
		"capital digits":     {"traceparent", strings.ToUpper(good), false},
		"two of them":        {"traceparent", good + "," + good, false},
		"a line break":       {"traceparent", good + "\n", false},
		"nothing":            {"traceparent", "", false},
		"another header":     {"traceparent2", good, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t)
			e := event(t, "create")
			delete(e.Headers, "traceparent")
			e.Headers[test.header] = test.value
			f.answer(e)
			h, err := f.log.Load(t.Context(), booking.IDFor(booking.Caller{Issuer: issuer, Subject: subject}, key).Stream())
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if test.kept {
				want = good
			}
			if got := h.Commits()[0].Trace.Traceparent; got != want {
				t.Errorf("%q was stored, want %q", got, want)
			}
		})
	}
}

// When time is up, the answer says so, in the margin that was kept for it.
func TestWithoutTimeLeftTheFunctionStillAnswers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	got, err := lambdahttp.Handler(newFunction(t).api, nil)(ctx, event(t, "create"))
	if err != nil || got.StatusCode != http.StatusServiceUnavailable || got.Headers["Retry-After"] != "1" {
		t.Errorf("%d %v %s (%v), want 503", got.StatusCode, got.Headers, got.Body, err)
	}
}

// An event that no HTTP request can be made of is an error of the invocation.
func TestAnEventWithoutAMethodIsAnError(t *testing.T) {
	t.Parallel()
	e := event(t, "health")
	e.RequestContext.HTTP.Method = "NO METHOD"
	if _, err := lambdahttp.Handler(http.NotFoundHandler(), nil)(t.Context(), e); err == nil || !strings.Contains(err.Error(), "JKJcXmPLvHcESHA=") {
		t.Errorf("error %v, want one that names the request", err)
	}
}
