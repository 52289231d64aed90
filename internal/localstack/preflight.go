package localstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// diskNeeded is what one instance needs besides the tools: functions, logs, packages.
const diskNeeded = 1 << 30

// preflight finds out before anything is started what would make the start fail, and
// fills in the ports that were left open.
func (o *Options) preflight(ctx context.Context, in Instance) error {
	if _, err := toolbox.FindPython(ctx); err != nil {
		return err
	}
	for _, program := range []string{"go", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is needed and not on the PATH", program)
		}
	}
	if _, err := architecture(runtime.GOARCH); err != nil {
		return err
	}
	if err := toolbox.CheckDisk(in.dir, diskNeeded); err != nil {
		return err
	}
	var err error
	if o.Port, err = choosePort(ctx, o.Port, "--port"); err != nil {
		return err
	}
	o.PaysimPort, err = choosePort(ctx, o.PaysimPort, "--paysim-port")
	return err
}

// choosePort returns the port if nothing listens on it, or a free one for 0. flag is
// the way out that a busy port's error names.
func choosePort(ctx context.Context, port int, flag string) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(loopback, fmt.Sprint(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return 0, fmt.Errorf("port %d is in use: stop what uses it, or choose another with %s (0 takes a free one)", port, flag)
	case errors.Is(err, os.ErrPermission):
		return 0, fmt.Errorf("port %d is not allowed for this user: choose one above 1023 with %s", port, flag)
	case err != nil:
		return 0, fmt.Errorf("try port %d: %w", port, err)
	}
	defer func() { _ = listener.Close() }()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("try port %d: listening on %v, which has no port", port, listener.Addr())
	}
	return address.Port, nil
}

// architecture returns Lambda's name of the machine's instruction set: the emulator
// runs functions as processes of this machine.
func architecture(goarch string) (string, error) {
	switch goarch {
	case "amd64":
		return "x86_64", nil
	case "arm64":
		return "arm64", nil
	}
	return "", fmt.Errorf("%s is no architecture of Lambda: amd64 or arm64 is needed", goarch)
}
