package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Lambda sends SIGTERM to a function only where an extension is registered, when it takes the
// environment down, and kills it 300 ms later (AWS Lambda Developer Guide, Lambda execution
// environment lifecycle, Shutdown phase). Mains have nothing to save: what an invocation says
// and sends is out when it ends. So they end at once, and answer nothing for what is under way,
// which is then delivered again.
func TestAFunctionEndsAtOnceOnSIGTERM(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, working := range map[string]bool{"waiting for an event": false, "at work": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &lambdaService{asked: make(chan struct{}), sent: make(chan struct{}), event: working, over: make(chan struct{})}
			server := httptest.NewServer(l)
			defer server.Close()
			defer close(l.over)
			cmd := exec.CommandContext(t.Context(), binary)
			cmd.Env = []string{
				"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=eu-west-3",
				"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "STAGE=dev", "STACK=test",
				"PROJECTION_QUEUE_URL=" + server.URL + "/1/projection", "PAYMENTS_QUEUE_URL=" + server.URL + "/1/payments",
				"FAILURE_QUEUE_URL=" + server.URL + "/1/unreadable",
			}
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			reached := l.asked
			if working {
				reached = l.sent
			}
			select {
			case <-reached:
			case <-time.After(20 * time.Second):
				_ = cmd.Process.Kill()
				t.Fatal("it does not get there")
			}
			began := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			var exit *exec.ExitError
			if took := time.Since(began); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM || took > 2*time.Second {
				t.Errorf("it ended with %v after %s, want by the signal, at once", err, took)
			}
			if answered := l.answers(); answered != "" {
				t.Errorf("it answered %s: the records would not come again", answered)
			}
		})
	}
}

// lambdaService is the Runtime API with at most one event, and an SQS that never answers.
type lambdaService struct {
	event             bool
	asked, sent, over chan struct{}

	mu       sync.Mutex
	answered string
	once     sync.Once
	given    bool
}

func (l *lambdaService) answers() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

// ServeHTTP implements http.Handler.
func (l *lambdaService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/invocation/next"):
		l.mu.Lock()
		first := l.event && !l.given
		l.given = true
		l.mu.Unlock()
		if !first {
			l.once.Do(func() { close(l.asked) })
			<-l.over
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "r-1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
		event, err := os.ReadFile("../../events/relay.json")
		if err != nil {
			event = nil
		}
		_, _ = w.Write(event)
	case strings.HasPrefix(r.URL.Path, "/2018-06-01/"):
		l.mu.Lock()
		defer l.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		l.answered += r.URL.Path + " " + string(body)
		w.WriteHeader(http.StatusAccepted)
	default: // SQS
		l.once.Do(func() { close(l.sent) })
		<-l.over
	}
}
