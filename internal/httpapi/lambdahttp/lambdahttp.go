// Package lambdahttp runs an http.Handler behind an API Gateway HTTP API (payload
// format 2.0). The gateway has verified the access token; what it found is taken
// from the event, and what it should not have let through is refused here. Where no authorizer
// ran at all, as under `sam local`, the token is verified here.
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// margin is kept free before the invocation's deadline, for the answer that says
// that there was not enough time.
const margin = 500 * time.Millisecond

// Handler returns the Lambda handler for h. Tokens that the gateway did not look at
// are given to tokens; nil accepts none of them.
func Handler(h http.Handler, tokens Tokens) func(context.Context, Event) (lambdaevents.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, e Event) (lambdaevents.APIGatewayV2HTTPResponse, error) {
		ctx, cancel := resilience.KeepMargin(ctx, margin)
		defer cancel()
		r, err := request(ctx, e, tokens)
		if err != nil {
			return lambdaevents.APIGatewayV2HTTPResponse{}, err
		}
		w := &recorder{header: http.Header{}}
		h.ServeHTTP(w, r)
		answer := w.response()
		tell(ctx, r, answer) // r.Context is not what its handlers had
		return answer, nil
	}
}

func request(ctx context.Context, e Event, tokens Tokens) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, fmt.Errorf("decode the request's body: %w", err)
		}
		body = decoded
	}
	ctx = httpapi.WithRequest(ctx, httpapi.Request{
		ID: e.RequestContext.RequestID, Caller: admitted(e.RequestContext.Authorizer), Identify: identify(e, tokens),
		Trace: events.Trace{
			CorrelationID: e.RequestContext.RequestID,
			Traceparent:   telemetry.Adopt(ctx, telemetry.Origin{Traceparent: e.header("traceparent"), CorrelationID: e.RequestContext.RequestID}),
		},
	})
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", e.RequestContext.RequestID, err)
	}
	r.URL.Path, r.URL.RawQuery = e.path(), e.RawQueryString
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	return r, nil
}
