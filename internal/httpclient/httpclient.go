// Package httpclient makes HTTP transports for what an execution environment keeps between
// its invocations. Lambda freezes it in between, for seconds or for an hour, and what its
// connections lead to may be gone when it goes on: closed by the server, or forgotten by a
// NAT gateway or a load balancer, which then swallow what is sent.
//
// Three rules keep that to one failed attempt:
//
//   - A connection that was idle for half a minute is not used again. net/http measures that
//     by the wall clock, which a freeze does not stop.
//   - HTTP/1.1 alone: an attempt that is given up closes its connection. One of HTTP/2 stays
//     open, and every later call is put on it and waits in vain.
//   - An attempt that got no answer closes all idle connections: they have been idle in the
//     same freeze, and the next attempts would try one dead connection after the other.
package httpclient

import (
	"net"
	"net/http"
	"time"
)

// idleTimeout is shorter than what load balancers in front of APIs allow.
const idleTimeout = 30 * time.Second

// idlePerHost is how many connections to a server are kept: as many as an invocation has
// calls under way at once.
const idlePerHost = 16

// Transport is an http.RoundTripper that forgets its idle connections after an attempt
// without an answer. Its fields must not be changed once it is used; it is safe for
// concurrent use.
type Transport struct {
	*http.Transport
	Dialer *net.Dialer // of the transport
}

// NewTransport returns a transport with a pool of connections of its own. connect bounds
// connecting, and the TLS handshake once more.
func NewTransport(connect time.Duration) *Transport {
	first := &http.Protocols{}
	first.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: connect}
	return &Transport{Dialer: dialer, Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   connect,
		ExpectContinueTimeout: time.Second,
		Protocols:             first,
		MaxIdleConnsPerHost:   idlePerHost,
		IdleConnTimeout:       idleTimeout,
	}}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.Transport.RoundTrip(req)
	if err != nil {
		t.CloseIdleConnections()
	}
	return res, err
}
