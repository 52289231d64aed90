package gateway

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// API is what an OpenAPI document of an HTTP API asks API Gateway for.
type API struct {
	Authorizers []Authorizer
	Routes      []Route
}

// Authorizer accepts requests with a JWT of one issuer for one of the audiences.
type Authorizer struct {
	Name           string
	IdentitySource string
	Issuer         string
	Audience       []string
}

// Route sends requests that match Key, such as "GET /v1/bookings/{id}", to a
// function. Authorizer is empty for a route that is open to all.
type Route struct {
	Key         string
	Integration Integration
	Authorizer  string
	Scopes      []string
}

// Integration is the function that answers, and how it is called.
type Integration struct {
	FunctionARN          string
	PayloadFormatVersion string
	TimeoutMillis        int32 // 0: the gateway's default
}

// document is the part of OpenAPI, with Amazon's extensions, that describes an HTTP API.
type document struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Security   []map[string][]string                 `json:"security"`
	Components struct {
		SecuritySchemes map[string]struct {
			Authorizer *struct {
				Type             string `json:"type"`
				IdentitySource   any    `json:"identitySource"` // a string or a list of one
				JWTConfiguration struct {
					Issuer   string   `json:"issuer"`
					Audience []string `json:"audience"`
				} `json:"jwtConfiguration"`
			} `json:"x-amazon-apigateway-authorizer"`
		} `json:"securitySchemes"`
	} `json:"components"`
}

type operation struct {
	Security    []map[string][]string `json:"security"`
	Integration *struct {
		Type                 string `json:"type"`
		URI                  string `json:"uri"`
		PayloadFormatVersion string `json:"payloadFormatVersion"`
		TimeoutInMillis      int32  `json:"timeoutInMillis"`
	} `json:"x-amazon-apigateway-integration"`
}

// methods are the keys of a path that are operations.
var methods = map[string]string{
	"get": "GET", "put": "PUT", "post": "POST", "delete": "DELETE", "patch": "PATCH",
	"head": "HEAD", "options": "OPTIONS", "x-amazon-apigateway-any-method": "ANY",
}

// ParseAPI reads the Body of an AWS::ApiGatewayV2::Api with its references resolved
// in scope.
func ParseAPI(body any, scope Scope) (API, error) {
	resolved, err := scope.resolve(body)
	if err != nil {
		return API{}, err
	}
	text, err := json.Marshal(resolved)
	if err != nil {
		return API{}, err
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return API{}, fmt.Errorf("read OpenAPI document: %w", err)
	}
	authorizers, err := doc.authorizers()
	if err != nil {
		return API{}, err
	}
	api := API{Authorizers: authorizers}
	for path, item := range doc.Paths {
		for key, raw := range item {
			method, ok := methods[key]
			if !ok {
				continue // parameters and the like
			}
			route, err := doc.route(routeKey(method, path), raw)
			if err != nil {
				return API{}, fmt.Errorf("%s %s: %w", method, path, err)
			}
			api.Routes = append(api.Routes, route)
		}
	}
	slices.SortFunc(api.Routes, func(a, b Route) int { return cmp.Compare(a.Key, b.Key) })
	return api, nil
}

// routeKey spells the catch-all route as API Gateway does.
func routeKey(method, path string) string {
	if path == "/$default" {
		return "$default"
	}
	return method + " " + path
}

func (d document) authorizers() ([]Authorizer, error) {
	var found []Authorizer
	for name, scheme := range d.Components.SecuritySchemes {
		a := scheme.Authorizer
		if a == nil {
			continue
		}
		if a.Type != "jwt" {
			return nil, fmt.Errorf("authorizer %s: type %q is not supported", name, a.Type)
		}
		source, ok := a.IdentitySource.(string)
		if !ok {
			return nil, fmt.Errorf("authorizer %s: identity source %v is not supported", name, a.IdentitySource)
		}
		found = append(found, Authorizer{
			Name:           name,
			IdentitySource: source,
			Issuer:         a.JWTConfiguration.Issuer,
			Audience:       a.JWTConfiguration.Audience,
		})
	}
	slices.SortFunc(found, func(a, b Authorizer) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

func (d document) route(key string, raw json.RawMessage) (Route, error) {
	var op operation
	if err := json.Unmarshal(raw, &op); err != nil {
		return Route{}, err
	}
	if op.Integration == nil || !strings.EqualFold(op.Integration.Type, "aws_proxy") {
		return Route{}, fmt.Errorf("want an integration of type aws_proxy, got %+v", op.Integration)
	}
	function, err := functionOf(op.Integration.URI)
	if err != nil {
		return Route{}, err
	}
	route := Route{Key: key, Integration: Integration{
		FunctionARN:          function,
		PayloadFormatVersion: op.Integration.PayloadFormatVersion,
		TimeoutMillis:        op.Integration.TimeoutInMillis,
	}}
	security := op.Security
	if security == nil {
		security = d.Security
	}
	return route, d.secure(&route, security)
}

// secure sets the authorizer of the route. SAM writes NONE, a scheme that is not
// declared, for a route that is open.
func (d document) secure(route *Route, security []map[string][]string) error {
	for _, requirement := range security {
		for name, scopes := range requirement {
			scheme, declared := d.Components.SecuritySchemes[name]
			switch {
			case name == "NONE" && !declared:
			case !declared || scheme.Authorizer == nil:
				return fmt.Errorf("security scheme %s is not declared", name)
			case route.Authorizer != "":
				return fmt.Errorf("two security schemes, %s and %s", route.Authorizer, name)
			default:
				route.Authorizer, route.Scopes = name, scopes
			}
		}
	}
	return nil
}

// functionOf returns the function's ARN inside an integration's URI,
// arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<function ARN>/invocations.
func functionOf(uri string) (string, error) {
	_, rest, ok := strings.Cut(uri, "/functions/")
	function, end, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || end != "invocations" || !strings.HasPrefix(function, "arn:") {
		return "", fmt.Errorf("integration uri %q names no function", uri)
	}
	return function, nil
}
