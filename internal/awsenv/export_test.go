package awsenv

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hailstone-rides/hailstone/internal/httpclient"
)

// TransportOf returns what is below the clients of a configuration.
func TransportOf(t *testing.T, cfg aws.Config) (*http.Client, *httpclient.Transport) {
	t.Helper()
	client, ok := cfg.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("the client is %T", cfg.HTTPClient)
	}
	transport, ok := client.Transport.(*httpclient.Transport)
	if !ok {
		t.Fatalf("the transport is %T", client.Transport)
	}
	return client, transport
}

// HasRule says whether the values of a variable are checked.
func HasRule(variable string) bool {
	return slices.ContainsFunc(rules(), func(r rule) bool { return strings.HasSuffix(variable, r.suffix) })
}
