// Package issuer is an issuer of access tokens for a developer's machine: its own key,
// an OpenID configuration, and a set of public keys, as Cognito and others publish them.
// Whoever runs it decides who may do what; there are no users and no passwords. The key lives as long as the
// process, and so do the tokens.
package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

const (
	configurationPath = "/.well-known/openid-configuration"
	keysPath          = "/.well-known/jwks.json"
	lifetime          = 12 * time.Hour // a day at work: a new token takes a new start
	keyBits           = 2048
)

// Issuer makes tokens. It is safe for concurrent use.
type Issuer struct {
	// URL is what tokens name as their issuer; its handler must be served there.
	URL string
	// ClientID is what tokens name as the client that they were made for.
	ClientID string

	now    func() time.Time
	key    jwk.Key
	public []byte // the set of keys
}

// New returns an issuer with a new key.
func New(url, clientID string, now func() time.Time) (*Issuer, error) {
	raw, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make the issuer's key: %w", err)
	}
	key, err := jwk.Import(raw)
	if err != nil {
		return nil, fmt.Errorf("make the issuer's key: %w", err)
	}
	for name, value := range map[string]any{
		jwk.KeyIDKey: rand.Text(), jwk.AlgorithmKey: jwa.RS256(), jwk.KeyUsageKey: jwk.ForSignature,
	} {
		if err := key.Set(name, value); err != nil {
			return nil, fmt.Errorf("describe the issuer's key: %w", err)
		}
	}
	i := &Issuer{URL: url, ClientID: clientID, now: now, key: key}
	if i.public, err = publicSet(key); err != nil {
		return nil, fmt.Errorf("publish the issuer's key: %w", err)
	}
	return i, nil
}

func publicSet(key jwk.Key) ([]byte, error) {
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	set := jwk.NewSet()
	if err := set.AddKey(public); err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// ServeHTTP answers the two documents that a verifier asks for.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var err error
	switch r.URL.Path {
	case keysPath:
		_, err = w.Write(i.public)
	case configurationPath:
		err = json.MarshalWrite(w, map[string]string{"issuer": i.URL, "jwks_uri": i.URL + keysPath})
	default:
		http.NotFound(w, r)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}

// Claims returns those of an access token in Cognito's form. Groups may be none.
func (i *Issuer) Claims(user string, groups ...string) map[string]any {
	now := i.now()
	claims := map[string]any{
		"iss": i.URL, "client_id": i.ClientID, "token_use": "access", "jti": rand.Text(),
		"sub": user, "username": user, "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
	if len(groups) > 0 {
		claims["cognito:groups"] = groups
	}
	return claims
}

// Token returns an access token of the user in the groups.
func (i *Issuer) Token(user string, groups ...string) (string, error) {
	return i.Sign(i.Claims(user, groups...))
}

// Sign returns a token with exactly these claims.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	token, err := jws.Sign(payload, jws.WithKey(jwa.RS256(), i.key))
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return string(token), nil
}
