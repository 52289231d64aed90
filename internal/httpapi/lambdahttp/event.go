package lambdahttp

import (
	"encoding/json"
	"slices"
	"strings"
)

// Event is what this package uses of the event of an API Gateway HTTP API (payload format
// 2.0). Of all else it takes no notice, so that no field that nothing here needs can fail
// a request by its type.
type Event struct {
	// RouteKey is the route that the gateway chose, such as GET /v1/bookings/{id}.
	RouteKey string `json:"routeKey"`
	// RawPath is the path, decoded but for %25. Before it may stand the name of the stage or
	// the key of an API mapping.
	RawPath string `json:"rawPath"`
	// RawQueryString is the query as the client encoded it. The decoded parameters of the
	// event join repeated ones with a comma, so they are not used.
	RawQueryString string `json:"rawQueryString"`
	// Headers have names in small letters. Repeated lines are joined with a comma; cookies
	// are not among them.
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	// IsBase64Encoded is set for every type that is not text or JSON, and for none at all.
	IsBase64Encoded bool    `json:"isBase64Encoded"`
	RequestContext  Context `json:"requestContext"`
}

// Context is what the gateway says of a request.
type Context struct {
	RequestID  string      `json:"requestId"`
	Stage      string      `json:"stage"`
	HTTP       HTTP        `json:"http"`
	Authorizer *Authorizer `json:"authorizer"`
}

// HTTP is the request line.
type HTTP struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

// Authorizer is what an authorizer of the gateway found. One that is not JWT only counts
// as present.
type Authorizer struct {
	JWT    *JWT            `json:"jwt"`
	IAM    json.RawMessage `json:"iam"`
	Lambda json.RawMessage `json:"lambda"`
}

// JWT holds the claims of an access token.
type JWT struct {
	Claims Claims `json:"claims"`
}

// Claims are the claims of a token as text. The gateway documents text: a list as [a b],
// numbers as digits. It has also sent JSON numbers, booleans and lists
// (github.com/aws/aws-lambda-go/issues/294), which become that text here.
type Claims map[string]string

// UnmarshalJSON implements json.Unmarshaler. Claims of any type can be read; a claim that
// is null is none.
func (c *Claims) UnmarshalJSON(raw []byte) error {
	var values map[string]json.RawMessage
	_ = json.Unmarshal(raw, &values) // where it is no object, there are no claims: nobody is calling
	*c = make(Claims, len(values))
	for name, value := range values {
		if text, ok := claimText(value); ok {
			(*c)[name] = text
		}
	}
	return nil
}

// claimText returns the text of a claim; ok is false for null. An item of a list that has
// a blank in it is left out: it would read as two.
func claimText(raw json.RawMessage) (text string, ok bool) {
	var items []json.RawMessage
	switch {
	case string(raw) == "null":
		return "", false
	case json.Unmarshal(raw, &text) == nil:
		return text, true
	case json.Unmarshal(raw, &items) == nil:
		texts := make([]string, 0, len(items))
		for _, item := range items {
			if text, ok := claimText(item); ok && !strings.ContainsAny(text, " \t\r\n") {
				texts = append(texts, text)
			}
		}
		return "[" + strings.Join(texts, " ") + "]", true
	default:
		return string(raw), true
	}
}

// decided says whether an authorizer of the gateway judged the request, whatever it found.
func (a *Authorizer) decided() bool {
	return a != nil && (a.JWT != nil || present(a.IAM) || present(a.Lambda))
}

// present says whether a field has something in it.
func present(raw json.RawMessage) bool {
	return !slices.Contains([]string{"", "null", "{}"}, string(raw))
}

// header returns a header by its name in small letters: the gateway writes all names so,
// emulators as they came.
func (e Event) header(name string) string {
	if value, ok := e.Headers[name]; ok {
		return value
	}
	for given, value := range e.Headers {
		if strings.EqualFold(given, name) {
			return value
		}
	}
	return ""
}

// path returns the path of the contract, without what the gateway puts before it: the
// stage, unless it is the default, and where a domain maps a key to the API, by AWS's
// documentation nothing, by public captures the key or the stage
// (github.com/CodeGenieApp/serverless-express/issues/465). The route that the gateway
// chose has no prefix, so what precedes it in the path is one.
func (e Event) path() string {
	path := e.RequestContext.HTTP.Path
	if path == "" {
		path = e.RawPath
	}
	if _, route, ok := strings.Cut(e.RouteKey, " "); ok {
		if rest, ok := below(path, route); ok {
			return rest
		}
	}
	if stage := e.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(path, "/"+stage+"/"); ok {
			return "/" + rest
		}
	}
	return path
}

// below returns the end of path that a route such as /v1/bookings/{id} describes; ok is
// false if none does, or if what precedes it is no name.
func below(path, route string) (rest string, ok bool) {
	segments, pattern := strings.Split(path, "/"), strings.Split(route, "/")
	at := len(segments) - len(pattern) + 1 // pattern begins with the empty segment before the first slash
	if at < 1 || segments[0] != "" {
		return "", false
	}
	for _, segment := range segments[1:at] {
		if slices.Contains([]string{"", ".", ".."}, segment) {
			return "", false
		}
	}
	for i, want := range pattern[1:] {
		if got := segments[at+i]; got != want && !strings.HasPrefix(want, "{") {
			return "", false
		}
	}
	return "/" + strings.Join(segments[at:], "/"), true
}
