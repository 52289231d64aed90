package lambdahttp_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
)

// What API Gateway makes of requests, by AWS's documentation and by what others captured of
// the real one. The events of testdata/gateway are written after these:
const (
	// Repeated lines: "Duplicate headers are combined with commas", without a space in the
	// example ("value1,value2"); repeated parameters and cookies; "rawPath won't provide the
	// API mapping value".
	awsFormat = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"
	// That the joined line comes from two equal lines: a maintainer's example with curl.
	awsJoined = "https://github.com/awsdocs/amazon-api-gateway-developer-guide/pull/84"
	// The name of the stage in rawPath, and in place of a mapping's key.
	stageInPath   = "https://github.com/logandk/serverless-wsgi/issues/191"
	stageForKey   = "https://github.com/CodeGenieApp/serverless-express/issues/465"
	keyInPath     = "https://github.com/KensioSoftware/yulin/pull/1037"
	claimTypes    = "https://github.com/aws/aws-lambda-go/issues/294"
	claimLists    = "https://github.com/aws/aws-lambda-go/issues/591"
	encodedBodies = "https://github.com/ministackorg/ministack/pull/766" // measured on AWS: only text/* and three application types are text
	queryAsSent   = "https://github.com/aws/aws-lambda-dotnet/pull/1901" // rawQueryString stays encoded
)

// Each event gets the answer that its request should have, from the bytes that Lambda hands
// to the booking function on. A booking of the caller's is there before.
func TestEventsAsTheGatewayMakesThem(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source string
		status int
		body   string // a part of it
		log    int    // commits of the booking afterwards
	}{
		"key-twice":            {awsJoined, 400, "malformed-request", 1},
		"content-type-twice":   {awsFormat, 400, "malformed-request", 1},
		"traceparent-twice":    {awsFormat, 201, `"state":"requested"`, 1},
		"if-match-twice":       {awsFormat, 200, `"state":"canceled"`, 2},
		"stage":                {stageInPath, 200, `"state":"requested"`, 1},
		"mapping-key":          {keyInPath, 200, `"state":"requested"`, 1},
		"mapping-key-as-stage": {stageForKey, 200, `"state":"requested"`, 1},
		"mapping-key-left-out": {awsFormat, 200, `"state":"requested"`, 1},
		"claims-of-all-types":  {claimTypes, 200, `"state":"requested"`, 1},
		"claims-list":          {claimTypes, 200, `"items"`, 1},
		"claims-flattened":     {claimLists, 200, `"items"`, 1},
		"base64-json":          {awsFormat, 201, `"state":"requested"`, 1},
		"base64-no-type":       {encodedBodies, 415, "unsupported-media-type", 1},
		"base64-form":          {encodedBodies, 415, "unsupported-media-type", 1},
		"base64-gzip":          {encodedBodies, 415, "must not be compressed", 1},
		"no-body":              {awsFormat, 409, "invalid-state", 1},
		"cookies":              {awsFormat, 200, `"state":"requested"`, 1},
		"query-twice":          {awsFormat, 400, "limit is given more than once", 1},
		"query-encoded":        {queryAsSent, 200, `"items"`, 1},
		"query-plus":           {queryAsSent, 400, "malformed-request", 1},
		"replaced-text":        {encodedBodies, 400, "U+FFFD", 1},
		"head":                 {awsFormat, 200, "", 1},
	}
	for _, file := range files(t) {
		if _, ok := tests[file]; !ok {
			t.Errorf("%s.json is not in the table", file)
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t)
			f.answer(event(t, "create"))
			got := f.invoke(filepath.Join("gateway", name))
			if got.StatusCode != test.status || !strings.Contains(got.Body, test.body) || test.body == "" && got.Body != "" {
				t.Errorf("%d %s, want %d with %q (see %s)", got.StatusCode, got.Body, test.status, test.body, test.source)
			}
			h, err := f.log.Load(t.Context(), booking.IDFor(booking.Caller{Issuer: issuer, Subject: subject}, key).Stream())
			if err != nil || len(h.Commits()) != test.log {
				t.Errorf("the booking has %d commits (%v), want %d", len(h.Commits()), err, test.log)
			}
		})
	}
}

func files(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "gateway", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	return paths
}

// invoke hands an event of testdata to the function as Lambda does: as bytes.
func (f *function) invoke(name string) lambdaevents.APIGatewayV2HTTPResponse {
	f.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		f.Fatal(err)
	}
	answer, err := lambda.NewHandler(lambdahttp.Handler(f.api, f.tokens)).Invoke(f.Context(), payload)
	if err != nil {
		f.Fatal(err)
	}
	var got lambdaevents.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answer, &got); err != nil {
		f.Fatal(err)
	}
	return got
}

