package lambdahttp

import (
	"context"
	"fmt"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// Tokens verifies access tokens that nothing in front of the function has verified. It
// is safe for concurrent use.
type Tokens interface {
	// Verify returns a token's claims in the form of the gateway's: numbers and lists
	// as text. The error is httpapi.ErrTokenRejected if the token is at fault.
	Verify(ctx context.Context, token string) (map[string]string, error)
}

// admitted returns whom the gateway's authorizer let in; nil if it is nobody.
func admitted(a *Authorizer) *httpapi.Caller {
	if a == nil || a.JWT == nil {
		return nil
	}
	return caller(a.JWT.Claims)
}

// identify returns how to find out who sent the event, or nil where an authorizer has
// decided that, whatever it found: its word is never put aside for the header's.
func identify(e Event, tokens Tokens) func(context.Context) (*httpapi.Caller, error) {
	if tokens == nil || e.RequestContext.Authorizer.decided() {
		return nil
	}
	token, ok := bearer(e.header("authorization"))
	if !ok {
		return nil // nobody is calling, and there is nothing to verify
	}
	return func(ctx context.Context) (*httpapi.Caller, error) {
		if strings.Contains(token, ",") { // which no token has, but two lines that were joined
			return nil, &booking.Rejection{Code: httpapi.CodeMalformed, Detail: "The Authorization header must be given once."}
		}
		claims, err := tokens.Verify(ctx, token)
		if err != nil {
			return nil, err
		}
		if c := caller(claims); c != nil {
			return c, nil
		}
		return nil, fmt.Errorf("%w: it is no access token of a subject", httpapi.ErrTokenRejected)
	}
}

// bearer returns the token of an Authorization header (RFC 6750).
func bearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// scopePrefix is what Cognito puts before the scopes of the stack's resource server:
// hailstone/dispatch. Other issuers may give dispatch alone.
const scopePrefix = "hailstone/"

// caller reads the claims of a verified access token; nil if they name nobody. An ID
// token, which Cognito signs with the same keys, is not accepted.
func caller(claims map[string]string) *httpapi.Caller {
	if use, ok := claims["token_use"]; ok && use != "access" {
		return nil
	}
	if claims["sub"] == "" || claims["iss"] == "" {
		return nil
	}
	// The gateway turns a claim that is a list into text such as [dispatch ops].
	roles := strings.Fields(strings.Trim(claims["cognito:groups"], "[]"))
	for _, scope := range strings.Fields(claims["scope"]) {
		roles = append(roles, strings.TrimPrefix(scope, scopePrefix))
	}
	return &httpapi.Caller{
		Caller: booking.Caller{Issuer: claims["iss"], Subject: claims["sub"]},
		Roles:  roles,
	}
}
