package jwtverify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	// keysFresh is how long fetched keys are used without asking again: a key that the
	// issuer withdrew is accepted no longer than that.
	keysFresh = time.Hour
	// keysRetry is the least time between two fetches, so that tokens that name keys
	// which nobody has cannot make us flood the issuer; failureRetry is that after a failure.
	keysRetry    = time.Minute
	failureRetry = 5 * time.Second
	// maxDocument bounds what is read of the issuer's answers.
	maxDocument = 1 << 20
)

// keySet holds the issuer's keys, found by way of its OpenID configuration.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex // held while keys are fetched: one fetch is enough for all
	keys    jwk.Set
	fetched time.Time // of keys
	next    time.Time // when the issuer may be asked again
	failure error     // of the last fetch
}

// find returns the key with the id. An unknown id is looked for once more at the
// issuer, who may have begun to use a new key.
func (s *keySet) find(ctx context.Context, kid string) (jwk.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if key, ok := s.lookup(kid); ok && now.Before(s.fetched.Add(keysFresh)) {
		return key, nil
	}
	if !now.Before(s.next) {
		s.fetch(ctx, now)
	}
	if s.failure != nil {
		return nil, fmt.Errorf("keys of %s: %w", s.issuer, s.failure)
	}
	if key, ok := s.lookup(kid); ok {
		return key, nil
	}
	return nil, rejected("nobody knows its key")
}

func (s *keySet) lookup(kid string) (jwk.Key, bool) {
	if s.keys == nil {
		return nil, false
	}
	return s.keys.LookupKeyID(kid)
}

func (s *keySet) fetch(ctx context.Context, now time.Time) {
	keys, err := s.ask(ctx)
	s.failure = err
	switch {
	case err == nil:
		s.keys, s.fetched, s.next = keys, now, now.Add(keysRetry)
	case ctx.Err() == nil: // else the caller's time was over, which says nothing: the next one asks at once
		s.next = now.Add(failureRetry)
	}
}

func (s *keySet) ask(ctx context.Context) (jwk.Set, error) {
	text, err := s.get(ctx, strings.TrimRight(s.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var configuration struct {
		Issuer string `json:"issuer"`
		KeysAt string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &configuration); err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	if configuration.Issuer != s.issuer {
		return nil, fmt.Errorf("its configuration is that of %q", configuration.Issuer)
	}
	if text, err = s.get(ctx, configuration.KeysAt); err != nil {
		return nil, err
	}
	return jwk.Parse(text)
}

func (s *keySet) get(ctx context.Context, url string) (body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", url, response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxDocument))
}
