package stripegateway

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
)

const bearer = "Bearer "

// keyring takes another key once the one in use is refused. The refused call stays
// refused: its work is put off as whenever the provider refuses us, and comes back within a minute.
type keyring struct {
	next  http.RoundTripper
	renew func(ctx context.Context, refused []byte) (key []byte, other bool, err error)
	key   atomic.Pointer[string] // nil for the one that the client has
}

// RoundTrip implements http.RoundTripper.
func (k *keyring) RoundTrip(req *http.Request) (*http.Response, error) {
	if key := k.key.Load(); key != nil {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", bearer+*key)
	}
	res, err := k.next.RoundTrip(req)
	if err == nil && res.StatusCode == http.StatusUnauthorized && k.renew != nil {
		k.refused(req)
	}
	return res, err
}

// refused asks for another key. A failure to get one is no more than the refusal, which
// is told already.
func (k *keyring) refused(req *http.Request) {
	used := strings.TrimPrefix(req.Header.Get("Authorization"), bearer)
	key, other, err := k.renew(req.Context(), []byte(used))
	if renewed := string(key); err == nil && other && isVisibleASCII(renewed, maxAPIKey) {
		k.key.Store(&renewed)
	}
}
