package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// start runs the command on a free port and returns its address.
func start(t *testing.T, args ...string) (addr string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), write)
		_ = write.Close()
	}()
	lines := bufio.NewScanner(read)
	if !lines.Scan() {
		t.Fatalf("no first line: %v", <-done)
	}
	var line struct{ Msg, Addr string }
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Msg != "listening" {
		t.Fatalf("first line %s: %v", lines.Text(), err)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	return line.Addr, func() error { cancel(); return <-done }
}

func TestServesAndStops(t *testing.T) {
	t.Parallel()
	addr, stop := start(t, "-key", "sk_a", "-key", "sk_b")
	for key, want := range map[string]int{"sk_a": 404, "sk_b": 404, defaultKey: 401} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/v1/payment_intents/pi_1", nil)
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", key, res.StatusCode, want)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("still listening")
	}
}

// A call that hangs on purpose must not delay the end.
func TestStopsWhileACallHangs(t *testing.T) {
	t.Parallel()
	addr, stop := start(t)
	do := func(method, path, body string) error {
		req, _ := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+defaultKey)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	if err := do(http.MethodPut, "/_control/faults", `{"rules":[{"op":"*","kind":"timeout_before"}]}`); err != nil {
		t.Fatal(err)
	}
	hung := make(chan error, 1)
	go func() { hung <- do(http.MethodPost, "/v1/payment_intents/pi_1/cancel", "") }()
	for { // until the call is known to be under way
		res, err := http.Get("http://" + addr + "/_control/stats")
		if err != nil {
			t.Fatal(err)
		}
		var stats struct{ Faults map[string]int }
		err = json.NewDecoder(res.Body).Decode(&stats)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if stats.Faults["timeout_before"] > 0 {
			break
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := <-hung; err == nil {
		t.Error("the hanging call was answered")
	}
}

func TestABusyPortIsOneClearError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	err = run(t.Context(), []string{"-addr", l.Addr().String()}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if errors.As(err, new(usageError)) {
		t.Errorf("%v counts as a usage error", err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-nonsense"}, {"extra"}} {
		if err := run(t.Context(), args, io.Discard); !errors.As(err, new(usageError)) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-key", ""}, io.Discard); err == nil {
		t.Error("an empty key was accepted")
	}
}
