package localstack

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestChoosePort(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := int(netip.MustParseAddrPort(listener.Addr().String()).Port())

	if _, err := choosePort(t.Context(), port, "--port"); err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "--port") {
		t.Errorf("busy port: got %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := choosePort(t.Context(), port, "--port"); got != port || err != nil {
		t.Errorf("free port: got %d, %v, want %d", got, err, port)
	}
	if got, err := choosePort(t.Context(), 0, "--port"); got == 0 || err != nil {
		t.Errorf("any port: got %d, %v", got, err)
	}
}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for goarch, want := range map[string]string{"amd64": "x86_64", "arm64": "arm64", "riscv64": ""} {
		if got, err := architecture(goarch); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", goarch, got, err, want)
		}
	}
}
