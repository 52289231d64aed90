package deploytest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// A mutant is the template with a fault in it that AWS would show and no emulator does.
type mutant struct {
	name, from, to string // the first from becomes to
	deployment     string // where it shows
	want           string // what make check-template says of it
}

var mutants = []mutant{
	{
		"a circle over the alarm of the rollout", `!Sub "${AWS::StackName}-api-errors-for-rollout"] }`, `!Ref ApiErrorsForRollout] }`,
		"prod", "circular dependency: ",
	},
	{
		"a rollout that watches no alarm of the stack", `!Sub "${AWS::StackName}-api-errors-for-rollout"] }`, `!Sub "${AWS::StackName}-errors"] }`,
		"prod", "BookingFunctionDeploymentGroup watches ",
	},
	{
		"a policy on two queues", `Queues: [!Ref PaymentsQueue]`, `Queues: [!Ref PaymentsQueue, !Ref RebuildQueue]`,
		"prod", "PaymentsQueuePolicy is the policy of ['PaymentsQueue', 'RebuildQueue']",
	},
	{
		"a policy about another queue", `Resource: !GetAtt RebuildDeadLetterQueue.Arn`, `Resource: !GetAtt RebuildQueue.Arn`,
		"prod", "RebuildDeadLetterQueuePolicy is the policy of ['RebuildDeadLetterQueue'] and covers ['RebuildQueue']",
	},
	{
		"a queue that takes plain HTTP", `Condition: { Bool: { "aws:SecureTransport": "false" } }`, `Condition: { Bool: { "aws:SecureTransport": "true" } }`,
		"prod", "ProjectionQueue has no policy that denies plain HTTP",
	},
	{
		"a first deployment that cannot be rolled back", `DeletionProtectionEnabled: !If [Protect, true, false]`, `DeletionProtectionEnabled: !If [KeepData, true, false]`,
		"prod", "EventsTable refuses to be deleted when the first deployment fails",
	},
	{
		"a stack that stays unprotected", `DeletionProtection: !If [Protect, ACTIVE, INACTIVE]`, `DeletionProtection: INACTIVE`,
		"prod with DeletionProtection", "UserPool can be deleted",
	},
	{
		"a mend that waits for alarms", `prod: { gradual: "true", now: "false" }`, `prod: { gradual: "true", now: "true" }`,
		"prod with Rollout", "BookingFunctionAliaslive is moved by CodeDeploy although Rollout is now",
	},
	{
		"payments that fall behind unseen", "MetricName: ApproximateAgeOfOldestMessage", "MetricName: NumberOfMessagesSent",
		"prod", "no alarm reads ApproximateAgeOfOldestMessage of PaymentsQueue",
	},
	{
		"one dashboard for two regions", `DashboardName: !Sub "${AWS::StackName}-${AWS::Region}"`, `DashboardName: !Sub "${AWS::StackName}"`,
		"prod", "Dashboard has the same name in each region",
	},
	{
		"an access log of what there is not", `$context.responseLatency`, `$context.latency`,
		"prod", "logs $context.latency as latency, which API Gateway does not have",
	},
	{
		"an access log outside the vended prefix", `LogGroupName: !Sub "/aws/vendedlogs/apigateway/`, `LogGroupName: !Sub "/aws/apigateway/`,
		"prod", "ApiGatewayDefaultStage logs to ApiLogGroup, which is outside /aws/vendedlogs/",
	},
	{
		"two origins in one", `AllowOrigins: !Split [",", !Ref CorsOrigins]`, `AllowOrigins: !Ref CorsOrigins`,
		"prod with CorsOrigins", "Api lets in browsers by",
	},
	{
		"a composite alarm of bare names", `'ALARM("${ApiFastBurnLong}") AND`, `'ALARM(${ApiFastBurnLong}) AND`,
		"prod", "ApiFastBurnAlarm has the rule",
	},
	{
		"a function that the second deployment changes", "        STAGE: !Ref Stage\n", "        STAGE: !Ref Stage\n        SAFE: !Ref DeletionProtection\n",
		"prod", "BookingFunction is changed by the second deployment",
	},
	{
		"a name that the scheduler refuses", `Name: !Sub "${AWS::StackName}-sweeper"`, `Name: !Sub "${AWS::StackName}-sweeps-what-time-makes-due"`,
		"prod", "SweeperFunctionEveryMinute is called",
	},
	{
		"a rollout of a function that is not there", "PassthroughCondition: true", "PassthroughCondition: false",
		"prod", "PublisherFunctionDeploymentGroup refers to PublisherErrorsAlarm, which is not deployed",
	},
	{
		"an output of what is not there", "UserPoolId:\n    Condition: CreateUserPool\n", "UserPoolId:\n",
		"prod with JwtIssuer", "UserPoolId refers to UserPool, which is not deployed",
	},
	{
		"a condition that confines nothing", `"ForAllValues:StringEquals": { "dynamodb:LeadingKeys"`, `"ForAllValues:StringEquals": { "dynamodb:LeadingKey"`,
		"prod", "BookingRole, ReadBreaker: dynamodb:GetItem does not know the condition keys ['dynamodb:LeadingKey']",
	},
	{
		"a right that there is not", `Action: "events:PutEvents"`, `Action: "events:PutEvent"`,
		"prod with EventBusArn", "PublisherRole, TellTheBus: there is no action events:PutEvent",
	},
	{
		"a right to the wrong resource", "Resource: !GetAtt CursorSecret.Id", "Resource: !GetAtt EventsTable.Arn",
		"prod", "BookingRole, ReadCursorKey: secretsmanager:GetSecretValue does not work on",
	},
	{
		"a right to everything", "Resource: !GetAtt CursorSecret.Id", `Resource: "*"`,
		"prod", "BookingRole, ReadCursorKey: secretsmanager:GetSecretValue is granted on everything",
	},
	{
		"a new parameter that nothing switches on", "Parameters:\n  Stage:", "Parameters:\n  Another: { Type: String, Default: no }\n  Stage:",
		"prod", "parameter Another: check.py must know every parameter",
	},
}

