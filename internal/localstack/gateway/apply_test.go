package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/google/go-cmp/cmp"
)

// fakeGateway keeps the parts of one API as API Gateway's REST interface does.
type fakeGateway struct {
	mu     sync.Mutex
	last   int
	parts  map[string]map[string]map[string]any // kind, id, members
	idName map[string]string
}

func newFakeGateway(t *testing.T) (*fakeGateway, *apigatewayv2.Client) {
	t.Helper()
	fake := &fakeGateway{
		parts:  map[string]map[string]map[string]any{"authorizers": {}, "integrations": {}, "routes": {}},
		idName: map[string]string{"authorizers": "authorizerId", "integrations": "integrationId", "routes": "routeId"},
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, apigatewayv2.New(apigatewayv2.Options{
		BaseEndpoint: &server.URL, Region: "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
}

// ServeHTTP answers /v2/apis/<api>/<kind>[/<id>].
func (f *fakeGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	kind, id := path[3], ""
	if len(path) > 4 {
		id = path[4]
	}
	var answer any
	switch r.Method {
	case http.MethodGet:
		answer = map[string]any{"items": slices.Collect(maps.Values(f.parts[kind]))}
	case http.MethodDelete:
		delete(f.parts[kind], id)
		w.WriteHeader(http.StatusNoContent)
		return
	default: // POST creates, PATCH updates
		if id == "" {
			f.last++
			id = fmt.Sprint("id", f.last)
			f.parts[kind][id] = map[string]any{f.idName[kind]: id}
		}
		part := f.parts[kind][id]
		if err := json.NewDecoder(r.Body).Decode(&part); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer = part
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the client notices
}

// routes tells for each route which function answers it and which authorizer guards it.
func (f *fakeGateway) routes() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	described := make(map[string]string)
	for _, route := range f.parts["routes"] {
		target := strings.TrimPrefix(route["target"].(string), "integrations/")
		authorizer := "open"
		if id, ok := route["authorizerId"].(string); ok && route["authorizationType"] == "JWT" {
			authorizer = f.parts["authorizers"][id]["name"].(string)
		}
		described[route["routeKey"].(string)] = fmt.Sprint(f.parts["integrations"][target]["integrationUri"], " ", authorizer)
	}
	return described
}

func TestApply(t *testing.T) {
	t.Parallel()
	fake, client := newFakeGateway(t)
	want := map[string]string{
		"GET /health":          "arn:aws:lambda:eu-west-1:1:function:f open",
		"POST /v1/things/{id}": "arn:aws:lambda:eu-west-1:1:function:g Token",
	}
	for range 2 { // again changes nothing
		if err := Apply(t.Context(), client, "api", wantedAPI()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, fake.routes()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	if n := len(fake.parts["authorizers"]); n != 1 {
		t.Errorf("%d authorizers, want 1", n)
	}
	if n := len(fake.parts["integrations"]); n != 2 {
		t.Errorf("%d integrations, want 2", n)
	}
}

func TestApplyFollowsChanges(t *testing.T) {
	t.Parallel()
	fake, client := newFakeGateway(t)
	if err := Apply(t.Context(), client, "api", wantedAPI()); err != nil {
		t.Fatal(err)
	}
	changed := wantedAPI()
	changed.Authorizers[0].Audience = []string{"client-2"}
	changed.Routes[1].Integration.FunctionARN = "arn:aws:lambda:eu-west-1:1:function:h"
	changed.Routes = changed.Routes[1:]
	if err := Apply(t.Context(), client, "api", changed); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"POST /v1/things/{id}": "arn:aws:lambda:eu-west-1:1:function:h Token"}
	if diff := cmp.Diff(want, fake.routes()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	authorizers, err := client.GetAuthorizers(t.Context(), &apigatewayv2.GetAuthorizersInput{ApiId: aws.String("api")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"client-2"}, authorizers.Items[0].JwtConfiguration.Audience); diff != "" {
		t.Errorf("audience (-want +got)\n%s", diff)
	}
}
