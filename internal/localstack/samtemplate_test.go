package localstack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const builtTemplate = `AWSTemplateFormatVersion: '2010-09-09'
Globals:
    Function:
        Environment:
            Variables:
                STAGE:
                    Ref: Stage
Resources:
    BookingFunction:
        Properties:
            Environment:
                Variables:
                    JWT_ISSUER:
                        Fn::If:
                            - CreateUserPool
                            - Ref: UserPool
                            - ""
                    TARIFF: standard
`

func TestVariablesAreSetAndAdded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "template.yaml"), filepath.Join(dir, "sam-local.yaml")
	if err := os.WriteFile(from, []byte(builtTemplate), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := withVariables(from, to, map[string]map[string]string{
		"": {"AWS_ENDPOINT_URL": "http://172.17.0.1:8000"}, "BookingFunction": {"JWT_ISSUER": "http://172.17.0.1:9000"},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	want := `AWSTemplateFormatVersion: '2010-09-09'
Globals:
    Function:
        Environment:
            Variables:
                STAGE:
                    Ref: Stage
                AWS_ENDPOINT_URL: http://172.17.0.1:8000
Resources:
    BookingFunction:
        Properties:
            Environment:
                Variables:
                    JWT_ISSUER: http://172.17.0.1:9000
                    TARIFF: standard
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, function := range map[string]string{"a function that is not there": "Other", "one without variables": "Resources"} {
		if err := withVariables(from, to, map[string]map[string]string{function: {"A": "b"}}); err == nil || !strings.Contains(err.Error(), function) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
