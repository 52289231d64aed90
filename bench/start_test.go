package bench_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	starts     = 31
	startLimit = 10 * time.Second
)

// TestBudgetOfStarts prints how long functions take from exec to the first request for
// an event, which is what a cold start waits for besides Lambda's own part. What is
// compared is started in turns; the best time of each stands.
func TestBudgetOfStarts(t *testing.T) {
	booking, bare := build(t, "..", "./functions/booking"), build(t, ".", "./bare")
	contenders := []struct {
		name, binary string
		environment  []string
	}{
		{"a bare function with the same clients (yardstick)", bare, nil},
		{"booking", booking, nil},
		{"booking, spans exported", booking, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"}},
	}
	times := make([][]time.Duration, len(contenders))
	for range starts {
		for i, c := range contenders {
			times[i] = append(times[i], start(t, c.binary, c.environment))
		}
	}
	best := make([]float64, len(contenders))
	for i, c := range contenders {
		slices.Sort(times[i])
		best[i] = times[i][0].Seconds()
		info, err := os.Stat(c.binary)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("| %s | %.1f MB | %.1f ms | %.1f ms | %.2f |", c.name, float64(info.Size())/(1<<20),
			1000*best[i], 1000*times[i][starts/2].Seconds(), best[i]/best[0])
	}
	const budget = 1.2
	for what, ratio := range map[string]float64{"a start, beside the bare function": best[1] / best[0], "a start with spans exported, beside one without": best[2] / best[1]} {
		t.Logf("budget: %-48s %.2f of %.1f", what, ratio, budget)
		if ratio > budget {
			t.Errorf("%s: %.2f, over the budget of %.1f", what, ratio, budget)
		}
	}
}

// build compiles a function as it is deployed.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, pkg)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// start runs a function until it asks for its first event.
func start(t *testing.T, binary string, environment []string) time.Duration {
	t.Helper()
	asked := make(chan time.Time, 1)
	runtime := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			select {
			case asked <- time.Now():
			default:
			}
		}
		<-r.Context().Done() // there is no event
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	runtime.Listener = listen(t)
	runtime.Start()
	defer runtime.Close()
	defer runtime.CloseClientConnections()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + runtime.Listener.Addr().String(), "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x",
		"STAGE=bench", "STACK=bench", "EVENTS_TABLE=events", "VIEWS_TABLE=views", "CONTROL_TABLE=control", "CURSOR_SECRET_ARN=arn",
		"PAYMENTS_QUEUE_URL=http://127.0.0.1/queue", "STRIPE_WEBHOOK_SECRET_ARN=", "TARIFF=standard-2026", "JWT_ISSUER=https://issuer.example", "JWT_AUDIENCE=bench",
	}, environment...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()         //nolint:errcheck // it is killed
	defer cmd.Process.Kill() //nolint:errcheck // or has ended
	select {
	case at := <-asked:
		return at.Sub(began)
	case <-ctx.Done():
		t.Fatalf("%s does not ask for events", binary)
		return 0
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
