package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
)

const (
	root    = "../../../../"
	account = "111122223333"
	secret  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stripe-AbCdEf"
)

func TestSettingsAreThoseThatSAMReads(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "samconfig.toml")
	const text = `version = 0.1
[prod.global.parameters]
stack_name = "rides"
region = "eu-west-1"
parameter_overrides = "Stage=prod CorsOrigins=\"https://a.example,https://b.example\" Tariff="
[prod.deploy.parameters]
confirm_changeset = true
[empty.global.parameters]
region = "eu-west-1"
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env, overrides string
		want           map[string]string
		fails          string
	}{
		"of the file":           {"prod", "", map[string]string{"Stage": "prod", "CorsOrigins": "https://a.example,https://b.example", "Tariff": ""}, ""},
		"overrides replace all": {"prod", " Stage=dev  LogLevel=DEBUG ", map[string]string{"Stage": "dev", "LogLevel": "DEBUG"}, ""},
		"a value with spaces":   {"prod", `A="b c" D=e`, map[string]string{"A": "b c", "D": "e"}, ""},
		"no such environment":   {"test", "", nil, `has no environment "test", only empty, prod`},
		"no name":               {"empty", "", nil, "needs stack_name and region"},
		"no value":              {"prod", "Stage", nil, `want Name=value, got "Stage"`},
		"an open quotation":     {"prod", `A="b c`, nil, "A: a quotation mark is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.ReadSettings(file, test.env, test.overrides)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("got %v, want %q", err, test.fails)
				}
				return
			}
			if diff := cmp.Diff(plan.Settings{Stack: "rides", Region: "eu-west-1", Parameters: test.want}, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	if _, err := plan.ReadSettings(filepath.Join(t.TempDir(), "none"), "prod", ""); err == nil {
		t.Error("a file that is not there was read")
	}
}

func made(t *testing.T, parameters string) *plan.Plan {
	t.Helper()
	tpl, err := plan.ReadTemplate(root + "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := plan.ReadSettings(root+"samconfig.toml", "prod", parameters)
	if err != nil {
		t.Fatal(err)
	}
	return tpl.Make(settings, account, map[string]string{"DeletionProtection": "true", "Stage": "local", "Gone": "x"})
}

// What a deployment makes follows from its parameters as CloudFormation decides it.
func TestAPlanFollowsFromTheParameters(t *testing.T) {
	t.Parallel()
	little, much := made(t, "Stage=dev StripeSecretArn="+secret), made(t, "Stage=prod StripeSecretArn="+secret+
		" EventBusArn=arn:aws:events:eu-central-1:111122223333:event-bus/b DispatchMachine=true ReserveConcurrency=true PaymentConcurrency=30 BookingReservedConcurrency=100")
	for name, test := range map[string]struct{ got, want any }{
		"a name of the stack's":        {slices.Contains(little.Texts("AWS::Logs::LogGroup", "LogGroupName"), "/aws/lambda/hailstone-prod-booking"), true},
		"a name with the account":      {much.Texts("AWS::Cognito::UserPoolDomain", "Domain"), []string{"hailstone-prod-" + account}},
		"no resource of a condition":   {little.OfType("AWS::KMS::Key"), []string(nil)},
		"resources of conditions":      {much.OfType("AWS::KMS::Key"), []string{"DataKey", "LogKey"}},
		"a condition of two":           {much.OfType("AWS::Cognito::UserPoolDomain"), []string{"UserPoolDomain"}},
		"a condition that fails":       {little.OfType("AWS::Cognito::UserPoolDomain"), []string(nil)},
		"a branch":                     {much.Resources["PaymentFunction"].Properties["ReservedConcurrentExecutions"], any("30")},
		"no value at all":              {little.Resources["PaymentFunction"].Properties["ReservedConcurrentExecutions"], nil},
		"a default":                    {little.Number("ApiBurstLimit"), 400.0},
		"a value of before":            {much.Parameters["DeletionProtection"], "true"},
		"a value given anew":           {much.Parameters["Stage"], "prod"},
		"a given number":               {much.Number("PaymentConcurrency"), 30.0},
		"what a resource decides":      {much.Resources["RelayFunction"].Properties["Role"], any(map[string]any{"Fn::GetAtt": "RelayRole.Arn"})},
		"nothing that is not a number": {little.Number("Stage"), 0.0},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if f := append(little.Faults(), much.Faults()...); len(f) > 0 {
		t.Errorf("faults: %q", f)
	}
}

func TestFaultsAreThoseThatCloudFormationRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ more, want string }{
		"no such parameter":   {"Colour=red", "Colour is no parameter of the template"},
		"not one of them":     {"LogLevel=LOUD", "LogLevel=LOUD: give one of DEBUG, INFO, WARN, ERROR"},
		"no number":           {"ApiRateLimit=many", "ApiRateLimit=many: give a number"},
		"too small":           {"PaymentConcurrency=1", "PaymentConcurrency=1: give a number from 2 to 1000"},
		"too large":           {"ProjectionBatchWindow=31", "ProjectionBatchWindow=31: give a number from 0 to 30"},
		"another form":        {"AlarmTopicArn=pager", "AlarmTopicArn=pager: give the ARN of an SNS topic, or empty"},
		"one of a list":       {"CorsOrigins=https://a.example,b.example", "CorsOrigins=https://a.example,b.example: give "},
		"a rule over several": {"JwtIssuer=https://id.example.com", "JwtAudience is required with JwtIssuer"},
	} {
		faults := made(t, "Stage=prod StripeSecretArn="+secret+" "+test.more).Faults()
		if len(faults) != 1 || !strings.HasPrefix(faults[0], test.want) {
			t.Errorf("%s: got %q, want %q", name, faults, test.want)
		}
	}
	faults := made(t, "Stage=prod").Faults()
	if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, "StripeSecretArn has no value: add") }) || len(faults) != 1 {
		t.Errorf("without the one that has no default: %q", faults)
	}
}

func TestWhatIsNoTemplateIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no YAML": "a: [", "nothing": "", "no resources": "Parameters: {A: {Type: String}}"} {
		file := filepath.Join(t.TempDir(), "template.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := plan.ReadTemplate(file); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}
