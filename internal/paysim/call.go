package paysim

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Op is an operation of the API, as faults, ledger and statistics name it.
type Op string

// The operations. Reading lists counts as OpRetrieve.
const (
	OpCreate   Op = "create"
	OpConfirm  Op = "confirm"
	OpCapture  Op = "capture"
	OpCancel   Op = "cancel"
	OpRefund   Op = "refund"
	OpRetrieve Op = "retrieve"
)

// endpoint is one route: it turns parameters into a plan.
type endpoint struct {
	op    Op
	parse func(id string, f *form) (plan, *apiError)
}

// plan is a call whose parameters are valid. Its functions run with the world
// locked, except between start and run where the call has latency.
type plan struct {
	// ref is the payment intent to work on, empty for a create.
	ref string
	// check tells whether the state of the object allows it; it changes nothing.
	check func(p *intent) *apiError
	// start shows that work has begun, while latency passes. It may be nil.
	start func(p *intent)
	// run has the effect and returns the object to answer with. A create returns
	// its intent besides; it may come with an error, as a declined create does.
	run func(w *world, p *intent, x execution) (any, *intent, *apiError)
}

// execution is what a plan's run is told.
type execution struct {
	now     time.Time
	decline bool
	pending bool
}

// call is one request on its way through the server.
type call struct {
	endpoint
	world  *world
	id     string // in the path
	form   *form
	apiKey string
	key    string
	print  string // what the key stands for: method, path and parameters

	ref      string // for the log
	fault    Kind
	replayed bool
}

// answer is a finished response. The stored bytes of one are replayed as such.
type answer struct {
	status    int
	header    map[string]string
	body      []byte
	ref       string
	result    string // for ledger and log: ok or the error's code
	requestID string
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	c := &call{endpoint: e, world: s.current(), id: r.PathValue("id"), key: r.Header.Get("Idempotency-Key")}
	c.ref = c.id
	c.world.enter(e.op)
	defer c.world.leave()

	a, answered := s.answer(w, r, c)
	status := a.status
	if !answered {
		status = 0
	}
	s.cfg.Log.LogAttrs(r.Context(), levelOf(status), "call", logAttrs(c, a, status)...)
	if !answered {
		cut(w)
		return
	}
	s.write(w, r, a)
}

// answer runs the steps that doc.go lists. It reports false where the client
// gets no answer.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, c *call) (answer, bool) {
	if err := s.read(w, r, c); err != nil {
		return c.world.errorAnswer(err), true
	}
	net := c.world.drawNetwork(c.op)
	c.fault = net.kind
	switch net.kind {
	case KindReset:
		return answer{}, false
	case KindTimeoutBefore:
		s.hang(r)
		return answer{}, false
	case KindRateLimit:
		return c.world.errorAnswer(rateLimited(net.retryAfter)), true
	default: // the call reaches the provider
	}
	a, answered := s.once(c)
	if answered && net.kind == KindTimeoutAfter {
		s.hang(r)
		return answer{}, false
	}
	return a, answered
}

// read authorizes the call and takes its parameters in.
func (s *Server) read(w http.ResponseWriter, r *http.Request, c *call) *apiError {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !slices.Contains(s.cfg.Keys, key) {
		return unauthorized()
	}
	if len(c.key) > 255 {
		return invalid("", "", "An idempotency key has at most 255 characters.")
	}
	c.apiKey = key
	if r.Method == http.MethodGet {
		c.form = newForm(r.URL.Query())
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		e := invalid("", "", "The request body is over %d bytes.", maxBody)
		e.status = http.StatusRequestEntityTooLarge
		return e
	}
	if err != nil {
		return invalid("", "", "The request body could not be read.")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(body) > 0 && (err != nil || media != "application/x-www-form-urlencoded") {
		return invalid("", "", "The body must be application/x-www-form-urlencoded.")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return invalid("", "", "The body is not a valid form.")
	}
	c.form = newForm(values)
	c.print = r.Method + " " + r.URL.Path + "?" + values.Encode()
	return nil
}

// once carries the call out, unless its key says that this was done before.
func (s *Server) once(c *call) (answer, bool) {
	if c.key == "" || c.print == "" {
		a, _, answered := s.perform(c)
		return a, answered
	}
	if a, settled := c.world.openKey(c, s.cfg.Now()); settled {
		c.ref = a.ref
		return a, true
	}
	a, executed, answered := s.perform(c)
	c.world.closeKey(c, a, executed && answered)
	return a, answered
}

// perform carries the call out. It reports whether the endpoint was executed
// (only then is the answer remembered), and whether there is an answer.
func (s *Server) perform(c *call) (a answer, executed, answered bool) {
	w := c.world
	p, err := c.parse(c.id, c.form)
	if err != nil {
		return w.errorAnswer(err), false, true
	}
	c.ref = p.ref
	target, err := w.lock(p.ref, c.op, s.cfg.Now())
	if err != nil {
		return w.errorAnswer(err), false, true
	}
	defer w.unlock(target, c.op)

	draw, err := w.begin(c, p, target)
	if err == nil && draw.latency > 0 && !s.wait(draw.latency) {
		w.giveUp(target)
		return answer{}, true, false
	}
	return w.finish(c, p, target, draw, err, s.cfg.Now()), true, true
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Request-Id", a.requestID)
	if v := r.Header.Get("Stripe-Version"); v != "" {
		h.Set("Stripe-Version", v)
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" && r.Method == http.MethodPost {
		h.Set("Idempotency-Key", key)
	}
	for name, value := range a.header {
		h.Set(name, value)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may have left: nothing to be done
}

// mustJSON encodes what is made of strings, numbers and maps only.
func mustJSON(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("paysim: encode an answer: " + err.Error())
	}
	return append(b, '\n')
}
