// Package httpapitest holds an HTTP handler to openapi.yaml: what it grants must
// be a request of the contract, and whatever it answers a response of it. Tests
// wrap the API with Checked and then cannot forget to look.
package httpapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/hailstone-rides/hailstone"
)

// Contract is a parsed openapi.yaml. It is safe for concurrent use.
type Contract struct {
	Doc    *openapi3.T
	router routers.Router
}

// Load returns the contract of the build, which it reads once. It returns an error
// for a document that is not valid OpenAPI 3.1, examples included.
func Load() (*Contract, error) { return ofTheBuild() }

var ofTheBuild = sync.OnceValues(func() (*Contract, error) { return Parse(hailstone.OpenAPI) })

// Parse reads a contract.
func Parse(document []byte) (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	if err := doc.Validate(loader.Context, openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError()); err != nil {
		return nil, fmt.Errorf("validate the contract: %w", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("routes of the contract: %w", err)
	}
	return &Contract{Doc: doc, router: router}, nil
}

// Checked returns a handler that passes requests on to next, and fails the test
// for every exchange that breaks the contract.
func (c *Contract) Checked(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s %s: read the request: %v", r.Method, r.URL, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if err := c.Check(r, body, answer.Result()); err != nil {
			t.Errorf("%s %s → %d %s: %v", r.Method, r.URL, answer.Code, answer.Body, err)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// Check returns what an exchange breaks of the contract: a response that it does
// not describe, or a success for a request that it does not allow. A HEAD is answered as
// the GET is, without a body. The body of the response can be read again afterwards.
func (c *Contract) Check(r *http.Request, body []byte, resp *http.Response) error {
	answered, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answered))
	if r.Method == http.MethodHead {
		if len(answered) > 0 {
			return errors.New("the answer to a HEAD has a body")
		}
		r = r.Clone(r.Context())
		r.Method = http.MethodGet // whose answer it is, without the body
		return c.check(r, body, resp, answered, true)
	}
	return c.check(r, body, resp, answered, false)
}

// check is Check of a response that was read; headOnly leaves its body out.
func (c *Contract) check(r *http.Request, body []byte, resp *http.Response, answered []byte, headOnly bool) error {
	in, err := c.input(r, body)
	if errors.Is(err, routers.ErrPathNotFound) || errors.Is(err, routers.ErrMethodNotAllowed) {
		return c.checkUnknownRoute(r.Context(), resp, answered, headOnly)
	}
	if err != nil {
		return err
	}
	if in.Route.Operation.Responses.Status(resp.StatusCode) == nil { // the validator lets redirects pass
		return fmt.Errorf("status %d is not in the contract", resp.StatusCode)
	}
	if resp.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return fmt.Errorf("a request outside the contract was granted: %w", err)
		}
	}
	if resp.StatusCode == http.StatusNotModified {
		return checkNotModified(resp, answered)
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(answered)), Options: withoutBody(options(), headOnly),
	})
}

func withoutBody(o *openapi3filter.Options, headOnly bool) *openapi3filter.Options {
	o.ExcludeResponseBody = headOnly
	return o
}

// Allows returns why the contract does not allow a request, nil if it does.
func (c *Contract) Allows(r *http.Request, body []byte) error {
	in, err := c.input(r, body)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(r.Context(), in)
}

func (c *Contract) input(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		return nil, fmt.Errorf("find the route: %w", err)
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return &openapi3filter.RequestValidationInput{Request: again, Route: route, PathParams: params, Options: options()}, nil
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		IncludeResponseStatus: true,
		SkipSettingDefaults:   true,
		// The caller is put into the request's context; there is no token to look at.
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
}

// checkUnknownRoute checks the answer to a request that the gateway would not
// have let through: a 404 that is a problem like all others.
func (c *Contract) checkUnknownRoute(ctx context.Context, resp *http.Response, body []byte, headOnly bool) error {
	if resp.StatusCode != http.StatusNotFound {
		return fmt.Errorf("the contract has no such route, and the answer is %d", resp.StatusCode)
	}
	notFound := c.Doc.Components.Responses["NoBooking"].Value
	operation := &openapi3.Operation{Responses: openapi3.NewResponses(openapi3.WithStatus(http.StatusNotFound, &openapi3.ResponseRef{Value: notFound}))}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: &http.Request{Method: http.MethodGet}, Route: &routers.Route{Spec: c.Doc, Operation: operation},
		},
		Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)), Options: withoutBody(options(), headOnly),
	})
}

// checkNotModified checks what the validator leaves out.
func checkNotModified(resp *http.Response, body []byte) error {
	if len(body) > 0 || resp.Header.Get("Etag") == "" || resp.Header.Get("Cache-Control") != "private, no-cache" {
		return errors.New("a 304 has an ETag, a Cache-Control and no body")
	}
	return nil
}
