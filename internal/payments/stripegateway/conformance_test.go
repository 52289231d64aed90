package stripegateway_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/paysim"
)

const apiKey = "sk_test_hailstone"

func TestGatewayOverTheSimulator(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.Harness {
		clock := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		sim, err := paysim.New(paysim.Config{Keys: []string{apiKey}, Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		return gatewaytest.Harness{
			Gateway: newGateway(t, stripegateway.Config{BaseURL: server.URL, Now: clock.Now}),
			Advance: clock.advance,
		}
	})
}

func newGateway(t *testing.T, cfg stripegateway.Config) *stripegateway.Gateway {
	t.Helper()
	cfg.APIKey = apiKey
	g, err := stripegateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
