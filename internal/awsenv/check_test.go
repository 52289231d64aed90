package awsenv_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
)

// checked has a setting of each kind that has a rule.
type checked struct {
	awsenv.Common
	Table       string `env:"EVENTS_TABLE"`
	Queue       string `env:"PAYMENTS_QUEUE_URL"`
	Secret      string `env:"CURSOR_SECRET_ARN"`
	Issuer      string `env:"JWT_ISSUER"`
	Audience    string `env:"JWT_AUDIENCE"`
	Provider    string `env:"STRIPE_API_URL"`
	Concurrency int    `env:"PAYMENT_CONCURRENCY"`
}

func TestAValueOfTheWrongFormIsRefusedAtTheStart(t *testing.T) {
	for variable, values := range map[string]struct{ good, bad []string }{
		"EVENTS_TABLE": {
			[]string{"hail-EventsTable-1ABC", "EventsTable", "a.b_c", strings.Repeat("t", 255)},
			[]string{"ab", "a table", "table\n", "arn:aws:dynamodb:eu-west-1:1:table/x", strings.Repeat("t", 256)},
		},
		"PAYMENTS_QUEUE_URL": {
			[]string{"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "http://127.0.0.1:4566/000000000000/q", "PaymentsQueue"},
			[]string{"sqs://x/q", "https://", "//sqs/q", "a b", "https://sqs/q?x=1", "%zz"},
		},
		"CURSOR_SECRET_ARN": {
			[]string{"arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf", "none", "hail/cursor"},
			[]string{"arn:aws:secretsmanager", "a b", "x\n", "schlüssel"},
		},
		"JWT_ISSUER": {
			[]string{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X", "https://id.example.com/", "http://127.0.0.1:1"},
			[]string{"id.example.com", "https:/id", "https://id.example.com?x", "https://id.example.com#x", "ftp://id"},
		},
		"JWT_AUDIENCE":        {[]string{"3n4b5urk1ft4fl3mg5e62d9ado"}, []string{"a b", "x\n"}},
		"STRIPE_API_URL":      {[]string{"https://api.stripe.com", "http://127.0.0.1:1"}, []string{"api.stripe.com", "x"}},
		"PAYMENT_CONCURRENCY": {[]string{"1", "5", "1000"}, []string{"0", "-1", "5.5", "many"}},
	} {
		for i, value := range append(slices.Clone(values.good), values.bad...) {
			environment(t, map[string]string{"STAGE": "dev", "STACK": "hail"})
			t.Setenv("PAYMENT_CONCURRENCY", "5")
			t.Setenv(variable, value)
			_, err := awsenv.Load[checked]()
			if good := i < len(values.good); good && err != nil || !good && (err == nil || !strings.Contains(err.Error(), variable)) {
				t.Errorf("%s=%q: error %v", variable, value, err)
			}
		}
		t.Setenv(variable, "")
		if err := os.Unsetenv(variable); err != nil {
			t.Fatal(err)
		}
	}
}

// Every setting of every function has a rule, or is text that its main checks at the start,
// so that a new one is not forgotten.
func TestEverySettingIsCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	free := []string{"TARIFF"} // LoadTariff
	mains, err := filepath.Glob("../../functions/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	for _, main := range mains {
		source, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), "awsenv.Start[settings](ctx)") || strings.Contains(string(source), "os.Getenv") {
			t.Errorf("%s reads its environment otherwise", main)
		}
		for _, tag := range regexp.MustCompile("`env:\"([A-Z_]+)").FindAllStringSubmatch(string(source), -1) {
			if !awsenv.HasRule(tag[1]) && !slices.Contains(free, tag[1]) {
				t.Errorf("%s: nothing checks %s", main, tag[1])
			}
		}
	}
}
