// Package api is a small client of the HTTP API, for commands and checks. It adds no
// retries and interprets no status: callers see what the API answered.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Client sends requests as one caller.
type Client struct {
	Base  string // base URL, without a slash at its end
	Token string // access token; empty sends none
}

// Request is one request. A nil Body sends none.
type Request struct {
	Method string
	Path   string
	Key    string            // Idempotency-Key; empty sends none
	Header map[string]string // what else is sent
	Body   any
}

// Response is what came back.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// requestTimeout is longer than any answer of the gateway may take.
const requestTimeout = 35 * time.Second

// Do sends the request. The error is nil whatever the status of the response.
func (c Client) Do(ctx context.Context, r Request) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader = http.NoBody
	if r.Body != nil {
		text, err := json.Marshal(r.Body)
		if err != nil {
			return Response{}, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.Base+r.Path, body)
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	if r.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if r.Key != "" {
		request.Header.Set("Idempotency-Key", r.Key)
	}
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: read response: %w", r.Method, r.Path, err)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: text}, nil
}

// Decode reads the response's JSON into v.
func (r Response) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("read response %q: %w", r.excerpt(), err)
	}
	return nil
}

// Err describes a response that is not the one wanted, in the words of its problem
// body if it has one.
func (r Response) Err(want int) error {
	if r.Status == want {
		return nil
	}
	var p Problem
	if json.Unmarshal(r.Body, &p) != nil || p.Code == "" {
		return fmt.Errorf("status %d, want %d: %s", r.Status, want, r.excerpt())
	}
	details := []string{p.Detail}
	for _, e := range p.Errors {
		details = append(details, e.Pointer+" "+e.Detail)
	}
	return fmt.Errorf("status %d (%s), want %d: %s", r.Status, p.Code, want, strings.Join(details, "; "))
}

func (r Response) excerpt() string {
	const most = 300
	text := strings.TrimSpace(string(r.Body))
	return text[:min(len(text), most)]
}