// A command is the same command under every path that leads to it, so that a client that
// repeats it after a domain was mapped does not send it twice.
func TestACommandIsTheSameUnderAMappingKey(t *testing.T) {
	t.Parallel()
	f := newFunction(t)
	f.answer(event(t, "create"))
	e := event(t, filepath.Join("gateway", "if-match-twice"))
	first := f.answer(e)
	e.RawPath = "/rides" + e.RawPath
	e.RequestContext.HTTP.Path = e.RawPath
	if again := f.answer(e); again.StatusCode != first.StatusCode || again.Headers["Idempotency-Replayed"] != "true" {
		t.Errorf("%d %v %s, want the replay", again.StatusCode, again.Headers, again.Body)
	}
}

func TestWhatPrecedesTheRouteIsNotPartOfIt(t *testing.T) {
	t.Parallel()
	const one, list = "GET /v1/bookings/{id}", "GET /v1/bookings"
	for _, test := range []struct{ route, path, want string }{
		{one, "/v1/bookings/bk_1", "/v1/bookings/bk_1"},
		{one, "/a/v1/bookings/bk_1", "/v1/bookings/bk_1"},
		{one, "/a/b/c/v1/bookings/bk_1", "/v1/bookings/bk_1"},
		{one, "/v1/v1/bookings/bk_1", "/v1/bookings/bk_1"},
		{list, "/v1/bookings", "/v1/bookings"},
		{list, "/bookings/v1/bookings", "/v1/bookings"},
		{"GET /health", "/rides/health", "/health"},
		// What the route does not describe stays as it is, and is not found.
		{one, "/bookings/bk_1", "/bookings/bk_1"},
		{one, "/v1/bookings/bk_1/events", "/v1/bookings/bk_1/events"},
		{one, "/a//v1/bookings/bk_1", "/a//v1/bookings/bk_1"},
		{one, "//v1/bookings/bk_1", "//v1/bookings/bk_1"},
		{one, "/../v1/bookings/bk_1", "/../v1/bookings/bk_1"},
		{one, "a/v1/bookings/bk_1", "a/v1/bookings/bk_1"},
		{one, "", "/health"}, // the raw path of the event
		{"$default", "/a/v1/bookings", "/a/v1/bookings"},
		{"", "/a/v1/bookings", "/a/v1/bookings"},
	} {
		e := event(t, "health")
		e.RouteKey, e.RequestContext.HTTP.Path = test.route, test.path
		if got := see(t, e).Path; got != test.want {
			t.Errorf("%s of %q: %s, want %s", test.path, test.route, got, test.want)
		}
	}
}

// A token's role is read from whatever form its claims come in, and from nothing else.
func TestClaimsAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	for claims, want := range map[string]int{
		`{"iss":"i","sub":"dora","cognito:groups":"[dispatch]"}`:                http.StatusOK,
		`{"iss":"i","sub":"dora","cognito:groups":["dispatch"]}`:                http.StatusOK,
		`{"iss":"i","sub":"dora","cognito:groups":["night","dispatch",7,null]}`: http.StatusOK,
		`{"iss":"i","sub":42,"cognito:groups":["dispatch"]}`:                    http.StatusOK,
		`{"iss":"i","sub":"dora","scope":["ops","dispatch"]}`:                   http.StatusForbidden, // a scope is text
		`{"iss":"i","sub":"dora","cognito:groups":["night dispatch"]}`:          http.StatusForbidden, // one group
		`{"iss":"i","sub":"dora","cognito:groups":{"dispatch":true}}`:           http.StatusForbidden,
		`{"iss":"i","sub":"dora","cognito:groups":null}`:                        http.StatusForbidden,
		`{"iss":"i","sub":"dora","cognito:groups":["dispatch"],"token_use":1}`:  http.StatusUnauthorized,
		`{"iss":"i","sub":null,"cognito:groups":["dispatch"]}`:                  http.StatusUnauthorized,
		`"dispatch"`: http.StatusUnauthorized,
		`null`:       http.StatusUnauthorized,
		`[]`:         http.StatusUnauthorized,
	} {
		f := newFunction(t)
		e := event(t, filepath.Join("gateway", "claims-list"))
		if err := json.Unmarshal([]byte(`{"jwt":{"claims":`+claims+`}}`), e.RequestContext.Authorizer); err != nil {
			t.Errorf("%s: %v", claims, err)
			continue
		}
		if got := f.answer(e); got.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", claims, got.StatusCode, got.Body, want)
		}
	}
}
