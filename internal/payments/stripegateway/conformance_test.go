package stripegateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
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
			Gateway:  newGateway(t, stripegateway.Config{BaseURL: server.URL, Now: clock.Now}),
			Advance:  clock.advance,
			Provider: simulator{sim},
		}
	})
}

// simulator is what happens at the simulator without a call of the gateway.
type simulator struct {
	*paysim.Server
}

func (s simulator) fault(op gatewaytest.Op, kind paysim.Kind) {
	once := int64(1)
	if err := s.SetFaults(paysim.Plan{Rules: []paysim.Rule{{Op: paysim.Op(op), Kind: kind, Times: &once}}}); err != nil {
		panic(err)
	}
}

func (s simulator) StoreFailure(op gatewaytest.Op) { s.fault(op, paysim.KindError500) }

func (s simulator) DelayRefund() { s.fault(gatewaytest.Refund, paysim.KindPending) }

// RefundByHand makes a refund that has no metadata.
func (s simulator) RefundByHand(ref string, amount int64) (payments.RefundObject, error) {
	form := url.Values{"payment_intent": {ref}, "amount": {strconv.FormatInt(amount, 10)}}
	req := httptest.NewRequest(http.MethodPost, "/v1/refunds", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+apiKey)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, req)
	var made struct {
		ID     string
		Status payments.RefundStatus
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil || answer.Code != http.StatusOK {
		return payments.RefundObject{}, fmt.Errorf("status %d: %w", answer.Code, err)
	}
	return payments.RefundObject{ID: made.ID, Amount: amount, Status: made.Status}, nil
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
