package jwtverify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

const (
	// leeway is how far the issuer's clock and ours may be apart.
	leeway = 30 * time.Second
	// maxToken is the longest header that the gateway lets through.
	maxToken = 8 << 10
)

// rejected says why a token proves nothing, and repeats nothing of the token.
func rejected(why string) error { return fmt.Errorf("%w: %s", httpapi.ErrTokenRejected, why) }

// algorithms are those of the gateway's authorizers. Each needs a public key: a
// token that was signed with that key as a shared secret, or not at all, does not get so far.
func algorithms() []jwa.SignatureAlgorithm {
	return []jwa.SignatureAlgorithm{jwa.RS256(), jwa.RS384(), jwa.RS512()}
}

// Verifier verifies the access tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	issuer   string
	audience string
	now      func() time.Time
	keys     keySet
}

// New returns a verifier for tokens that the issuer made for the audience. The client
// should have a timeout; it is not used before the first token.
func New(issuer, audience string, client *http.Client, now func() time.Time) *Verifier {
	return &Verifier{issuer: issuer, audience: audience, now: now, keys: keySet{issuer: issuer, client: client, now: now}}
}

// Verify returns the claims of a token in the form that the gateway gives them: a list
// as text, such as [dispatch ops]. The error is httpapi.ErrTokenRejected if
// the token is at fault, and another one if the issuer's keys cannot be had.
func (v *Verifier) Verify(ctx context.Context, token string) (map[string]string, error) {
	alg, kid, err := header(token)
	if err != nil {
		return nil, err
	}
	key, err := v.keys.find(ctx, kid)
	if err != nil {
		return nil, err
	}
	payload, err := verifySignature(token, alg, key)
	if err != nil {
		return nil, err
	}
	claims, err := v.validate(payload)
	if err != nil {
		return nil, err
	}
	return asText(claims)
}

// header returns what a token says of its signature, before anything is believed.
func header(token string) (alg jwa.SignatureAlgorithm, kid string, err error) {
	if len(token) > maxToken {
		return alg, "", rejected("it is too long")
	}
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return alg, "", rejected("it is no signed JWT")
	}
	headers := message.Signatures()[0].ProtectedHeaders()
	alg, _ = headers.Algorithm()
	if !slices.Contains(algorithms(), alg) {
		return alg, "", rejected("its algorithm is not allowed")
	}
	kid, ok := headers.KeyID()
	if !ok || kid == "" {
		return alg, "", rejected("it names no key")
	}
	return alg, kid, nil
}

func verifySignature(token string, alg jwa.SignatureAlgorithm, key jwk.Key) ([]byte, error) {
	if use, ok := key.KeyUsage(); ok && use != string(jwk.ForSignature) {
		return nil, rejected("its key is not for signatures")
	}
	if meant, ok := key.Algorithm(); ok && meant.String() != alg.String() {
		return nil, rejected("its key is for another algorithm")
	}
	payload, err := jws.Verify([]byte(token), jws.WithKey(alg, key), jws.WithCompact(), jws.WithCritValidation(true))
	if err != nil {
		return nil, rejected("its signature is wrong")
	}
	return payload, nil
}

func (v *Verifier) validate(payload []byte) (jwt.Token, error) {
	claims, err := jwt.Parse(payload, jwt.WithVerify(false), jwt.WithValidate(false))
	if err != nil {
		return nil, rejected("its claims cannot be read")
	}
	err = jwt.Validate(claims, jwt.WithIssuer(v.issuer), jwt.WithRequiredClaim(jwt.ExpirationKey),
		jwt.WithClock(jwt.ClockFunc(v.now)), jwt.WithAcceptableSkew(leeway))
	switch {
	case errors.Is(err, jwt.TokenExpiredError()):
		return nil, rejected("it has expired")
	case errors.Is(err, jwt.InvalidIssuerError()):
		return nil, rejected("it is another issuer's")
	case err != nil:
		return nil, rejected("it is not valid at this time")
	case !v.isFor(claims):
		return nil, rejected("it is for another audience")
	}
	return claims, nil
}

// isFor looks at the audience, and at the client's id where there is none, as in
// Cognito's access tokens.
func (v *Verifier) isFor(claims jwt.Token) bool {
	if audience, ok := claims.Audience(); ok {
		return slices.Contains(audience, v.audience)
	}
	var client string
	return claims.Get("client_id", &client) == nil && client == v.audience
}

func asText(claims jwt.Token) (map[string]string, error) {
	text := make(map[string]string)
	for _, name := range claims.Keys() {
		var value any
		if err := claims.Get(name, &value); err != nil {
			return nil, rejected("its claims cannot be read")
		}
		switch value := value.(type) {
		case string:
			text[name] = value
		case []any:
			text[name] = list(value)
		default:
			text[name] = fmt.Sprint(value)
		}
	}
	return text, nil
}

func list(values []any) string {
	items := make([]string, len(values))
	for i, value := range values {
		items[i] = fmt.Sprint(value)
	}
	return "[" + strings.Join(items, " ") + "]"
}
