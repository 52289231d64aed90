package httpapi

import (
	"net/http"
	"regexp"
	"strings"
)

// Headers arrive as API Gateway makes them (payload format 2.0): repeated lines are one
// value, joined with a comma and no space ("Duplicate headers are combined with commas",
// AWS, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway"). So a header
// that has one value by its definition must have no comma in it: two lines and one cannot
// be told apart. A proxy that repeats a header on a retry would otherwise make a second
// booking out of one intent.
//
//   - Idempotency-Key: 400 with a comma outside of a quoted string.
//   - Content-Type: 400, see declaredJSON.
//   - Authorization: the gateway's authorizer decides; where it did not run, see lambdahttp.
//   - traceparent: ignored, as W3C Trace Context asks for (lambdahttp).
//   - If-Match, If-None-Match, Content-Encoding are lists, and Stripe-Signature is a list
//     of its own form: they are read as lists.

// lines returns the value of a header whose lines are joined as the gateway joins them.
func lines(r *http.Request, name string) string { return strings.Join(r.Header.Values(name), ",") }

// An idempotency key comes as it is, without a comma, or as a quoted string (RFC 8941).
var (
	rawKey    = regexp.MustCompile(`^[\x21\x23-\x2b\x2d-\x7e][\x21-\x2b\x2d-\x7e]*$`)
	quotedKey = regexp.MustCompile(`^"(?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])+"$`)
	unescape  = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
)

// longestKey bounds keys. A bound in the pattern is compiled into as many states, and
// every cold start would wait for that.
const longestKey = 255

// idempotencyKey returns the key of a write: 1 to 255 visible ASCII characters, commas
// only within a quoted string. Quoted or not, it is the same key.
func idempotencyKey(r *http.Request) (string, error) {
	key := lines(r, "Idempotency-Key")
	switch {
	case key == "":
		return "", problem(CodeMissingKey, "A write needs an Idempotency-Key header. Use a fresh one for each new request, and the same for a repeat.")
	case quotedKey.MatchString(key):
		key = unescape.Replace(key[1 : len(key)-1])
	case !rawKey.MatchString(key):
		key = ""
	}
	if key == "" || len(key) > longestKey {
		return "", problem(CodeMalformed, "The Idempotency-Key must be one key of 1 to 255 visible ASCII characters, without a comma or as a quoted string.")
	}
	return key, nil
}
