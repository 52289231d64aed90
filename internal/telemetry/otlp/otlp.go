// Package otlp sends spans to a collector by OTLP over HTTP, in its JSON encoding. It
// stands in for the OpenTelemetry SDK, whose exporter alone is larger than a function
// of this service (ADR 15); what it does not do is metrics, logs, batches over
// several invocations, compression and gRPC.
//
// Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Settings:
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/.
package otlp

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/httpclient"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// Exporter sends spans to one collector. It is safe for concurrent use. It makes one
// attempt: the next invocation must not wait for the spans of this one.
type Exporter struct {
	client   *http.Client
	endpoint string
	resource resource
}

var _ telemetry.Exporter = (*Exporter)(nil)

// connectTimeout bounds connecting, and the TLS handshake once more. The caller's context
// bounds the whole.
const connectTimeout = time.Second

// New returns an exporter to the collector at a base address, as the environment variable
// OTEL_EXPORTER_OTLP_ENDPOINT gives it: spans go to /v1/traces below it. Keys of whoever
// stores the spans are the collector's to add.
func New(endpoint, service, stack string) (*Exporter, error) {
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the collector's endpoint is no address of HTTP")
	}
	return &Exporter{
		client: &http.Client{Transport: httpclient.NewTransport(connectTimeout)}, endpoint: base.JoinPath("v1", "traces").String(),
		resource: resource{Attributes: []attribute{text("service.namespace", stack), text("service.name", service)}},
	}, nil
}

// mostAnswer of a collector is read.
const mostAnswer = 4096

// Send implements telemetry.Exporter.
func (e *Exporter) Send(ctx context.Context, spans []telemetry.Span) error {
	body, err := json.Marshal(e.request(spans))
	if err != nil {
		return fmt.Errorf("encode %d spans: %w", len(spans), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written to it
	answer, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("send spans: the collector answered %d", resp.StatusCode)
	}
	return rejected(answer)
}

// rejected returns an error if a collector took a part of the spans only.
func rejected(answer []byte) error {
	var a struct {
		Partial struct {
			Rejected json64 `json:"rejectedSpans"`
		} `json:"partialSuccess"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Partial.Rejected == 0 {
		return nil //nolint:nilerr // a 200 with an empty or foreign body took everything
	}
	return fmt.Errorf("send spans: the collector rejected %d", a.Partial.Rejected)
}

// json64 is a 64-bit integer, which the encoding writes as a string and reads as both.
type json64 int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *json64) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = json64(v)
	return err
}

// What follows is ExportTraceServiceRequest in JSON: names in lowerCamelCase, ids in
// hexadecimal digits, enumerations as numbers, 64-bit integers as strings.
type request struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   resource     `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type resource struct {
	Attributes []attribute `json:"attributes"`
}

type scopeSpans struct {
	Scope scope  `json:"scope"`
	Spans []span `json:"spans"`
}

type scope struct {
	Name string `json:"name"`
}

type span struct {
	TraceID      string         `json:"traceId"`
	SpanID       string         `json:"spanId"`
	ParentSpanID string         `json:"parentSpanId,omitzero"`
	Name         string         `json:"name"`
	Kind         telemetry.Kind `json:"kind"`
	Start        string         `json:"startTimeUnixNano"`
	End          string         `json:"endTimeUnixNano"`
	Attributes   []attribute    `json:"attributes,omitzero"`
	Status       status         `json:"status"`
}

type status struct {
	Code int `json:"code,omitzero"`
}

const statusError = 2

type attribute struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	StringValue string `json:"stringValue"`
}

func text(key, s string) attribute { return attribute{key, value{s}} }

func (e *Exporter) request(spans []telemetry.Span) request {
	encoded := make([]span, len(spans))
	for i, s := range spans {
		encoded[i] = encode(s)
	}
	return request{[]resourceSpans{{e.resource, []scopeSpans{{scope{"hailstone"}, encoded}}}}}
}

func encode(s telemetry.Span) span {
	out := span{
		TraceID: hex.EncodeToString(s.TraceID[:]), SpanID: hex.EncodeToString(s.SpanID[:]), Name: s.Name, Kind: s.Kind,
		Start: strconv.FormatInt(s.Began.UnixNano(), 10), End: strconv.FormatInt(s.Ended.UnixNano(), 10),
	}
	if s.Parent != [8]byte{} {
		out.ParentSpanID = hex.EncodeToString(s.Parent[:])
	}
	if s.BookingID != "" {
		out.Attributes = []attribute{text("hailstone.booking_id", s.BookingID)}
	}
	if s.Failed {
		out.Status.Code = statusError
	}
	return out
}
