// Command paysim runs the payment simulator: Stripe's wire format for held card
// payments, with a ledger and faults on demand. See internal/paysim.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

// defaultKey is the API key of the local stack: nothing secret.
const defaultKey = "sk_test_hailstone"

// drain is how long calls under way may take after a signal. Those that hang
// or wait on purpose are cut at once.
const drain = 3 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "paysim: %v\n", err)
		os.Exit(1)
	}
}

// usageError was already told to the user by the flag package.
type usageError struct{ error }

// run serves until ctx ends. Its log tells the address in its first line.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("paysim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:12111", "listen on `host:port`; port 0 takes a free one")
	var keys []string
	flags.Func("key", "accept this API `key`; may be repeated (default "+defaultKey+")", func(k string) error {
		keys = append(keys, k)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintf(stderr, "paysim: %v\n", err)
		return usageError{err}
	}
	if len(keys) == 0 {
		keys = []string{defaultKey}
	}
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	sim, err := paysim.New(paysim.Config{Keys: keys, Log: log})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	log.Info("listening", "addr", listener.Addr().String())
	return serve(ctx, listener, sim, log)
}

func serve(ctx context.Context, listener net.Listener, sim *paysim.Server, log *slog.Logger) error {
	server := &http.Server{
		Handler:           sim,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	sim.Close()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		_ = server.Close() // what is left had its time
	}
	return nil
}
