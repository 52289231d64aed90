package stripegateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// maxAnswer bounds an answer's body; the real ones are below 20 KB.
const maxAnswer = 1 << 20

// exchange is what one HTTP request was seen to do, as far as it came. It
// travels in the request's context, since the client has no place for it.
type exchange struct {
	entered    bool        // the request was handed to the transport
	tooLate    bool        // but its context had ended before
	connecting atomic.Bool // the transport reports its connections
	connected  atomic.Bool // one was obtained: from here on anything may be sent
	err        error       // why there is no answer, or not all of it
	status     int         // of the answer, zero if there is none
	header     http.Header
}

type exchangeKey struct{}

// certainlyNotSent tells whether not even a part of the request can have reached the
// provider.
func (x *exchange) certainlyNotSent() bool {
	return x.tooLate || (x.connecting.Load() && !x.connected.Load())
}

func (x *exchange) replayed() bool { return x.header.Get("Idempotent-Replayed") == "true" }

// transport makes exactly one attempt of a request and notes what it sees.
type transport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("stripe gateway: request without an exchange")
	}
	x.entered = true
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { x.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { x.connected.Store(true) },
	})
	if err := ctx.Err(); err != nil {
		x.tooLate, x.err = true, err
		return nil, err
	}
	attempt := req.WithContext(ctx)
	// Without a way to read the body again, net/http cannot repeat the request when
	// a kept connection breaks. Such a repeat would be invisible to the retry
	// policy and to the breaker.
	attempt.GetBody = nil
	res, err := t.next.RoundTrip(attempt)
	if err != nil {
		x.err = err
		return nil, err
	}
	x.status, x.header = res.StatusCode, res.Header
	res.Body = &answerBody{Reader: io.LimitReader(res.Body, maxAnswer), Closer: res.Body, exchange: x}
	return res, nil
}

// answerBody notes why a body ended early.
type answerBody struct {
	io.Reader
	io.Closer
	exchange *exchange
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.exchange.err = err
	}
	return n, err
}
