package localstack

import (
	"context"
	_ "embed" // authority.py
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

const (
	loopback = "127.0.0.1"
	// region and account of the emulated stack; samconfig.toml names the same region.
	region  = "eu-central-1"
	account = "000000000000"
	// The emulator takes these keys for those of the account's root user.
	rootAccessKey = "test"
	rootSecretKey = "test"
	emulatorName  = "AWS emulator"
)

// authority is the program that starts the emulator with what its IAM lacks.
//
//go:embed authority.py
var authority []byte

// startMiniStack starts the AWS emulator on an address and returns before it answers.
func startMiniStack(ctx context.Context, in Instance, venv toolbox.Venv, listen string, port int) (*child, error) {
	program := filepath.Join(in.binDir(), "authority.py")
	if err := writeAtomically(program, authority); err != nil {
		return nil, fmt.Errorf("start %s: %w", emulatorName, err)
	}
	return startChild(ctx, in, emulatorName, in.Log("ministack"), miniStackEnv(in, listen, port), venv.Program("python"), program, in.Calls())
}

// miniStackEnv is the emulator's whole environment. The functions inherit it, so it
// holds nothing of the user's own: no profile, no proxy, no provider key.
func miniStackEnv(in Instance, listen string, port int) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + in.tempDir(),
		"TMPDIR=" + in.tempDir(), // where it unpacks the functions
		"LANG=C.UTF-8",
		"PYTHONUNBUFFERED=1",
		fmt.Sprintf("GATEWAY_PORT=%d", port),
		"BIND_HOST=" + listen, // it listens on all interfaces otherwise
		"AUTH=true",           // enforce IAM
		"MINISTACK_REGION=" + region,
		"MINISTACK_ACCOUNT_ID=" + account,
		// Without this the functions it starts call the real AWS.
		"AWS_ENDPOINT_URL=" + endpointAt(listen, port),
		"AWS_EC2_METADATA_DISABLED=true",
		// An MQTT broker on a fixed port, which two instances would fight over.
		"IOT_MTLS_ENABLED=0",
		// It would look for containers of its own to remove: keep it away from the user's.
		"DOCKER_HOST=unix://" + filepath.Join(in.tempDir(), "no-docker.sock"),
	}
}

func endpoint(port int) string { return endpointAt(loopback, port) }

func endpointAt(host string, port int) string {
	return "http://" + net.JoinHostPort(host, fmt.Sprint(port))
}

// awaitURL polls until the URL answers 200, the process ends, or ctx does.
func awaitURL(ctx context.Context, url string, c *child) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return endedError(c)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return context.Canceled
			}
			return fmt.Errorf("%s does not answer: %w; its output is in %s", c.record.Name, err, c.log)
		}
	}
}

func endedError(c *child) error {
	return fmt.Errorf("%s ended by itself; its output is in %s and ends with: %s", c.record.Name, c.log, tail(c.log, 3))
}

func probe(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
