package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func scope() Scope {
	return Scope{
		Refs: map[string]string{
			"AWS::Region": "eu-west-1", "AWS::Partition": "aws", "Stage": "local",
			"Pool": "pool-1", "Client": "client-1", "Issuer": "",
		},
		Attributes: map[string]string{"Function.Arn": "arn:aws:lambda:eu-west-1:1:function:f", "Pool.ProviderName": "idp/pool-1"},
		Conditions: map[string]any{
			"OwnPool": map[string]any{"Fn::Equals": []any{map[string]any{"Ref": "Issuer"}, ""}},
			"IsLocal": map[string]any{"Fn::Equals": []any{map[string]any{"Ref": "Stage"}, "local"}},
			"Both":    map[string]any{"Fn::And": []any{map[string]any{"Condition": "OwnPool"}, map[string]any{"Condition": "IsLocal"}}},
			"NotBoth": map[string]any{"Fn::Not": []any{map[string]any{"Condition": "Both"}}},
			"Either":  map[string]any{"Fn::Or": []any{map[string]any{"Condition": "NotBoth"}, map[string]any{"Condition": "IsLocal"}}},
		},
	}
}

func TestIntrinsics(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, want string }{
		{"plain", `{"a": [1, "x", null, true]}`, `{"a": [1, "x", null, true]}`},
		{"object of one member", `{"a": "b"}`, `{"a": "b"}`},
		{"ref", `{"x": {"Ref": "Pool"}}`, `{"x": "pool-1"}`},
		{"pseudo parameter", `{"Ref": "AWS::Region"}`, `"eu-west-1"`},
		{"attribute as list", `{"Fn::GetAtt": ["Function", "Arn"]}`, `"arn:aws:lambda:eu-west-1:1:function:f"`},
		{"attribute as string", `{"Fn::GetAtt": "Function.Arn"}`, `"arn:aws:lambda:eu-west-1:1:function:f"`},
		{"substitution", `{"Fn::Sub": "https://${Pool.ProviderName}/${AWS::Region}/${!kept}"}`, `"https://idp/pool-1/eu-west-1/${kept}"`},
		{"substitution with names", `{"Fn::Sub": ["${a}-${Stage}", {"a": {"Ref": "Pool"}}]}`, `"pool-1-local"`},
		{"join", `{"Fn::Join": ["/", ["a", {"Ref": "Stage"}]]}`, `"a/local"`},
		{"if", `{"Fn::If": ["OwnPool", {"Ref": "Client"}, {"Ref": "Nothing"}]}`, `"client-1"`},
		{"if not", `{"Fn::If": ["NotBoth", {"Ref": "Nothing"}, ["x"]]}`, `["x"]`},
		{"no value", `{"a": [1, {"Fn::If": ["OwnPool", {"Ref": "AWS::NoValue"}, 2]}], "b": {"Ref": "AWS::NoValue"}}`, `{"a": [1]}`},
		{"if either", `{"Fn::If": ["Either", 1, 2]}`, `1`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := scope().resolve(parse(t, test.value))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parse(t, test.want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestIntrinsicsThatReferToNothing(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"Ref": "Nothing"}`:                   "no Nothing",
		`{"Fn::GetAtt": ["Pool", "Arn"]}`:      "no attribute Pool.Arn",
		`{"Fn::Sub": "${Nothing}"}`:            "no Nothing",
		`{"Fn::If": ["Nothing", 1, 2]}`:        "no condition Nothing",
		`{"Fn::If": ["OwnPool"]}`:              "want condition",
		`{"Fn::ImportValue": "x"}`:             "want a list",
		`{"Fn::Select": [0, ["a"]]}`:           "not supported",
		`{"Fn::Join": ["/", "a"]}`:             "want a list",
		`{"a": {"b": [{"Ref": "Nothing"}]}}`:   "no Nothing",
		`{"Fn::Sub": ["${a}", "not a table"]}`: "want an object",
	} {
		if got, err := scope().resolve(parse(t, value)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want an error with %q", value, got, err, want)
		}
	}
}

// body is an OpenAPI document as the SAM transform makes it.
const body = `{
	"openapi": "3.0.1",
	"info": {"title": {"Ref": "AWS::Region"}},
	"paths": {
		"/health": {"get": {
			"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0",
				"uri": {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"}},
			"security": [{"NONE": []}]}},
		"/v1/things/{id}": {
			"parameters": [{"name": "id"}],
			"post": {
				"x-amazon-apigateway-integration": {"type": "aws_proxy", "payloadFormatVersion": "2.0", "timeoutInMillis": 5000,
					"uri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:1:function:g/invocations"},
				"security": [{"Token": ["things/write"]}]}}
	},
	"components": {"securitySchemes": {"Token": {"type": "oauth2", "x-amazon-apigateway-authorizer": {
		"type": "jwt", "identitySource": "$request.header.Authorization",
		"jwtConfiguration": {"audience": [{"Ref": "Client"}], "issuer": {"Fn::Sub": "https://${Pool.ProviderName}"}}}}}}
}`

func wantedAPI() API {
	return API{
		Authorizers: []Authorizer{{
			Name: "Token", IdentitySource: "$request.header.Authorization",
			Issuer: "https://idp/pool-1", Audience: []string{"client-1"},
		}},
		Routes: []Route{
			{Key: "GET /health", Integration: Integration{FunctionARN: "arn:aws:lambda:eu-west-1:1:function:f", PayloadFormatVersion: "2.0"}},
			{
				Key: "POST /v1/things/{id}", Authorizer: "Token", Scopes: []string{"things/write"},
				Integration: Integration{FunctionARN: "arn:aws:lambda:eu-west-1:1:function:g", PayloadFormatVersion: "2.0", TimeoutMillis: 5000},
			},
		},
	}
}

func TestParseAPI(t *testing.T) {
	t.Parallel()
	got, err := ParseAPI(parse(t, body), scope())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantedAPI(), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A route that is understood wrongly might be left open: what is not understood fails.
func TestParseAPIRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, change := range []struct{ name, old, new, want string }{
		{"undeclared scheme", `"Token": ["things/write"]`, `"Other": []`, "Other is not declared"},
		{"two schemes", `[{"NONE": []}]`, `[{"Token": []}, {"Token": []}]`, "two security schemes"},
		{"other authorizer", `"type": "jwt"`, `"type": "request"`, `"request" is not supported`},
		{"other integration", `"type": "aws_proxy", "httpMethod"`, `"type": "http_proxy", "httpMethod"`, "want an integration"},
		{"no function", `functions/arn:aws:lambda:eu-west-1:1:function:g/`, `functions/g/`, "names no function"},
	} {
		t.Run(change.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(body, change.old, change.new, 1)
			if got, err := ParseAPI(parse(t, changed), scope()); err == nil || !strings.Contains(err.Error(), change.want) {
				t.Errorf("got %+v, %v, want an error with %q", got, err, change.want)
			}
		})
	}
}

func TestSecurityOfTheWholeDocumentApplies(t *testing.T) {
	t.Parallel()
	changed := strings.Replace(body, `,
			"security": [{"NONE": []}]`, "", 1)
	changed = strings.Replace(changed, `"openapi": "3.0.1",`, `"openapi": "3.0.1", "security": [{"Token": []}],`, 1)
	got, err := ParseAPI(parse(t, changed), scope())
	if err != nil {
		t.Fatal(err)
	}
	if got.Routes[0].Authorizer != "Token" {
		t.Errorf("%s is open", got.Routes[0].Key)
	}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
