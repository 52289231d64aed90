package jwtverify_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/jwtverify"
)

const audience = "3n4b5urk1ft4fl3mg5e62d9ado"

// world is an issuer of tokens, a verifier of them, and the time that both live in.
type world struct {
	*testing.T
	url      string
	key      jwk.Key
	verifier *jwtverify.Verifier

	mu    sync.Mutex
	clock time.Time
	calls []string // the paths that the issuer was asked for
	// spoiled answers in place of the issuer, by path.
	spoiled map[string]http.HandlerFunc
	keys    []byte
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), spoiled: map[string]http.HandlerFunc{}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.key = newKey(t, "first")
	set(t, w.key, jwk.AlgorithmKey, jwa.RS256())
	set(t, w.key, jwk.KeyUsageKey, jwk.ForSignature)
	w.publish(w.key)
	w.verifier = jwtverify.New(w.url, audience, server.Client(), w.now)
	return w
}

// ServeHTTP is the issuer.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, r.URL.Path)
	switch spoiled := w.spoiled[r.URL.Path]; {
	case spoiled != nil:
		spoiled(rw, r)
	case r.URL.Path == configuration:
		_, _ = rw.Write([]byte(`{"issuer":"` + w.url + `","jwks_uri":"` + w.url + keysPath + `","scopes_supported":["openid"]}`))
	case r.URL.Path == keysPath:
		_, _ = rw.Write(w.keys)
	default:
		http.NotFound(rw, r)
	}
}

const (
	configuration = "/.well-known/openid-configuration"
	keysPath      = "/keys"
)

// publish makes these keys all that the issuer shows.
func (w *world) publish(keys ...jwk.Key) {
	w.Helper()
	set := jwk.NewSet()
	for _, key := range keys {
		if err := set.AddKey(publicOf(w.T, key)); err != nil {
			w.Fatal(err)
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		w.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys = text
}

func (w *world) spoil(path string, handler http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spoiled[path] = handler
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) fetches() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(strings.Join(w.calls, " "), keysPath)
}

func (w *world) claims() map[string]any {
	return map[string]any{
		"iss": w.url, "client_id": audience, "token_use": "access", "jti": "1", "sub": "alice", "username": "alice",
		"iat": w.seconds(0), "exp": w.seconds(86400),
	}
}

func (w *world) sign(claims map[string]any) string {
	w.Helper()
	return w.forge(jwa.RS256(), w.key, nil, claims)
}

func (w *world) token(user string, groups ...string) string {
	w.Helper()
	claims := with(w.claims(), "sub", user)
	if len(groups) > 0 {
		claims["cognito:groups"] = groups
	}
	return w.sign(claims)
}

// accepts verifies a token and expects no error.
func (w *world) accepts(what, token string) {
	w.Helper()
	if _, err := w.verifier.Verify(w.Context(), token); err != nil {
		w.Errorf("%s: %v", what, err)
	}
}

// rejects verifies a token and expects it to be at fault.
func (w *world) rejects(what, token string) {
	w.Helper()
	if _, err := w.verifier.Verify(w.Context(), token); !errors.Is(err, httpapi.ErrTokenRejected) {
		w.Errorf("%s: %v, want that it is rejected", what, err)
	}
}

// cannotTell verifies a token and expects that the issuer is at fault.
func (w *world) cannotTell(what, token string) {
	w.Helper()
	if _, err := w.verifier.Verify(w.Context(), token); err == nil || errors.Is(err, httpapi.ErrTokenRejected) {
		w.Errorf("%s: %v, want that nobody can tell", what, err)
	}
}

func (w *world) fetched(want int) {
	w.Helper()
	if got := w.fetches(); got != want {
		w.Errorf("the keys were fetched %d times, want %d", got, want)
	}
}

func TestKeysAreFetchedOnceAndOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fetched(0)
	w.rejects("no token", "")
	w.fetched(0)
	token := w.token("alice")
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() { w.accepts("the token", token) })
	}
	users.Wait()
	w.fetched(1)
	w.pass(time.Hour - time.Second)
	w.accepts("before an hour is over", token)
	w.fetched(1)
}

func TestAWithdrawnKeyIsForgottenAfterAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token("alice")
	w.accepts("at first", token)
	w.publish(newKey(t, "second"))
	w.pass(time.Hour)
	w.rejects("after the hour", token)
	w.fetched(2)
}

func TestAnotherKeyIsLookedForOnceAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accepts("the first key's", w.token("alice"))
	second := newKey(t, "second")
	token := w.forge(jwa.RS256(), second, nil, w.claims())
	for range 100 {
		w.rejects("a key that is not there yet", token)
	}
	w.fetched(1)
	w.publish(w.key, second)
	w.pass(time.Minute)
	w.accepts("a key that came since", token)
	w.fetched(2)
}

// While its keys are fresh, the issuer may be away.
func TestAnIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world){
		"no configuration": func(w *world) { w.spoil(configuration, http.NotFound) },
		"an error":         func(w *world) { w.spoil(keysPath, fails) },
		"a configuration of another": func(w *world) {
			w.spoil(configuration, says(`{"issuer":"https://other.example","jwks_uri":"`+w.url+`/keys"}`))
		},
		"a configuration without keys":  func(w *world) { w.spoil(configuration, says(`{"issuer":"`+w.url+`"}`)) },
		"a configuration without sense": func(w *world) { w.spoil(configuration, says(`<html>`)) },
		"a URL that is none":            func(w *world) { w.spoil(configuration, says(`{"issuer":"`+w.url+`","jwks_uri":"\u0001"}`)) },
		"keys without sense":            func(w *world) { w.spoil(keysPath, says(`<html>`)) },
		"a connection that breaks":      func(w *world) { w.spoil(keysPath, breaks) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token := w.token("alice")
			spoil(w)
			w.cannotTell("without keys", token)
			calls := len(w.calls)
			w.cannotTell("at once again", token)
			if len(w.calls) != calls {
				t.Errorf("it was asked again at once: %v", w.calls)
			}
			clear(w.spoiled)
			w.pass(5 * time.Second)
			w.accepts("when it is back", token)
			spoil(w)
			w.pass(time.Minute)
			w.cannotTell("a key that it may have", w.forge(jwa.RS256(), newKey(t, "second"), nil, w.claims()))
			w.accepts("a key that is known", token)
		})
	}
}

func fails(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"keys":[`))
}

// A caller who leaves says nothing about the issuer.
func TestACanceledCallIsNotHeldAgainstTheIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.verifier.Verify(ctx, w.token("alice")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was canceled", err)
	}
	w.accepts("the next one", w.token("alice"))
}
