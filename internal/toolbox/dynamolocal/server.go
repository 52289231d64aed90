package dynamolocal

import (
	"context"
	_ "embed" // the supervisor
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// startTimeout bounds the start of the server, which takes 3 s on an idle
// machine and several times that while packages compile beside it.
const startTimeout = 60 * time.Second

// urlVariable names a running server to use instead of starting one.
const urlVariable = "DYNAMODB_LOCAL_URL"

//go:embed supervise.py
var supervisor string

// Server is a running DynamoDB Local.
type Server struct {
	// URL is its endpoint.
	URL  string
	stop func()
}

// Start starts a server, installing it first if needed, and returns when it answers.
// The server runs until Close, or until this process ends, whichever comes first; ctx
// bounds only the start. With DYNAMODB_LOCAL_URL set it returns that server.
func Start(ctx context.Context) (*Server, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout+startTimeout, errors.New("start took too long"))
	defer cancel()
	if url := os.Getenv(urlVariable); url != "" {
		if err := answers(ctx, url); err != nil {
			return nil, fmt.Errorf("use DynamoDB Local of %s: %w", urlVariable, err)
		}
		return &Server{URL: url, stop: func() {}}, nil
	}
	root, err := toolbox.FindRoot(".")
	if err != nil {
		return nil, err
	}
	installed, err := toolbox.New(root, toolbox.Lines(os.Stderr, time.Now)).DynamoDBLocal(ctx)
	if err != nil {
		return nil, err
	}
	server, err := launch(ctx, installed)
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	return server, nil
}

// installTimeout bounds a first installation over a slow network.
const installTimeout = 10 * time.Minute

// Close stops the server if Start started it.
func (s *Server) Close() { s.stop() }

func launch(ctx context.Context, installed toolbox.DynamoDBLocal) (*Server, error) {
	port, claim, err := claimPort(ctx)
	if err != nil {
		return nil, err
	}
	output, err := unlinkedFile()
	if err != nil {
		return nil, err
	}
	args := append([]string{"-c", supervisor}, installed.Command(port)...)
	cmd := procgroup.Command(context.WithoutCancel(ctx), installed.Python, args...)
	// A file, never this process's own output: go test waits until all holders of that are gone.
	cmd.Stdout, cmd.Stderr = output, output
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // why it ended is in the output
		close(ended)
	}()
	server := &Server{
		URL: fmt.Sprintf("http://127.0.0.1:%d", port),
		stop: func() {
			_ = alive.Close()
			<-ended
			_ = output.Close()
			_ = claim.Close()
		},
	}
	if err := awaitAnswer(ctx, server.URL, ended); err != nil {
		tail := lastBytes(output)
		server.stop()
		return nil, fmt.Errorf("%w; it printed: %s", err, tail)
	}
	return server, nil
}

// claimPort finds a free port and keeps other test processes from finding the same
// one before the server has bound it: whoever holds the UDP port of a number has claimed
// its TCP port. The kernel drops the claim when this process ends.
func claimPort(ctx context.Context) (port uint16, claim io.Closer, err error) {
	var network net.ListenConfig
	for range 20 {
		listener, err := network.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, nil, fmt.Errorf("find a free port: %w", err)
		}
		address := listener.Addr().String()
		claim, err := network.ListenPacket(ctx, "udp", address)
		_ = listener.Close()
		if err == nil {
			free, err := netip.ParseAddrPort(address)
			return free.Port(), claim, err
		}
	}
	return 0, nil, errors.New("find a free port: 20 ports in a row are claimed")
}

// unlinkedFile returns a file that disappears with its last holder.
func unlinkedFile() (*os.File, error) {
	file, err := os.CreateTemp("", "dynamodb-local-*.log")
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}

// lastBytes returns the end of what was written to the file.
func lastBytes(file *os.File) string {
	const most = 2000
	info, err := file.Stat()
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(io.NewSectionReader(file, max(0, info.Size()-most), most))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// awaitAnswer polls the server until it answers, ends, or the start takes too long.
func awaitAnswer(ctx context.Context, url string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("it ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("no answer within %s: %w", startTimeout, err)
		}
	}
}

// answers reports whether a DynamoDB answers at url; it refuses unsigned requests with 400.
func answers(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		return fmt.Errorf("status %d, want 400 to an unsigned request", response.StatusCode)
	}
	return nil
}