// What only cfn-lint finds, and what it finds too.
var lintedMutants = []mutant{
	{
		"a circle over the alarm of the rollout", `!Sub "${AWS::StackName}-api-errors-for-rollout"] }`, `!Ref ApiErrorsForRollout] }`,
		"prod", "E3004 Circular Dependencies for resource ApiErrorsForRollout",
	},
	{
		"a condition that nothing uses", "Conditions:\n", "Conditions:\n  Unused: !Equals [!Ref Stage, prod]\n",
		"prod", "W8001 Condition Unused not used",
	},
	{
		"a name that only its parts make wrong", `Domain: !Sub "${AWS::StackName}-${AWS::AccountId}"`, `Domain: !Sub "${AWS::StackName}_${AWS::AccountId}"`,
		"prod with all, its own users", "E3031 ",
	},
}

// A fault that make check-template does not find is found by AWS, in a deployment.
func TestTheCheckOfTheTemplateFindsMutants(t *testing.T) {
	t.Parallel()
	for deployment, some := range byDeployment(mutants) {
		t.Run(deployment, func(t *testing.T) {
			t.Parallel()
			findMutants(t, some, "--fast", "--only", deployment)
		})
	}
	for deployment, some := range byDeployment(lintedMutants) {
		t.Run("by cfn-lint: "+deployment, func(t *testing.T) {
			t.Parallel()
			findMutants(t, some, "--only", deployment)
		})
	}
}

func byDeployment(mutants []mutant) map[string][]mutant {
	groups := map[string][]mutant{}
	for _, m := range mutants {
		groups[m.deployment] = append(groups[m.deployment], m)
	}
	return groups
}

func findMutants(t *testing.T, mutants []mutant, options ...string) {
	t.Helper()
	template := string(read(t, filepath.Join(root, "template.yaml")))
	dir := t.TempDir()
	healthy := filepath.Join(dir, "healthy.yaml")
	files := []string{healthy}
	for _, m := range mutants {
		if !strings.Contains(template, m.from) {
			t.Fatalf("%s: the template has no %q", m.name, m.from)
		}
		file := filepath.Join(dir, strings.ReplaceAll(m.name, " ", "-")+".yaml")
		files = append(files, file)
		writeFile(t, file, strings.Replace(template, m.from, m.to, 1))
	}
	writeFile(t, healthy, template)
	findings := runCheck(t, append(options, files...))
	for i, m := range mutants {
		if got := findings[files[i+1]]; !strings.Contains(got, m.want) {
			t.Errorf("%s: want %q, got\n%s", m.name, m.want, got)
		}
	}
	if got := findings[healthy]; got != "" {
		t.Errorf("something is wrong with the template itself:\n%s", got)
	}
}

// runCheck runs tools/template/check.py, and returns its findings by file.
func runCheck(t *testing.T, arguments []string) map[string]string {
	t.Helper()
	top, err := toolbox.FindRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	venv, err := toolbox.New(top, toolbox.Silent).SAM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), venv.Program("python"), append([]string{"tools/template/check.py"}, arguments...)...)
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	output, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 && !strings.Contains(string(exit.Stderr), "Traceback") {
		err = nil // it found something
	}
	if err != nil {
		t.Fatalf("check.py: %v\n%s", err, exit.Stderr)
	}
	findings := map[string]string{}
	for line := range strings.Lines(string(output)) {
		file, finding, _ := strings.Cut(line, ": ")
		findings[file] += finding
	}
	return findings
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The regions that the template is checked for are those that the page of the deployment names.
func TestTheTemplateIsCheckedForTheRegionsThatAreNamed(t *testing.T) {
	var lint struct{ Regions []string }
	if err := yaml.Unmarshal(read(t, filepath.Join(root, ".cfnlintrc")), &lint); err != nil {
		t.Fatal(err)
	}
	text := string(read(t, filepath.Join(root, "docs", "DEPLOY.md")))
	_, paragraph, found := strings.Cut(text, "**Regions.**")
	if !found {
		t.Fatal("docs/DEPLOY.md has no paragraph **Regions.**")
	}
	paragraph, _, _ = strings.Cut(paragraph, "\n\n")
	named := regexp.MustCompile(`[a-z]{2}-[a-z]+-\d`).FindAllString(paragraph, -1)
	slices.Sort(named)
	slices.Sort(lint.Regions)
	if diff := cmp.Diff(lint.Regions, slices.Compact(named)); diff != "" {
		t.Errorf("regions (-.cfnlintrc +docs/DEPLOY.md):\n%s", diff)
	}
}
