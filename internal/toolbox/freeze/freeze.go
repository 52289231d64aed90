// Package freeze is a server whose open connections come to nothing while an execution
// environment is frozen: closed, reset, or swallowed by what is in between. Connections that
// are made afterwards work.
package freeze

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Fate is what becomes of open connections.
type Fate string

// The fates: the server ends a connection, a reset answers the next request, or nothing
// does: a NAT gateway or a load balancer has forgotten it.
const (
	Closed    Fate = "closed"
	Reset     Fate = "reset"
	Swallowed Fate = "swallowed"
)

// Server is a server to be frozen before.
type Server struct {
	*httptest.Server

	mu   sync.Mutex
	open []*conn
}

// NewServer starts a server; it ends with the test. A secure one speaks TLS, and offers HTTP/2.
func NewServer(t testing.TB, secure bool, handler http.Handler) *Server {
	t.Helper()
	s := &Server{Server: httptest.NewUnstartedServer(handler)}
	s.Listener = listener{s.Listener, s}
	if s.EnableHTTP2 = secure; secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.Freeze(Closed) // what was swallowed would never end
		s.Close()
	})
	return s
}

// Trusted returns what a client needs to trust the server.
func (s *Server) Trusted() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Freeze lets all connections that are open come to their fate, and returns how many there
// were.
func (s *Server) Freeze(fate Fate) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.open {
		if c.end(fate) {
			n++
		}
	}
	return n
}

type listener struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted}
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	l.server.open = append(l.server.open, c)
	return c, nil
}

type conn struct {
	net.Conn
	mu                sync.Mutex
	swallowed, closed bool
}

func (c *conn) end(fate Fate) (wasOpen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wasOpen = !c.closed && !c.swallowed
	if c.closed {
		return false
	}
	if fate == Swallowed {
		c.swallowed = true
		return wasOpen
	}
	if tcp, ok := c.Conn.(*net.TCPConn); ok && fate == Reset {
		_ = tcp.SetLinger(0)
	}
	c.closed = true
	_ = c.Conn.Close()
	return wasOpen
}

// Read implements net.Conn. What arrives on a swallowed connection is lost.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.lost() {
			return n, err
		}
	}
}

// Write implements net.Conn. What is sent on a swallowed connection gets nowhere.
func (c *conn) Write(p []byte) (int, error) {
	if c.lost() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn. The other end does not notice that of a swallowed connection
// before the test ends.
func (c *conn) Close() error {
	if c.lost() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.Conn.Close()
}

func (c *conn) lost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.swallowed && !c.closed
}
