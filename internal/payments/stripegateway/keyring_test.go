package stripegateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
)

// A call with a key that is no good any more fails as a refusal, and the next one has the new key.
func TestARotatedKeyIsTakenUp(t *testing.T) {
	t.Parallel()
	const valid = "sk_test_new"
	for name, tc := range map[string]struct {
		renewed string
		other   bool
		err     error
		heals   bool
	}{
		"rotated":          {valid, true, nil, true},
		"no other":         {"sk_test_old", false, nil, false},
		"not read":         {"sk_test_old", false, errors.New("throttled"), false},
		"with a line more": {valid + "\n", true, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.Header.Get("Authorization") != "Bearer "+valid {
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","message":"Expired API Key provided"}}`))
					return
				}
				_, _ = w.Write([]byte(`{"id":"pi_1","object":"payment_intent","status":"requires_capture","amount":2000,"amount_capturable":2000,"currency":"eur","metadata":{"booking_id":"bk_1"}}`))
			}))
			t.Cleanup(server.Close)
			var refused []string
			gateway, err := stripegateway.New(stripegateway.Config{
				APIKey: "sk_test_old", BaseURL: server.URL,
				Renew: func(_ context.Context, key []byte) ([]byte, bool, error) {
					refused = append(refused, string(key))
					return []byte(tc.renewed), tc.other, tc.err
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = gateway.Retrieve(t.Context(), "pi_1")
			if e := (*payments.Error)(nil); !errors.As(err, &e) || !e.Refused {
				t.Errorf("with the old key: %v", err)
			}
			if _, err = gateway.Retrieve(t.Context(), "pi_1"); (err == nil) != tc.heals {
				t.Errorf("afterwards: %v", err)
			}
			want := []string{"sk_test_old", "sk_test_old"}
			if tc.heals {
				want = want[:1]
			}
			if !slices.Equal(refused, want) {
				t.Errorf("refused were %v, want %v", refused, want)
			}
		})
	}
}

// While a secret is being rolled, both count, and nothing else does.
func TestBothSigningSecretsCountWhileOneIsRolled(t *testing.T) {
	t.Parallel()
	body := eventOf("payment_intent.canceled", `{"id":"pi_1","object":"payment_intent","metadata":{"booking_id":"bk_1"}}`)
	hook := webhookAt(sent)
	for secrets, good := range map[string][]string{"whsec_a whsec_b": {"whsec_a", "whsec_b"}, "whsec_a\n": {"whsec_a"}, " ": nil} {
		hook.Secret = secrets
		for _, key := range []string{"whsec_a", "whsec_b", "whsec_c", ""} {
			_, err := hook.Parse([]byte(body), signed(body, sent, key))
			if (err == nil) != slices.Contains(good, key) || err != nil && !errors.Is(err, payments.ErrSignature) {
				t.Errorf("signed with %q where the secret is %q: %v", key, secrets, err)
			}
		}
	}
}
