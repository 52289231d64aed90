package jwtverify_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

func TestAValidTokensClaimsHaveTheGatewaysForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.verifier.Verify(t.Context(), w.token("alice", "dispatch", "ops"))
	if err != nil {
		t.Fatal(err)
	}
	delete(got, "jti")
	delete(got, "iat")
	delete(got, "exp")
	want := map[string]string{
		"iss": w.url, "client_id": audience, "token_use": "access", "sub": "alice", "username": "alice", "cognito:groups": "[dispatch ops]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestTokensThatAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.key.Remove(jwk.AlgorithmKey); err != nil { // then the key is for all of them
		t.Fatal(err)
	}
	w.publish(w.key)
	for name, token := range map[string]string{
		"an audience in place of a client":  w.sign(with(without(w.claims(), "client_id"), "aud", audience)),
		"one of several audiences":          w.sign(with(without(w.claims(), "client_id"), "aud", []string{"other", audience})),
		"not expired by the issuer's clock": w.sign(with(w.claims(), "exp", w.seconds(-29))),
		"valid by the issuer's clock":       w.sign(with(w.claims(), "nbf", w.seconds(29))),
		"RS384":                             w.forge(jwa.RS384(), w.key, nil, w.claims()),
		"RS512":                             w.forge(jwa.RS512(), w.key, nil, w.claims()),
	} {
		if _, err := w.verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each is an attack, or a token that is good for something else.
func TestTokensThatAreRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.token("alice")
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	foreign := newKey(t, kidOf(w.key))
	encryption := newKey(t, "encryption")
	set(t, encryption, jwk.KeyUsageKey, jwk.ForEncryption)
	modulus, public := secretsOf(t, w.key)
	w.publish(w.key, encryption)

	for name, test := range map[string]struct{ token, why string }{
		"nothing":                          {"", "no signed JWT"},
		"a word":                           {"token", "no signed JWT"},
		"two parts":                        {head + "." + body, "no signed JWT"},
		"a signature in JSON":              {fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, body, head, signature), "no signed JWT"},
		"too long":                         {good + strings.Repeat("A", 8<<10), "too long"},
		"no algorithm":                     {encode(`{"alg":"none","kid":"`+kidOf(w.key)+`"}`) + "." + body + ".", "not allowed"},
		"no algorithm, in other letters":   {encode(`{"alg":"nOnE","kid":"`+kidOf(w.key)+`"}`) + "." + body + ".", "no signed JWT"},
		"the public key as a secret":       {w.forge(jwa.HS256(), public, nil, w.claims()), "not allowed"},
		"the modulus as a secret":          {w.forge(jwa.HS256(), modulus, nil, w.claims()), "not allowed"},
		"an algorithm that is not listed":  {w.forge(jwa.PS256(), w.key, nil, w.claims()), "not allowed"},
		"an algorithm of another key":      {w.forge(jwa.RS384(), w.key, nil, w.claims()), "another algorithm"},
		"a header of another algorithm":    {encode(`{"alg":"RS384","kid":"`+kidOf(w.key)+`"}`) + "." + body + "." + signature, "another algorithm"},
		"no key named":                     {w.forge(jwa.RS256(), newKey(t, ""), nil, w.claims()), "names no key"},
		"a key that nobody knows":          {w.forge(jwa.RS256(), newKey(t, "unknown"), nil, w.claims()), "nobody knows"},
		"a key that only has the name":     {w.forge(jwa.RS256(), foreign, nil, w.claims()), "signature is wrong"},
		"a key that is for encryption":     {w.forge(jwa.RS256(), encryption, nil, w.claims()), "not for signatures"},
		"a key of its own":                 {w.forge(jwa.RS256(), foreign, headers{"jwk": publicOf(t, foreign)}, w.claims()), "signature is wrong"},
		"a place to find its key":          {w.forge(jwa.RS256(), foreign, headers{"jku": "https://attacker.example/keys"}, w.claims()), "signature is wrong"},
		"a critical extension":             {w.forge(jwa.RS256(), w.key, headers{"crit": []string{"exp2"}, "exp2": 1}, w.claims()), "signature is wrong"},
		"another signature":                {head + "." + body + "." + encode("no signature"), "signature is wrong"},
		"no signature":                     {head + "." + body + ".", "no signed JWT"},
		"claims that were changed":         {head + "." + encode(`{"sub":"eve"}`) + "." + signature, "signature is wrong"},
		"claims that are no object":        {w.forgeText("[]"), "cannot be read"},
		"a time that is text":              {w.sign(with(w.claims(), "exp", "tomorrow")), "cannot be read"},
		"expired":                          {w.sign(with(w.claims(), "exp", w.seconds(-31))), "expired"},
		"without an end":                   {w.sign(without(w.claims(), "exp")), "not valid at this time"},
		"before its time":                  {w.sign(with(w.claims(), "nbf", w.seconds(31))), "not valid at this time"},
		"issued in the future":             {w.sign(with(w.claims(), "iat", w.seconds(31))), "not valid at this time"},
		"another issuer's":                 {w.sign(with(w.claims(), "iss", "https://other.example")), "another issuer"},
		"an issuer that begins like ours":  {w.sign(with(w.claims(), "iss", w.url+".evil.example")), "another issuer"},
		"nobody's":                         {w.sign(without(w.claims(), "iss")), "another issuer"},
		"another client's":                 {w.sign(with(w.claims(), "client_id", "other")), "another audience"},
		"a client that is no text":         {w.sign(with(w.claims(), "client_id", []string{audience})), "another audience"},
		"for another audience":             {w.sign(with(without(w.claims(), "client_id"), "aud", "other")), "another audience"},
		"our client, for another audience": {w.sign(with(w.claims(), "aud", []string{"other"})), "another audience"},
		"for nobody in particular":         {w.sign(without(w.claims(), "client_id")), "another audience"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := w.verifier.Verify(t.Context(), test.token)
			if !errors.Is(err, httpapi.ErrTokenRejected) || claims != nil || !strings.Contains(err.Error(), test.why) {
				t.Errorf("got %v, %v, want that it is rejected: %s", claims, err, test.why)
			}
		})
	}
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func with(claims map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(claims)
	changed[name] = value
	return changed
}

