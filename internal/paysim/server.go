package paysim

import (
	crand "crypto/rand"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Defaults of Config.
const (
	DefaultHangLimit = time.Minute
	DefaultHoldFor   = 7 * 24 * time.Hour
)

// maxBody bounds a request body; the real ones are below 1 KB.
const maxBody = 64 << 10

// Config is what a Server needs. Only Keys has no default.
type Config struct {
	// Keys are the API keys that are accepted. They share one account: its
	// objects; but each has idempotency keys of its own.
	Keys []string
	// Now is the clock of objects, holds and idempotency keys: time.Now.
	Now func() time.Time
	// After paces latency and hanging calls: time.After.
	After func(time.Duration) <-chan time.Time
	// IDs is the source of object ids: seeded by the operating system. With a
	// fixed one, ids repeat after a restart.
	IDs rand.Source
	// Log gets one line per call: nothing.
	Log *slog.Logger
	// HangLimit ends a call that hangs although its client stays: one minute.
	HangLimit time.Duration
	// HoldFor is how long a hold lasts: seven days.
	HoldFor time.Duration
}

// Server is the simulator. It is an http.Handler, safe for concurrent use.
type Server struct {
	cfg  Config
	mux  *http.ServeMux
	done chan struct{}
	stop func()

	outbox       *outbox
	startSending func()

	mu    sync.Mutex
	world *world
}

var _ http.Handler = (*Server)(nil)

// New makes a Server with an empty ledger and no faults.
func New(cfg Config) (*Server, error) {
	if len(cfg.Keys) == 0 {
		return nil, errors.New("payment simulator: no API key given")
	}
	for _, key := range cfg.Keys {
		if key == "" {
			return nil, errors.New("payment simulator: empty API key")
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.IDs == nil {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // never fails: it ends the process instead
		cfg.IDs = rand.NewChaCha8(seed)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HangLimit <= 0 {
		cfg.HangLimit = DefaultHangLimit
	}
	if cfg.HoldFor <= 0 {
		cfg.HoldFor = DefaultHoldFor
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), done: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.done) })
	s.outbox = &outbox{wake: make(chan struct{}, 1)}
	s.startSending = sync.OnceFunc(func() { go s.send() })
	s.world = s.newWorld()
	s.routes()
	return s, nil
}

// Close ends every call that hangs or waits, without an answer, so that an HTTP
// server above can shut down at once. Later calls do not hang or wait, and no more
// webhooks are sent.
func (s *Server) Close() { s.stop() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) routes() {
	for pattern, e := range map[string]endpoint{
		"POST /v1/payment_intents":              {op: OpCreate, parse: s.parseCreate},
		"GET /v1/payment_intents/{id}":          {op: OpRetrieve, parse: s.parseRetrieve},
		"POST /v1/payment_intents/{id}/confirm": {op: OpConfirm, parse: s.parseConfirm},
		"POST /v1/payment_intents/{id}/capture": {op: OpCapture, parse: s.parseCapture},
		"POST /v1/payment_intents/{id}/cancel":  {op: OpCancel, parse: s.parseCancel},
		"POST /v1/refunds":                      {op: OpRefund, parse: s.parseRefund},
		"GET /v1/refunds":                       {op: OpRetrieve, parse: s.parseListRefunds},
		"GET /v1/disputes":                      {op: OpRetrieve, parse: s.parseListDisputes},
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, e) })
	}
	s.mux.HandleFunc("/", s.serveUnknown)
	s.controlRoutes()
}

func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	err := invalid("", "", "Unrecognized request URL (%s: %s).", r.Method, r.URL.Path)
	err.status = http.StatusNotFound
	s.write(w, r, s.current().errorAnswer(err))
}

// current is the world that a call works in. A call that began before a reset
// ends in the old one and leaves no trace in the new.
func (s *Server) current() *world {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world
}

func (s *Server) reset() {
	fresh := s.newWorld()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = fresh
}

// wait blocks for d and tells whether it was not ended by Close. It ignores
// that the client leaves: a provider does not know that.
func (s *Server) wait(d time.Duration) bool {
	select {
	case <-s.done:
		return false
	case <-s.cfg.After(d):
		return true
	}
}

// hang blocks until the client leaves, Close, or the limit.
func (s *Server) hang(r *http.Request) {
	select {
	case <-s.done:
	case <-r.Context().Done():
	case <-s.cfg.After(s.cfg.HangLimit):
	}
}

// cut ends the connection without an answer, as a reset where TCP allows it.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 or a recorder: net/http aborts the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // best effort: without it the client sees EOF
	}
	_ = conn.Close()
}
