package issuer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/httpapi/jwtverify"
	"github.com/hailstone-rides/hailstone/internal/localstack/issuer"
)

const client = "some-client"

// serve returns an issuer that answers under its URL.
func serve(t *testing.T) *issuer.Issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	own, err := issuer.New("http://"+server.Listener.Addr().String(), client, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = own
	server.Start()
	return own
}

// The function takes its tokens for what they say, and only its own.
func TestTokensAreVerified(t *testing.T) {
	t.Parallel()
	own, other := serve(t), serve(t)
	verifier := jwtverify.New(own.URL, client, http.DefaultClient, time.Now)
	token, err := own.Token("dora", "dispatch")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := verifier.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"iss": own.URL, "sub": "dora", "token_use": "access", "cognito:groups": "[dispatch]", "client_id": client}
	for name, value := range want {
		if diff := cmp.Diff(value, claims[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if token, err = own.Token("alice"); err != nil {
		t.Fatal(err)
	}
	if claims, err = verifier.Verify(t.Context(), token); err != nil || claims["cognito:groups"] != "" {
		t.Errorf("a rider's claims are %v, %v", claims, err)
	}
	if token, err = other.Sign(own.Claims("dora", "dispatch")); err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(t.Context(), token); !errors.Is(err, httpapi.ErrTokenRejected) {
		t.Errorf("another issuer's token: %v, want that it is rejected", err)
	}
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	own := serve(t)
	w := httptest.NewRecorder()
	own.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d, want 404", w.Code)
	}
}
