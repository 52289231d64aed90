package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// API holds what the handlers need. Set every field before Handler is called.
type API struct {
	Bookings *booking.Service
	Views    readmodel.Store
	Tariff   booking.Tariff
	Now      func() time.Time
	Log      *slog.Logger
	// Payments tells what happens to calls to the payment provider now, as well as is
	// known, soon and without fail.
	Payments func(context.Context) resilience.State
	// Notices take in what the payment provider sends.
	Notices Notices
	// CursorKey gives the key that the cursors of lists are sealed with.
	CursorKey CursorKey
	// Release is the version of the build that /health shows.
	Release string
	// Spec is openapi.yaml.
	Spec []byte
}

// Caller is who sent a request, as its access token says.
type Caller struct {
	booking.Caller
	Roles []string
}

// Request is what the handlers know of a request besides its HTTP form.
type Request struct {
	// ID is the gateway's id of the request; problems name it as their instance.
	ID     string
	Caller *Caller // nil where no valid token came with the request
	// Identify finds out who is calling where nothing in front of us has tried to; nil
	// where that is settled. Its error is ErrTokenRejected for a token that proves
	// nothing, and another one where it cannot tell. Routes that are open to everybody
	// never call it.
	Identify func(context.Context) (*Caller, error)
	Trace    events.Trace
	access   access // of the route
}

type requestKey struct{}

// WithRequest returns a context that carries r to the handlers.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

func requestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Handler returns the API. It is safe for concurrent use.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.Handle(r.Method+" "+r.Path, a.admitted(r))
	}
	mux.Handle("/", a.open(func(http.ResponseWriter, *http.Request) error {
		return noResource()
	}))
	return bodiless(a.recovered(a.canonical(mux)))
}

// bodiless answers a HEAD as the GET of the same resource, without the body (RFC 9110,
// section 9.3.2). ServeMux takes it to the handler of the GET.
func bodiless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w = headWriter{w}
		}
		next.ServeHTTP(w, r)
	})
}

// headWriter writes the header of a response and drops its body.
type headWriter struct{ http.ResponseWriter }

// Write implements http.ResponseWriter.
func (headWriter) Write(b []byte) (int, error) { return len(b), nil }

// canonical keeps ServeMux from answering by itself: a path with empty or dot
// segments it would redirect, with a page of HTML. Nothing is served under such
// a path.
func (a *API) canonical(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.EscapedPath(); !strings.HasPrefix(p, "/") || path.Clean(p) != p {
			writeProblem(w, r, noResource())
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func noResource() *booking.Rejection { return problem(CodeNotFound, "There is no such resource.") }

// handler is an HTTP handler that leaves errors to the one place that maps them.
type handler func(http.ResponseWriter, *http.Request) error

func (a *API) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// admitted lets a route's handler see only whom its access admits.
func (a *API) admitted(to route) http.Handler {
	return a.open(func(w http.ResponseWriter, r *http.Request) error {
		req, err := a.identified(r.Context(), to.Access)
		if err != nil {
			return err
		}
		if err := to.Access.admit(req.Caller); err != nil {
			return err
		}
		req.access = to.Access
		return to.handle(w, r.WithContext(WithRequest(r.Context(), req)))
	})
}

// ErrTokenRejected is an access token that does not prove who is calling.
var ErrTokenRejected = errors.New("access token rejected")

// errNoIdentity is a failure to find out whether a token proves who is calling.
var errNoIdentity = errors.New("the caller cannot be identified")

// identified returns the request with its caller, if the access asks for one.
func (a *API) identified(ctx context.Context, to access) (Request, error) {
	req := requestOf(ctx)
	if to.Everybody || req.Caller != nil || req.Identify == nil {
		return req, nil
	}
	caller, err := req.Identify(ctx)
	switch {
	case errors.Is(err, ErrTokenRejected):
		a.Log.InfoContext(ctx, "unauthorized", "reason", err.Error())
		return req, nil
	case err != nil:
		return req, fmt.Errorf("%w: %w", errNoIdentity, err)
	}
	req.Caller = caller
	return req, nil
}

// recovered turns a panic into a 500 and a log line with its stack, so that one
// bad request cannot take the environment's other work with it.
func (a *API) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // the context is r's
			if p := recover(); p != nil {
				a.Log.ErrorContext(r.Context(), "panic", "value", p, "stack", string(debug.Stack()))
				writeProblem(w, r, problem(CodeInternal, internalDetail))
			}
		}()
		next.ServeHTTP(w, r)
	})
}