func without(claims map[string]any, name string) map[string]any {
	changed := maps.Clone(claims)
	delete(changed, name)
	return changed
}

func newKey(t *testing.T, kid string) jwk.Key {
	t.Helper()
	raw, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.Import(raw)
	if err != nil {
		t.Fatal(err)
	}
	if kid != "" {
		set(t, key, jwk.KeyIDKey, kid)
	}
	return key
}

func set(t *testing.T, key jwk.Key, name string, value any) {
	t.Helper()
	if err := key.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

func publicOf(t *testing.T, key jwk.Key) jwk.Key {
	t.Helper()
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func kidOf(key jwk.Key) string {
	kid, _ := key.KeyID()
	return kid
}

// secretsOf returns what an attacker may sign with who takes what is public for a
// shared secret, each under the name of the key.
func secretsOf(t *testing.T, key jwk.Key) (modulus, document jwk.Key) {
	t.Helper()
	public, ok := publicOf(t, key).(jwk.RSAPublicKey)
	if !ok {
		t.Fatal("the issuer's key is not an RSA key")
	}
	n, _ := public.N()
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	return secret(t, n, kidOf(key)), secret(t, text, kidOf(key))
}

func secret(t *testing.T, value []byte, kid string) jwk.Key {
	t.Helper()
	key, err := jwk.Import(value)
	if err != nil {
		t.Fatal(err)
	}
	set(t, key, jwk.KeyIDKey, kid)
	return key
}

type headers map[string]any

// forge signs claims in any way.
func (w *world) forge(alg jwa.SignatureAlgorithm, key jwk.Key, more headers, claims map[string]any) string {
	w.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		w.Fatal(err)
	}
	return w.forged(alg, key, more, payload)
}

func (w *world) forgeText(payload string) string {
	w.Helper()
	return w.forged(jwa.RS256(), w.key, nil, []byte(payload))
}

func (w *world) forged(alg jwa.SignatureAlgorithm, key jwk.Key, more headers, payload []byte) string {
	w.Helper()
	plain, err := key.Clone() // jws takes the key's own algorithm for the only one
	if err != nil {
		w.Fatal(err)
	}
	if err := errors.Join(plain.Remove(jwk.AlgorithmKey), plain.Remove(jwk.KeyUsageKey)); err != nil {
		w.Fatal(err)
	}
	protected := jws.NewHeaders()
	for name, value := range more {
		if err := protected.Set(name, value); err != nil {
			w.Fatal(err)
		}
	}
	token, err := jws.Sign(payload, jws.WithKey(alg, plain, jws.WithProtectedHeaders(protected)))
	if err != nil {
		w.Fatal(err)
	}
	return string(token)
}

func (w *world) seconds(n int) int64 { return w.now().Add(time.Duration(n) * time.Second).Unix() }
