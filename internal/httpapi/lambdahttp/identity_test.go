package lambdahttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/lambdahttp"
)

// issued are the tokens that an issuer made, by their text, with their claims.
type issued map[string]map[string]string

var errAway = errors.New("the issuer is away")

// Verify implements lambdahttp.Tokens.
func (i issued) Verify(_ context.Context, token string) (map[string]string, error) {
	if token == "away" {
		return nil, errAway
	}
	if claims, ok := i[token]; ok {
		return claims, nil
	}
	return nil, fmt.Errorf("%w: it was made up", httpapi.ErrTokenRejected)
}

var tokens = issued{
	"alice":    {"iss": issuer, "sub": subject, "token_use": "access"},
	"namesake": {"iss": "https://other.example", "sub": subject, "token_use": "access"},
	"bob":      {"iss": issuer, "sub": "bob", "token_use": "access"},
	"dispatch": {"iss": issuer, "sub": "dora", "token_use": "access", "cognito:groups": "[dispatch]"},
	"identity": {"iss": issuer, "sub": subject, "token_use": "id"},
	"nobody":   {"iss": issuer, "token_use": "access"},
}

// Where no authorizer ran, as under `sam local`, the token itself tells who is calling.
func TestATokenThatNobodyLookedAtIsVerified(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header string
		want   int
	}{
		"the rider's":               {"Bearer alice", 200},
		"in small letters":          {"bearer alice", 200},
		"another rider's":           {"Bearer bob", 404},
		"a namesake's":              {"Bearer namesake", 404},
		"a dispatcher's":            {"Bearer dispatch", 200},
		"an identity token":         {"Bearer identity", 401},
		"a token without a subject": {"Bearer nobody", 401},
		"a token made up":           {"Bearer eve", 401},
		"no scheme":                 {"alice", 401},
		"another scheme":            {"Basic alice", 401},
		"no token":                  {"Bearer ", 401},
		"nothing":                   {"", 401},
		"an issuer that is away":    {"Bearer away", 503},
		"two lines, joined":         {"Bearer alice,Bearer alice", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t)
			f.tokens = tokens
			f.answer(event(t, "create")) // by alice, as the gateway says
			got := f.answer(unverified(t, test.header))
			if got.StatusCode != test.want {
				t.Errorf("%d %s, want %d", got.StatusCode, got.Body, test.want)
			}
			if test.want == 401 && got.Headers["Www-Authenticate"] != "Bearer" {
				t.Errorf("headers %v, want a challenge", got.Headers)
			}
			if token := strings.TrimPrefix(test.header, "Bearer "); len(token) > 1 && strings.Contains(f.logged.String(), "="+token) {
				t.Errorf("the log tells the token: %s", f.logged.String())
			}
		})
	}
}

// What the gateway says stands, and its silence too, whatever the header has.
func TestTheGatewaysWordIsNotPutAside(t *testing.T) {
	t.Parallel()
	type jwt = lambdahttp.JWT
	type authorizer = lambdahttp.Authorizer
	for name, test := range map[string]struct {
		said authorizer
		want int
	}{
		"another caller":     {authorizer{JWT: &jwt{Claims: tokens["bob"]}}, 404},
		"an identity token":  {authorizer{JWT: &jwt{Claims: tokens["identity"]}}, 401},
		"no claims":          {authorizer{JWT: &jwt{}}, 401},
		"another authorizer": {authorizer{Lambda: json.RawMessage(`{"allowed":true}`)}, 401},
		"a signed request":   {authorizer{IAM: json.RawMessage(`{"accountId":"1234567890"}`)}, 401},
		"nothing":            {authorizer{}, 200}, // which is no authorizer
		"empty others":       {authorizer{Lambda: json.RawMessage(`null`), IAM: json.RawMessage(`null`)}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t)
			f.tokens = tokens
			f.answer(event(t, "create"))
			e := unverified(t, "Bearer alice")
			e.RequestContext.Authorizer = &test.said
			if got := f.answer(e); got.StatusCode != test.want {
				t.Errorf("%d %s, want %d", got.StatusCode, got.Body, test.want)
			}
		})
	}
}

// Open routes answer whoever asks: no token is looked at, nor the issuer asked.
func TestOpenRoutesLookAtNoToken(t *testing.T) {
	t.Parallel()
	f := newFunction(t)
	f.tokens = tokens
	e := event(t, "health")
	e.Headers = map[string]string{"authorization": "Bearer away"}
	if got := f.answer(e); got.StatusCode != http.StatusOK {
		t.Errorf("%d %s, want 200", got.StatusCode, got.Body)
	}
}

// unverified is the reading of alice's booking with a header, as it comes without an authorizer.
func unverified(t *testing.T, header string) lambdahttp.Event {
	t.Helper()
	e := event(t, "read")
	e.RequestContext.Authorizer = nil
	e.RequestContext.HTTP.Path = "/prod/v1/bookings/" + string(booking.IDFor(booking.Caller{Issuer: issuer, Subject: subject}, key))
	e.RawQueryString, e.Headers = "", map[string]string{"Authorization": header}
	return e
}
