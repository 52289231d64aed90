package otlp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
	"github.com/hailstone-rides/hailstone/internal/telemetry/otlp"
)

var spans = []telemetry.Span{{
	TraceContext: telemetry.TraceContext{TraceID: [16]byte{0x4b, 15: 0x36}, SpanID: [8]byte{1, 7: 2}, Sampled: true},
	Parent:       [8]byte{3, 7: 4}, Kind: telemetry.Client, Name: "confirm", Failed: true, BookingID: "bk_1",
	Began: time.Unix(1, 5), Ended: time.Unix(2, 0),
}, {
	TraceContext: telemetry.TraceContext{TraceID: [16]byte{0x4b, 15: 0x36}, SpanID: [8]byte{3, 7: 4}, Sampled: true},
	Kind:         telemetry.Server, Name: "payment", Began: time.Unix(1, 0), Ended: time.Unix(3, 0),
}}

// collector answers as one does, and keeps what it got.
func collector(t *testing.T, status int, answer string) (url string, got func() (*http.Request, map[string]any)) {
	t.Helper()
	var last *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() (*http.Request, map[string]any) {
		var request map[string]any
		if err := json.Unmarshal(body, &request); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return last, request
	}
}

func exporter(t *testing.T, endpoint string) *otlp.Exporter {
	t.Helper()
	e, err := otlp.New(endpoint, "payment", "hail-test")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSpansGoToTheCollectorInTheJSONEncoding(t *testing.T) {
	t.Parallel()
	url, got := collector(t, http.StatusOK, "{}")
	e := exporter(t, url+"/ingest/")
	if err := e.Send(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	r, body := got()
	if r.Method != http.MethodPost || r.URL.Path != "/ingest/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s with %v", r.Method, r.URL.Path, r.Header)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"resourceSpans": [{
		"resource": {"attributes": [
			{"key": "service.namespace", "value": {"stringValue": "hail-test"}},
			{"key": "service.name", "value": {"stringValue": "payment"}}]},
		"scopeSpans": [{"scope": {"name": "hailstone"}, "spans": [
			{"traceId": "4b000000000000000000000000000036", "spanId": "0100000000000002", "parentSpanId": "0300000000000004",
			 "name": "confirm", "kind": 3, "startTimeUnixNano": "1000000005", "endTimeUnixNano": "2000000000",
			 "attributes": [{"key": "hailstone.booking_id", "value": {"stringValue": "bk_1"}}], "status": {"code": 2}},
			{"traceId": "4b000000000000000000000000000036", "spanId": "0300000000000004",
			 "name": "payment", "kind": 2, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "3000000000", "status": {}}]}]}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("the request (-want +got):\n%s", diff)
	}
}

func TestWhatACollectorDoesNotTakeIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		answer string
		fails  bool
	}{
		"all":                {http.StatusOK, "", false},
		"none rejected":      {http.StatusOK, `{"partialSuccess": {"rejectedSpans": "0"}}`, false},
		"a part":             {http.StatusOK, `{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "x"}}`, true},
		"a part, as number":  {http.StatusOK, `{"partialSuccess": {"rejectedSpans": 1}}`, true},
		"too many requests":  {http.StatusTooManyRequests, "", true},
		"a page of some web": {http.StatusNotFound, "<html>", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := collector(t, test.status, test.answer)
			if err := exporter(t, url).Send(t.Context(), spans); (err != nil) != test.fails {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestSendingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-over
	}))
	defer s.Close()
	defer close(over)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if err := exporter(t, s.URL).Send(ctx, spans); err == nil {
		t.Error("a collector that does not answer took the spans")
	}
}

func TestAnEndpointIsAnAddressOfHTTP(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"collector:4318", "grpc://collector:4317", "http://", "http://%"} {
		if _, err := otlp.New(endpoint, "payment", "hail-test"); err == nil {
			t.Errorf("%s was taken", endpoint)
		}
	}
}
