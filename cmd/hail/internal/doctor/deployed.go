package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// afterwards are the checks of a stack that is there.
func (e *examination) afterwards() []step {
	return []step{
		{"resources", e.resources}, // first: the others look things up by what it finds
		{"roles", e.checkRoles},
		{"functions", e.checkFunctions},
		{"event source mappings", e.checkMappings},
		{"schedule", e.checkSchedules},
		{"tables", e.checkTables},
		{"alarms", e.checkAlarms},
		{"API", e.checkAPI},
	}
}

// resources compares the stack's resources with those that the template makes of the parameters.
func (e *examination) resources(ctx context.Context) (f finding, err error) {
	e.made = map[string]cfntypes.StackResourceSummary{}
	pages := cloudformation.NewListStackResourcesPaginator(e.stacks, &cloudformation.ListStackResourcesInput{StackName: &e.plan.Stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return f, err
		}
		for _, resource := range page.StackResourceSummaries {
			e.made[aws.ToString(resource.LogicalResourceId)] = resource
		}
	}
	var missing, failed []string
	for id := range e.plan.Resources {
		resource, there := e.made[id]
		switch status := string(resource.ResourceStatus); {
		case !there:
			missing = append(missing, id)
		case strings.HasSuffix(status, "_FAILED"):
			failed = append(failed, id+" is "+status)
		}
	}
	slices.Sort(missing)
	slices.Sort(failed)
	f.found = fmt.Sprintf("%d of the template, %d in all", len(e.plan.Resources), len(e.made))
	if len(missing) > 0 {
		f.wrong("the stack lacks %s: it was deployed from another template or with other parameters; deploy again", strings.Join(missing, ", "))
	}
	if len(failed) > 0 {
		f.wrong("%s: read the stack's events", strings.Join(failed, ", "))
	}
	return f, nil
}

// physical returns what AWS calls a resource of the stack; resources has reported those that are missing.
func (e *examination) physical(id string) (string, bool) {
	resource, there := e.made[id]
	return aws.ToString(resource.PhysicalResourceId), there && aws.ToString(resource.PhysicalResourceId) != ""
}

// checkRoles expects that each role can be assumed by Lambda and has the policies that the template attaches.
func (e *examination) checkRoles(ctx context.Context) (f finding, err error) {
	ids := e.plan.OfType("AWS::IAM::Role")
	looked := 0
	for _, id := range ids {
		name, there := e.physical(id)
		if !there {
			continue
		}
		looked++
		role, err := e.roles.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
		if code := errorCode(err); code == "NoSuchEntity" || code == "NoSuchEntityException" {
			f.wrong("role %s (%s) is gone: deploy again; if CloudFormation sees no change, change the role's Description first", name, id)
			continue
		}
		if err != nil {
			return f, err
		}
		if role.Role == nil || !strings.Contains(aws.ToString(role.Role.AssumeRolePolicyDocument), "lambda.amazonaws.com") {
			f.wrong("role %s (%s) cannot be assumed by Lambda: restore its trust policy from the template", name, id)
		}
		attached, err := e.roles.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
		if err != nil {
			return f, err
		}
		if want, _ := e.plan.Resources[id].Properties["ManagedPolicyArns"].([]any); len(attached.AttachedPolicies) != len(want) {
			f.wrong("role %s (%s) has %d attached policies and not %d: detach what was added by hand, or deploy again", name, id, len(attached.AttachedPolicies), len(want))
		}
	}
	f.found = fmt.Sprintf("%d", looked)
	return f, nil
}

func (e *examination) checkSchedules(ctx context.Context) (f finding, err error) {
	names := e.scheduleNames()
	f.found = fmt.Sprintf("%d enabled", len(names))
	for _, name := range names {
		schedule, err := e.schedules.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &name})
		if errorCode(err) == "ResourceNotFoundException" {
			f.wrong("there is no schedule %s, so nothing expires and deferred payments wait: deploy again", name)
			continue
		}
		if err != nil {
			return f, err
		}
		if schedule.State != schedulertypes.ScheduleStateEnabled {
			f.wrong("schedule %s is %s, so nothing expires and deferred payments wait: enable it", name, schedule.State)
		}
	}
	return f, nil
}

