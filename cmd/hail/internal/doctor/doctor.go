package doctor

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
)

// Patient is what is examined.
type Patient struct {
	Template *plan.Template
	Settings plan.Settings
	AWS      aws.Config
	// Emulated says that AWS leads to an emulator, which does not know every call.
	Emulated bool
	// API is the base URL of the stack's API, empty for the one among its outputs.
	API string
	// MustBeDeployed makes it a problem if the stack is not there.
	MustBeDeployed bool
	HTTP           *http.Client
}

// examination is one run.
type examination struct {
	Patient
	clients
	plan  *plan.Plan
	stack *cfntypes.Stack // nil: not deployed
	// made are the stack's resources by logical id.
	made map[string]cfntypes.StackResourceSummary
}

type clients struct {
	alarms    *cloudwatch.Client
	buses     *eventbridge.Client
	functions *lambda.Client
	identity  *sts.Client
	logs      *cloudwatchlogs.Client
	places    *ssm.Client
	quotas    *servicequotas.Client
	roles     *iam.Client
	schedules *scheduler.Client
	secrets   *secretsmanager.Client
	stacks    *cloudformation.Client
	tables    *dynamodb.Client
	topics    *sns.Client
	users     *cognitoidentityprovider.Client
}

func newClients(c aws.Config) clients {
	return clients{
		// CloudWatch speaks JSON besides CBOR, which MiniStack answers with JSON.
		alarms: cloudwatch.NewFromConfig(c, func(o *cloudwatch.Options) { o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801) }),
		buses:  eventbridge.NewFromConfig(c), functions: lambda.NewFromConfig(c),
		identity: sts.NewFromConfig(c), logs: cloudwatchlogs.NewFromConfig(c), places: ssm.NewFromConfig(c),
		quotas: servicequotas.NewFromConfig(c), roles: iam.NewFromConfig(c), schedules: scheduler.NewFromConfig(c),
		secrets: secretsmanager.NewFromConfig(c), stacks: cloudformation.NewFromConfig(c), tables: dynamodb.NewFromConfig(c),
		topics: sns.NewFromConfig(c), users: cognitoidentityprovider.NewFromConfig(c),
	}
}

// Examine makes all checks and writes a line for each on out as it ends. Without credentials for an account it stops after
// the first. It changes nothing.
func Examine(ctx context.Context, p Patient, out io.Writer) Report {
	e := &examination{Patient: p, clients: newClients(p.AWS), plan: p.Template.Make(p.Settings, "", nil)}
	report := Report{Stack: p.Settings.Stack, Region: p.Settings.Region, Checks: []Check{}}
	do := func(steps ...step) {
		for _, s := range steps {
			report.add(ctx, out, p.Emulated, s)
		}
	}
	do(step{"account", e.account})
	report.Account = e.plan.Account
	if report.Account == "" {
		return report
	}
	do(step{"stack", e.findStack})
	report.Deployed = e.stack != nil && !e.failedFirst()
	do(e.givens()...)
	switch {
	case report.Deployed:
		do(e.afterwards()...)
	case e.stack == nil:
		do(e.names()...)
	}
	return report
}

// givens are the checks of what a stack is given, whether it is there or not.
func (e *examination) givens() []step {
	steps := []step{
		{"parameters", e.parameters},
		{"services of the region", e.services},
		{"concurrency", e.concurrency},
		{"quota of API Gateway", e.gatewayQuota},
		{"quota of DynamoDB", e.tableQuota},
	}
	if e.plan.Parameters["EventBusArn"] != "" {
		steps = append(steps, step{"event bus", e.bus}, step{"quota of EventBridge", e.busQuota})
	}
	steps = append(steps, step{"secret of the payment provider", e.providerSecret})
	if e.plan.Parameters["StripeWebhookSecretArn"] != "" {
		steps = append(steps, step{"secret of its webhook", e.webhookSecret})
	}
	if e.plan.Parameters["AlarmTopicArn"] != "" {
		steps = append(steps, step{"alarm topic", e.topic})
	}
	if e.plan.Parameters["JwtIssuer"] != "" {
		steps = append(steps, step{"identity provider", e.issuer})
	}
	return steps
}
