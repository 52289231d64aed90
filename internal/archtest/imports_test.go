package archtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestDependenciesPointInward(t *testing.T) {
	pkgs := list(t)
	for _, v := range violations(pkgs) {
		t.Error(v)
	}
	// A rule about a package that was renamed would hold for ever.
	named := slices.Concat(slices.Collect(maps.Keys(core)), edges, tools, []string{"internal/awsenv", "internal/payments/stripegateway"})
	for _, dir := range named {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.ImportPath == module+dir }) {
			t.Errorf("there is no package %s for the rule to be about", dir)
		}
	}
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
		var p pkg
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func TestViolations(t *testing.T) {
	const sdk = "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	tests := []struct {
		name, from, imported string
		why                  string // empty: allowed
	}{
		{"domain on events", "internal/booking", module + "internal/events", ""},
		{"payments on domain", "internal/payments", module + "internal/booking", ""},
		{"domain on pure library", "internal/booking", "github.com/go-json-experiment/json/jsontext", ""},
		{"domain on time", "internal/booking", "time", ""},
		{"adapter on its port", "internal/events/dynamoevents", module + "internal/events", ""},
		{"adapter on AWS", "internal/events/dynamoevents", sdk, ""},
		{"function on adapter", "functions/booking", module + "internal/events/dynamoevents", ""},
		{"story tests on adapter", "internal/system", module + "internal/events/dynamoevents", ""},
		{"edge on domain", "internal/httpapi", module + "internal/booking", ""},
		{"edge on HTTP", "internal/httpapi", "net/http", ""},
		{"command on tool", "cmd/hail", module + "internal/localstack", ""},

		{"domain on os", "internal/booking", "os", "input or output"},
		{"domain on os/exec", "internal/booking", "os/exec", "input or output"},
		{"resilience on HTTP", "internal/resilience", "net/http", "input or output"},
		{"domain on AWS", "internal/payments", sdk, "called by adapters"},
		{"domain on Lambda", "internal/readmodel", "github.com/aws/aws-lambda-go/events", "end in adapters"},
		{"domain on library", "internal/booking", "github.com/caarlos0/env/v11", "standard library"},
		{"events on domain", "internal/events", module + "internal/booking", "further in"},
		{"domain on payments", "internal/booking", module + "internal/payments", "further in"},
		{"views on payments", "internal/readmodel", module + "internal/payments", "further in"},
		{"domain on edge", "internal/booking", module + "internal/httpapi", "further in"},
		{"domain on its adapter", "internal/events", module + "internal/events/dynamoevents", "further in"},
		{"adapter on adapter", "internal/readmodel/dynamoview", module + "internal/events/dynamoevents", "each other"},
		{"edge on adapter", "internal/relay", module + "internal/queue/sqsqueue", "only functions"},
		{"edge on AWS", "internal/queue", sdk, "called by adapters"},
		{"edge on provider", "internal/httpapi", "github.com/stripe/stripe-go/v85", "one adapter"},
		{"function on test support", "functions/relay", module + "internal/events/eventstest", "for tests"},
		{"function on tool", "functions/payment", module + "internal/paysim", "not deployed"},
		{"edge on tool", "internal/awsenv", module + "internal/toolbox/dynamolocal", "not deployed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := violations([]pkg{{ImportPath: module + test.from, Imports: []string{test.imported}}})
			switch {
			case test.why == "" && len(got) > 0:
				t.Errorf("refused: %v", got)
			case test.why != "" && (len(got) != 1 || !strings.Contains(got[0], test.why)):
				t.Errorf("got %q, want one violation: %s", got, test.why)
			}
		})
	}
}
