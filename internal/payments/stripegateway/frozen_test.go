package stripegateway_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/httpclient"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/toolbox/freeze"
)

// What Stripe's connections lead to is gone when an environment is thawed. One call learns
// that, and never all that follow: one dead connection of HTTP/2 would take them all.
func TestAThawedEnvironmentReachesStripe(t *testing.T) {
	t.Parallel()
	for _, fate := range []freeze.Fate{freeze.Closed, freeze.Reset, freeze.Swallowed} {
		t.Run(string(fate), func(t *testing.T) {
			t.Parallel()
			var second atomic.Bool
			server := freeze.NewServer(t, true, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 {
					second.Store(true)
				}
				_, _ = w.Write([]byte(created))
			}))
			transport := httpclient.NewTransport(time.Second)
			transport.TLSClientConfig = server.Trusted()
			g := newGateway(t, stripegateway.Config{BaseURL: server.URL, Transport: transport})
			call := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				_, err := g.Retrieve(ctx, "pi_1")
				return err
			}
			if err := call(); err != nil {
				t.Fatal(err)
			}
			if n := server.Freeze(fate); n != 1 {
				t.Fatalf("%d connections were open, want 1", n)
			}
			failed := 0
			for range 12 {
				if err := call(); err != nil {
					t.Log(err)
					failed++
				}
			}
			if failed > 1 {
				t.Errorf("%d of 12 calls failed, want one at most", failed)
			}
			if second.Load() {
				t.Error("it speaks HTTP/2")
			}
		})
	}
}

// The gateway's own transport is that one.
func TestTheGatewaySpeaksHTTP1(t *testing.T) {
	t.Parallel()
	var proto atomic.Value
	server := freeze.NewServer(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		_, _ = w.Write([]byte(created))
	}))
	g := newGateway(t, stripegateway.Config{BaseURL: server.URL})
	for i := range 2 {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := g.Retrieve(ctx, "pi_1")
		cancel()
		if (err != nil) != (i == 1) {
			t.Errorf("call %d after %s: %v", i, time.Since(began), err)
		}
		server.Freeze(freeze.Swallowed)
	}
	if _, err := g.Retrieve(t.Context(), "pi_1"); err != nil || proto.Load() != "HTTP/1.1" {
		t.Errorf("%v by %v, want an answer by HTTP/1.1 on another connection", err, proto.Load())
	}
}
