package lambdahttp

import (
	"bytes"
	"net/http"
	"strings"

	lambdaevents "github.com/aws/aws-lambda-go/events"
)

// recorder is an http.ResponseWriter that keeps the response, which the gateway
// takes only whole.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	sent   map[string]string // the header when the status was written
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter: the first call counts.
func (r *recorder) WriteHeader(status int) {
	if r.status != 0 {
		return
	}
	r.status, r.sent = status, make(map[string]string, len(r.header))
	for name, values := range r.header {
		r.sent[name] = strings.Join(values, ", ")
	}
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *recorder) response() lambdaevents.APIGatewayV2HTTPResponse {
	r.WriteHeader(http.StatusOK)
	return lambdaevents.APIGatewayV2HTTPResponse{StatusCode: r.status, Headers: r.sent, Body: r.body.String()}
}
