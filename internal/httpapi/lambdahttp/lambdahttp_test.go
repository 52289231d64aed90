package lambdahttp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
)

// event reads an event of testdata, as the gateway sends it.
func event(t *testing.T, name string) lambdahttp.Event {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var e lambdahttp.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// seen is what a handler sees of a request.
type seen struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// see passes an event through the adapter to a handler that looks at it.
func see(t *testing.T, e lambdahttp.Event) seen {
	t.Helper()
	var s seen
	handler := lambdahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s = seen{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header}
	}), nil)
	if _, err := handler(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnEventBecomesARequest(t *testing.T) {
	t.Parallel()
	want := map[string]seen{
		"create": {
			Method: "POST", Path: "/v1/bookings",
			Body: `{"pickup":{"lat":52.52,"lng":13.405},"dropoff":{"lat":52.5251,"lng":13.3694},"product":"standard","payment_method":"pm_card_visa"}`,
			Header: http.Header{
				"Accept": {"*/*"}, "Authorization": {"Bearer eyJ.e30.c2ln"}, "Content-Length": {"145"}, "Content-Type": {"application/json"},
				"Host": {"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"}, "Idempotency-Key": {"5f0c6c1e-8f2b-4a6d-9d0e-0d4b8b1c7a55"},
				"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, "User-Agent": {"curl/8.14.1"},
				"X-Amzn-Trace-Id": {"Root=1-6922d0f8-1b2c3d4e5f60718293a4b5c6"},
				"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Port": {"443"}, "X-Forwarded-Proto": {"https"},
			},
		},
		"read": { // the stage is gone, a repeated parameter is still one
			Method: "GET", Path: "/v1/bookings/bk_tqobsl3diqe7pte4j3im6thr2pa5ctui", Query: "min_version=1&min_version=2",
			Header: http.Header{
				"Accept": {"application/json,text/plain"}, "Authorization": {"Bearer eyJ.e30.c2ln"}, "Content-Length": {"0"},
				"Host": {"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"}, "If-None-Match": {`"1","4"`}, "X-Forwarded-For": {"203.0.113.7"},
			},
		},
		"health": {
			Method: "GET", Path: "/health",
			Header: http.Header{"Content-Length": {"0"}, "Host": {"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"}},
		},
	}
	for name, want := range want {
		if diff := cmp.Diff(want, see(t, event(t, name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestABodyMayComeEncoded(t *testing.T) {
	t.Parallel()
	e := event(t, "create")
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\x00\xff{}")), true
	if got := see(t, e).Body; got != "\x00\xff{}" {
		t.Errorf("the body is %q", got)
	}
	e.Body = "not base64!"
	if _, err := lambdahttp.Handler(http.NotFoundHandler(), nil)(t.Context(), e); err == nil {
		t.Error("a body that cannot be decoded was taken")
	}
}

// The stage is a part of the path, unless it is the default stage.
func TestTheStageIsNotPartOfTheRoute(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ stage, path, want string }{
		{"$default", "/health", "/health"},
		{"", "/health", "/health"},
		{"prod", "/prod/health", "/health"},
		{"prod", "/health", "/health"}, // behind a custom domain
		{"prod", "/prod", "/prod"},
		{"prod", "/production/health", "/production/health"},
		{"v1", "/v1/v1/bookings", "/v1/bookings"},
		{"prod", "/prod//health", "//health"},
	} {
		e := event(t, "health")
		e.RouteKey = "$default" // which says nothing of the path
		e.RequestContext.Stage, e.RequestContext.HTTP.Path, e.RawPath = test.stage, test.path, test.path
		if got := see(t, e).Path; got != test.want {
			t.Errorf("stage %s, path %s: %s, want %s", test.stage, test.path, got, test.want)
		}
	}
	e := event(t, "health")
	e.RequestContext.HTTP.Path = ""
	if got := see(t, e).Path; got != "/health" {
		t.Errorf("without a path in the context it is %q, want the raw path", got)
	}
}

func TestAResponseBecomesTheGateways(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    lambdaevents.APIGatewayV2HTTPResponse
	}{
		"all of it": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Add("Link", "<a>")
			w.Header().Add("Link", "<b>")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":`)
			_, _ = io.WriteString(w, `"ü"}`)
		}, lambdaevents.APIGatewayV2HTTPResponse{
			StatusCode: 201, Body: `{"id":"ü"}`, Headers: map[string]string{"Content-Type": "application/json", "Link": "<a>, <b>"},
		}},
		"no status": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "{}")
		}, lambdaevents.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "{}", Headers: map[string]string{}}},
		"nothing": {func(http.ResponseWriter, *http.Request) {}, lambdaevents.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{}}},
		"no body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"1"`)
			w.WriteHeader(http.StatusNotModified)
		}, lambdaevents.APIGatewayV2HTTPResponse{StatusCode: 304, Headers: map[string]string{"Etag": `"1"`}}},
		"what comes too late": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			w.Header().Set("Late", "1")
			w.WriteHeader(http.StatusTeapot)
		}, lambdaevents.APIGatewayV2HTTPResponse{StatusCode: 204, Headers: map[string]string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := lambdahttp.Handler(test.handler, nil)(t.Context(), event(t, "health"))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The handler's time ends before the invocation's, so that it can still answer.
func TestAMarginIsKeptBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	var got time.Time
	if _, err := lambdahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = r.Context().Deadline()
	}), nil)(ctx, event(t, "health")); err != nil {
		t.Fatal(err)
	}
	if want := deadline.Add(-500 * time.Millisecond); !got.Equal(want) {
		t.Errorf("the handler has until %s, want %s", got, want)
	}
}
