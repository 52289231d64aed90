package deploytest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// The gateway offers exactly the operations of the contract, and asks for a token exactly where the contract does.
func TestRoutesAreThoseOfTheContract(t *testing.T) {
	if diff := cmp.Diff(contractRoutes(t), deployedRoutes(t, load(t))); diff != "" {
		t.Errorf("template.yaml and openapi.yaml differ (-contract +template):\n%s", diff)
	}
}

func deployedRoutes(t *testing.T, tpl template) []string {
	t.Helper()
	var routes []string
	for _, function := range tpl.functions() {
		for _, e := range tpl.events(t, function) {
			if e.kind != "HttpApi" {
				continue
			}
			if got := name(e.properties["ApiId"]); got != "Api" {
				t.Errorf("%s.%s belongs to %s: without ApiId, SAM makes another API", function, e.name, got)
			}
			if got := e.properties["PayloadFormatVersion"]; got != "2.0" {
				t.Errorf("%s.%s: payload format %v, the handlers speak 2.0", function, e.name, got)
			}
			access := "token"
			if auth, ok := e.properties["Auth"].(map[string]any); ok && auth["Authorizer"] == "NONE" {
				access = "open"
			}
			routes = append(routes, strings.Join([]string{name(e.properties["Method"]), name(e.properties["Path"]), access}, " "))
		}
	}
	slices.Sort(routes)
	return routes
}

func contractRoutes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Security []any                           `yaml:"security"`
		Paths    map[string]map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &contract); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	methods := []string{"get", "put", "post", "delete", "patch", "head", "options"}
	var routes []string
	for path, item := range contract.Paths {
		for method, node := range item {
			if !slices.Contains(methods, method) {
				continue
			}
			var operation struct {
				Security *[]any `yaml:"security"`
			}
			if err := node.Decode(&operation); err != nil {
				t.Fatalf("openapi.yaml: %s %s: %v", method, path, err)
			}
			security := contract.Security
			if operation.Security != nil {
				security = *operation.Security
			}
			access := "token"
			if len(security) == 0 {
				access = "open"
			}
			routes = append(routes, strings.ToUpper(method)+" "+path+" "+access)
			if method == "get" { // the contract says of HEAD that it is answered wherever GET is
				routes = append(routes, "HEAD "+path+" "+access)
			}
		}
	}
	slices.Sort(routes)
	return routes
}

func TestTokensAreAskedForByDefault(t *testing.T) {
	auth := asMap(t, dig(t, load(t).properties(t, "Api", "AWS::Serverless::HttpApi"), "Auth"))
	authorizer := name(auth["DefaultAuthorizer"])
	jwt := asMap(t, dig(t, auth, "Authorizers", authorizer, "JwtConfiguration"))
	pool := map[string]any{"Fn::Sub": "https://${UserPool.ProviderName}"}
	want := map[string]any{
		"issuer": map[string]any{"Fn::If": []any{"CreateUserPool", pool, map[string]any{"Ref": "JwtIssuer"}}},
		"audience": []any{
			map[string]any{"Fn::If": []any{"CreateUserPool", map[string]any{"Ref": "UserPoolClient"}, map[string]any{"Ref": "JwtAudience"}}},
			map[string]any{"Fn::If": []any{"CreateMachine", map[string]any{"Ref": "DispatchMachineClient"}, map[string]any{"Ref": "AWS::NoValue"}}},
		},
	}
	if diff := cmp.Diff(want, jwt); diff != "" {
		t.Errorf("authorizer %s (-want +got):\n%s", authorizer, diff)
	}
}

// A machine signs in with a secret, for what dispatch may do and nothing else; there is none unless it is asked for.
func TestAMachineIsADispatcherAndNothingElse(t *testing.T) {
	const id = "DispatchMachineClient"
	if tpl := load(t).at(t, "prod"); tpl.resources[id] != nil {
		t.Error("there is a client with a secret by default")
	}
	if tpl := load(t).at(t, "prod", "DispatchMachine=true", "JwtIssuer=https://id.example.com"); tpl.resources[id] != nil {
		t.Error("there is a client without a pool")
	}
	properties := load(t).at(t, "prod", "DispatchMachine=true").properties(t, id, "AWS::Cognito::UserPoolClient")
	for key, want := range map[string]any{
		"GenerateSecret": true, "AllowedOAuthFlows": []any{"client_credentials"}, "AllowedOAuthScopes": []any{"hailstone/dispatch"},
	} {
		if diff := cmp.Diff(want, properties[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}
