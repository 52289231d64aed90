package awsenv_test

import (
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/toolbox/freeze"
)

type settings struct {
	awsenv.Common
	Table   string `env:"EVENTS_TABLE,required,notEmpty"`
	URL     string `env:"STRIPE_API_URL" envDefault:"https://api.stripe.com"`
	Workers int    `env:"WORKERS" envDefault:"10"`
}

// environment sets exactly these of the variables that settings has.
func environment(t *testing.T, set map[string]string) {
	t.Helper()
	for _, name := range []string{"STAGE", "STACK", "OTEL_EXPORTER_OTLP_ENDPOINT", "LOG_LEVEL", "EVENTS_TABLE", "STRIPE_API_URL", "WORKERS"} {
		t.Setenv(name, "") // so that it is restored
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range set {
		t.Setenv(name, value)
	}
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string]string
		want settings
	}{
		"what must be": {
			map[string]string{"STAGE": "prod", "STACK": "hail", "EVENTS_TABLE": "events"},
			settings{Common: awsenv.Common{Stage: "prod", Stack: "hail"}, Table: "events", URL: "https://api.stripe.com", Workers: 10},
		},
		"everything": {
			map[string]string{"STAGE": "dev", "STACK": "hail", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "LOG_LEVEL": "debug", "EVENTS_TABLE": "events", "STRIPE_API_URL": "http://127.0.0.1:1", "WORKERS": "3"},
			settings{Common: awsenv.Common{Stage: "dev", Stack: "hail", Collector: "http://127.0.0.1:4318", LogLevel: slog.LevelDebug}, Table: "events", URL: "http://127.0.0.1:1", Workers: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, test.set)
			got, err := awsenv.Load[settings]()
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Whoever deploys must learn from the error which variable to mend.
func TestAnErrorNamesTheVariable(t *testing.T) {
	good := map[string]string{"STAGE": "dev", "STACK": "hail", "EVENTS_TABLE": "events"}
	for name, test := range map[string]struct {
		change map[string]string
		names  []string
	}{
		"missing":             {map[string]string{"EVENTS_TABLE": "-"}, []string{"EVENTS_TABLE"}},
		"missing, of common":  {map[string]string{"STAGE": "-"}, []string{"STAGE"}},
		"empty":               {map[string]string{"EVENTS_TABLE": ""}, []string{"EVENTS_TABLE"}},
		"several":             {map[string]string{"EVENTS_TABLE": "-", "STAGE": ""}, []string{"EVENTS_TABLE", "STAGE"}},
		"an unknown level":    {map[string]string{"LOG_LEVEL": "LOUD"}, []string{"LOG_LEVEL"}},
		"no number":           {map[string]string{"WORKERS": "ten"}, []string{"WORKERS"}},
		"one missing, one no": {map[string]string{"STAGE": "-", "WORKERS": "ten"}, []string{"STAGE", "WORKERS"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := map[string]string{}
			for _, from := range []map[string]string{good, test.change} {
				for n, v := range from {
					set[n] = v
				}
			}
			for n, v := range set {
				if v == "-" {
					delete(set, n)
				}
			}
			environment(t, set)
			_, err := awsenv.Load[settings]()
			if err == nil {
				t.Fatal("the environment was taken")
			}
			for _, n := range test.names {
				if !strings.Contains(err.Error(), n) {
					t.Errorf("the error is %q, want one that names %s", err, n)
				}
			}
			for n := range good {
				if strings.Contains(err.Error(), n) && !strings.Contains(strings.Join(test.names, " "), n) {
					t.Errorf("the error is %q, which names %s", err, n)
				}
			}
		})
	}
}

// No call may hang, and none may be repeated without end.
func TestTheClientsHaveLimits(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(name, value)
	}
	cfg, err := awsenv.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Region != "eu-west-3" {
		t.Errorf("the region is %s, want that of the environment", cfg.Region)
	}
	if got := aws.ToString(cfg.BaseEndpoint); got != "http://127.0.0.1:4566" {
		t.Errorf("the endpoint is %s, want that of the environment", got)
	}
	if got := cfg.Retryer().MaxAttempts(); got != 3 {
		t.Errorf("%d attempts, want 3", got)
	}
	for attempt := range 10 {
		if wait, err := cfg.Retryer().RetryDelay(attempt+1, errors.New("x")); err != nil || wait > time.Second {
			t.Errorf("it waits %s after attempt %d (%v), want at most a second", wait, attempt+1, err)
		}
	}
	client, transport := awsenv.TransportOf(t, cfg)
	got := []time.Duration{client.Timeout, transport.Dialer.Timeout, transport.TLSHandshakeTimeout}
	if diff := cmp.Diff([]time.Duration{2500 * time.Millisecond, time.Second, time.Second}, got); diff != "" {
		t.Errorf("attempt, connection, handshake (-want +got):\n%s", diff)
	}
}

// Behind a proxy that signs for AWS, its certificate is trusted as the SDK's own client does.
func TestTheCertificatesOfABundleAreTrusted(t *testing.T) {
	server := freeze.NewServer(t, true, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_REGION": "eu-west-3", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CA_BUNDLE": bundle} {
		t.Setenv(name, value)
	}
	cfg, err := awsenv.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint = aws.String(server.URL)
	if err := clients["SQS"](cfg)(t.Context()); err != nil {
		t.Error(err)
	}
}

// What would fail at the first call is refused at the start.
func TestAnIncompleteConfigurationIsAnError(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for region, endpoint := range map[string]string{"": "", "eu-west-3": "localhost:4566"} {
		t.Setenv("AWS_REGION", region)
		t.Setenv("AWS_ENDPOINT_URL", endpoint)
		if _, err := awsenv.AWS(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS_") {
			t.Errorf("region %q, endpoint %q: error %v, want one that names the variable", region, endpoint, err)
		}
	}
}

func TestABrokenConfigurationIsAnError(t *testing.T) {
	t.Setenv("AWS_PROFILE", "nobody")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	if _, err := awsenv.AWS(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("error %v, want one that names the profile", err)
	}
}

func TestLinesGoToStandardOutput(t *testing.T) {
	stdout := os.Stdout
	t.Cleanup(func() { os.Stdout = stdout })
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = write
	f, err := awsenv.Common{Stack: "hail", LogLevel: slog.LevelWarn}.Telemetry("booking")
	if err != nil {
		t.Fatal(err)
	}
	f.Log.Info("too quiet")
	f.Log.Warn("loud enough")
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"message":"loud enough"`) {
		t.Errorf("the log is %q, want the one line that is loud enough", got)
	}
}

// Without a collector nothing of an exporter exists.
func TestSpansGoNowhereUnlessACollectorIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		collector       string
		exports, refuse bool
	}{{"", false, false}, {"http://127.0.0.1:4318", true, false}, {"collector", false, true}} {
		f, err := awsenv.Common{Stack: "hail", Collector: test.collector}.Telemetry("booking")
		if (err != nil) != test.refuse {
			t.Fatalf("%q: %v", test.collector, err)
		}
		if err == nil && (f.Export != nil) != test.exports {
			t.Errorf("%q: the exporter is %v", test.collector, f.Export)
		}
	}
}
