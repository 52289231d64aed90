package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
)

// account learns whose account it is, which some names depend on.
func (e *examination) account(ctx context.Context) (f finding, err error) {
	caller, err := e.identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return f, err
	}
	e.plan = e.Template.Make(e.Settings, aws.ToString(caller.Account), nil)
	f.found = fmt.Sprintf("%s in %s, as %s", e.plan.Account, e.plan.Region, aws.ToString(caller.Arn))
	return f, nil
}

// findStack learns whether the stack is there, and whether a deployment can go on from where it is.
func (e *examination) findStack(ctx context.Context) (f finding, err error) {
	described, err := e.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &e.plan.Stack})
	if errorCode(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist") { // CloudFormation has no code for it
		described, err = &cloudformation.DescribeStacksOutput{}, nil
	}
	if err != nil {
		return f, err
	}
	if len(described.Stacks) == 0 || described.Stacks[0].StackStatus == types.StackStatusReviewInProgress {
		f.found = e.plan.Stack + " is not deployed: this is a look at the account"
		if e.MustBeDeployed {
			f.wrong("%s is not deployed in %s: run make deploy, or leave --deployed out", e.plan.Stack, e.plan.Region)
		}
		return f, nil
	}
	e.stack = &described.Stacks[0]
	f.found = fmt.Sprintf("%s is %s", e.plan.Stack, e.stack.StackStatus)
	deployed := map[string]string{}
	for _, p := range e.stack.Parameters {
		deployed[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	e.judgeStatus(&f)
	e.compareParameters(&f, deployed)
	e.plan = e.Template.Make(e.Settings, e.plan.Account, deployed)
	return f, nil
}

// failedFirst tells whether what is there is only what a first deployment that failed has left.
func (e *examination) failedFirst() bool {
	switch e.stack.StackStatus {
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusDeleteFailed, types.StackStatusCreateFailed:
		return true
	default:
		return false
	}
}

func (e *examination) judgeStatus(f *finding) {
	status := string(e.stack.StackStatus)
	switch {
	case e.failedFirst():
		f.wrong("%s is %s: the first deployment failed, and no other can follow; read its events, then delete the stack (docs/DEPLOY.md: Deleting everything)", e.plan.Stack, status)
	case status == "UPDATE_ROLLBACK_FAILED":
		f.wrong("%s is %s: read its events, then aws cloudformation continue-update-rollback --stack-name %s", e.plan.Stack, status, e.plan.Stack)
	case strings.HasSuffix(status, "_IN_PROGRESS") && status != "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
		f.wrong("%s is %s: wait for the end, then look again", e.plan.Stack, status)
	case status == "UPDATE_ROLLBACK_COMPLETE":
		f.wrong("%s is %s: the last deployment failed, and what runs is the one before; read its events, and deploy again", e.plan.Stack, status)
	}
}

// compareParameters finds what the stack was deployed with and the settings say otherwise.
func (e *examination) compareParameters(f *finding, deployed map[string]string) {
	var differ []string
	for name, want := range e.plan.Given {
		if got, known := deployed[name]; known && got != want {
			differ = append(differ, fmt.Sprintf("%s is %q and not %q", name, got, want))
		}
	}
	slices.Sort(differ)
	if len(differ) > 0 {
		f.wrong("the stack was deployed with other parameters: %s: deploy again, or name those that it has", strings.Join(differ, ", "))
	}
	if deployed["Rollout"] == "now" {
		f.wrong("the stack has Rollout=now, so a new version takes over whatever the alarms say: end the incident with make deploy, which sets gradual")
	}
}

// parameters are checked as CloudFormation would, and for what it does not see: an ARN of another region.
func (e *examination) parameters(context.Context) (f finding, err error) {
	f.problems = e.plan.Faults()
	f.found = fmt.Sprintf("%d given, %d in all", len(e.plan.Given), len(e.plan.Parameters))
	for _, name := range []string{"StripeSecretArn", "StripeWebhookSecretArn", "AlarmTopicArn"} {
		id, err := arn.Parse(e.plan.Parameters[name])
		if err == nil && id.Region != e.plan.Region {
			f.wrong("%s is in %s, the stack in %s: make one in %s", name, id.Region, e.plan.Region, e.plan.Region)
		}
	}
	return f, nil
}

// needed are the services of the template's resources, as AWS's list of public parameters names them.
var needed = []string{
	"apigateway", "cloudformation", "cloudwatch", "codedeploy", "cognito-idp", "dynamodb", "events", "kms", "lambda", "logs",
	"scheduler", "secretsmanager", "sns", "sqs", "xray",
}

// batch is the most names that GetParameters takes.
const batch = 10

// services looks the region's services up in the list that AWS publishes in Parameter Store:
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-global-infrastructure.html.
// It is kept in some regions only; us-east-1 is one of them.
func (e *examination) services(ctx context.Context) (f finding, err error) {
	if plan.Partition(e.plan.Region) != "aws" {
		return f, undoneError("AWS's list of services is not kept in this partition")
	}
	path := "/aws/service/global-infrastructure/regions/" + e.plan.Region + "/services/"
	there := 0
	for names := range slices.Chunk(needed, batch) {
		in := &ssm.GetParametersInput{}
		for _, name := range names {
			in.Names = append(in.Names, path+name)
		}
		out, err := e.places.GetParameters(ctx, in, func(o *ssm.Options) { o.Region = "us-east-1" })
		if err != nil {
			return f, err
		}
		there += len(out.Parameters)
		for _, missing := range out.InvalidParameters {
			f.wrong("%s has no %s: take another region, or see whether the account has this one enabled", e.plan.Region, strings.TrimPrefix(missing, path))
		}
	}
	if there == 0 && e.Emulated {
		return finding{}, undoneError("the emulator does not have AWS's list of services")
	}
	f.found = fmt.Sprintf("%s has all %d", e.plan.Region, there)
	return f, nil
}