// checkTables expects the tables to be active, with the stream and the protection that the template gives them.
func (e *examination) checkTables(ctx context.Context) (f finding, err error) {
	ids := e.plan.OfType("AWS::DynamoDB::Table")
	for _, id := range ids {
		name, there := e.physical(id)
		if !there {
			continue
		}
		described, err := e.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if errorCode(err) == "ResourceNotFoundException" {
			f.wrong("table %s (%s) is gone: docs/REDUNDANCY.md says what can be restored", name, id)
			continue
		}
		if err != nil {
			return f, err
		}
		table, wanted := described.Table, e.plan.Resources[id].Properties
		if table.TableStatus != ddbtypes.TableStatusActive {
			f.wrong("table %s (%s) is %s: wait, or see its events", name, id, table.TableStatus)
		}
		if wanted["StreamSpecification"] != nil && (table.StreamSpecification == nil || !aws.ToBool(table.StreamSpecification.StreamEnabled)) {
			f.wrong("table %s (%s) has no stream, so no hint is sent: restore the stream by a deployment", name, id)
		}
		if recovery, _ := wanted["PointInTimeRecoverySpecification"].(map[string]any); recovery["PointInTimeRecoveryEnabled"] != true {
			continue // data that need not be kept
		}
		if !aws.ToBool(table.DeletionProtectionEnabled) {
			f.wrong("table %s (%s) can be deleted: make deploy, which sets DeletionProtection=true once the stack is there", name, id)
		}
		backups, err := e.tables.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
		if err != nil {
			return f, err
		}
		d := backups.ContinuousBackupsDescription
		if d == nil || d.PointInTimeRecoveryDescription == nil || d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != ddbtypes.PointInTimeRecoveryStatusEnabled {
			f.wrong("table %s (%s) has no point-in-time recovery: aws dynamodb update-continuous-backups --table-name %s --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true", name, id, name)
		}
	}
	f.found = fmt.Sprintf("%d active", len(ids))
	return f, nil
}

// alarm is what metric and composite alarms have in common.
type alarm struct {
	name    string
	enabled bool
	actions []string
	state   types.StateValue
}

// describeAlarms returns those of the alarms that are there.
func (e *examination) describeAlarms(ctx context.Context, names []string) ([]alarm, error) {
	const most = 100 // that one call takes
	var all []alarm
	for some := range slices.Chunk(names, most) {
		pages := cloudwatch.NewDescribeAlarmsPaginator(e.alarms, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: some, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, a := range page.MetricAlarms {
				all = append(all, alarm{aws.ToString(a.AlarmName), aws.ToBool(a.ActionsEnabled), a.AlarmActions, a.StateValue})
			}
			for _, a := range page.CompositeAlarms {
				all = append(all, alarm{aws.ToString(a.AlarmName), aws.ToBool(a.ActionsEnabled), a.AlarmActions, a.StateValue})
			}
		}
	}
	return all, nil
}

// checkAlarms expects every alarm of the template, quiet, and with the topic where the template gives it one.
func (e *examination) checkAlarms(ctx context.Context) (f finding, err error) {
	want := map[string]bool{} // by name: whether it notifies
	for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} {
		for _, id := range e.plan.OfType(kind) {
			properties := e.plan.Resources[id].Properties
			name, _ := properties["AlarmName"].(string)
			want[name] = properties["AlarmActions"] != nil
		}
	}
	there, err := e.describeAlarms(ctx, e.alarmNames())
	if err != nil {
		return f, err
	}
	topic := e.plan.Parameters["AlarmTopicArn"]
	var silent, on []string
	for _, a := range there {
		if want[a.name] && (!a.enabled || !slices.Contains(a.actions, topic)) {
			silent = append(silent, a.name)
		}
		if a.state == types.StateValueAlarm {
			on = append(on, a.name)
		}
		delete(want, a.name)
	}
	f.found = fmt.Sprintf("%d, none of them on", len(there))
	if topic == "" {
		f.found += "; none notifies, since there is no AlarmTopicArn"
	}
	for _, bad := range []struct {
		names []string
		what  string
	}{
		{missingNames(want), "are missing: deploy again"},
		{silent, "do not notify " + topic + ": aws cloudwatch enable-alarm-actions, or deploy again"},
		{on, "are on: docs/RUNBOOK.md has an entry for each"},
	} {
		if len(bad.names) > 0 {
			slices.Sort(bad.names)
			f.wrong("%s %s", strings.Join(bad.names, ", "), bad.what)
		}
	}
	return f, nil
}

func missingNames(left map[string]bool) []string {
	var names []string
	for name := range left {
		names = append(names, name)
	}
	return names
}

// checkAPI asks the API how it is.
func (e *examination) checkAPI(ctx context.Context) (f finding, err error) {
	base := e.API
	for _, output := range e.stack.Outputs {
		if base == "" && aws.ToString(output.OutputKey) == "ApiUrl" {
			base = aws.ToString(output.OutputValue)
		}
	}
	address := strings.TrimRight(base, "/") + "/health"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return f, err
	}
	res, err := e.HTTP.Do(req)
	if err != nil {
		f.wrong("%s does not answer: %v: see the API's log group", address, err)
		return f, nil
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	f.found = address + " answers " + res.Status
	if res.StatusCode != http.StatusOK {
		f.wrong("%s answers %s: see the logs of the booking function", address, res.Status)
	}
	return f, nil
}
