package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
)

// names are the checks that what the template names is not there yet: CloudFormation creates it, and fails where
// another has made it. The rest of a stack is named by CloudFormation.
func (e *examination) names() []step {
	steps := []step{
		{"names of log groups", e.freeLogGroups},
		{"names of alarms", e.freeAlarms},
		{"name of the dashboard", e.freeDashboards},
		{"name of the schedule", e.freeSchedules},
	}
	if len(e.plan.OfType(signInDomain)) > 0 {
		steps = append(steps, step{"sign-in domain", e.freeDomain})
	}
	return steps
}

// free makes the finding for names of which some are taken.
func free(kind string, names, taken []string) (f finding) {
	f.found = fmt.Sprintf("%d, all free", len(names))
	if len(taken) > 0 {
		f.wrong("%s %s are there already, and no stack's of this name: delete what is not needed, or choose another stack_name", kind, strings.Join(taken, ", "))
	}
	return f
}

func (e *examination) freeLogGroups(ctx context.Context) (finding, error) {
	names := e.plan.Texts("AWS::Logs::LogGroup", "LogGroupName")
	var taken []string
	for _, name := range names {
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(e.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return finding{}, err
			}
			for _, group := range page.LogGroups {
				if aws.ToString(group.LogGroupName) == name {
					taken = append(taken, name)
				}
			}
		}
	}
	return free("log groups", names, taken), nil
}

func (e *examination) freeAlarms(ctx context.Context) (finding, error) {
	names := e.alarmNames()
	there, err := e.describeAlarms(ctx, names)
	if err != nil {
		return finding{}, err
	}
	var taken []string
	for _, alarm := range there {
		taken = append(taken, alarm.name)
	}
	return free("alarms", names, taken), nil
}

func (e *examination) alarmNames() []string {
	names := slices.Concat(e.plan.Texts("AWS::CloudWatch::Alarm", "AlarmName"), e.plan.Texts("AWS::CloudWatch::CompositeAlarm", "AlarmName"))
	slices.Sort(names)
	return names
}

func (e *examination) freeDashboards(ctx context.Context) (finding, error) {
	names := e.plan.Texts("AWS::CloudWatch::Dashboard", "DashboardName")
	var taken []string
	for _, name := range names {
		_, err := e.alarms.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &name})
		switch code := errorCode(err); {
		case err == nil:
			taken = append(taken, name)
		case code != "ResourceNotFound" && code != "DashboardNotFoundError" && code != "ResourceNotFoundException":
			return finding{}, err
		}
	}
	// A dashboard is global to the account: it may be that of a stack in another region.
	return free("dashboards", names, taken), nil
}

// scheduleNames are those that the functions' events have.
func (e *examination) scheduleNames() []string {
	var names []string
	for _, id := range e.plan.OfType(function) {
		for _, event := range e.events(id, "ScheduleV2") {
			if name, ok := event["Name"].(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

func (e *examination) freeSchedules(ctx context.Context) (finding, error) {
	names := e.scheduleNames()
	var taken []string
	for _, name := range names {
		_, err := e.schedules.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &name})
		if err == nil {
			taken = append(taken, name)
		} else if errorCode(err) != "ResourceNotFoundException" {
			return finding{}, err
		}
	}
	return free("schedules", names, taken), nil
}

// signInDomain is where machines get their tokens; a stack without machine clients has none.
const signInDomain = "AWS::Cognito::UserPoolDomain"

// domainPattern is what Cognito takes for a domain of its own:
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html.
var domainPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

func (e *examination) freeDomain(ctx context.Context) (f finding, err error) {
	for _, domain := range e.plan.Texts(signInDomain, "Domain") {
		f.found = domain + " is free"
		for _, word := range []string{"aws", "amazon", "cognito"} {
			if strings.Contains(domain, word) {
				f.wrong("the domain %s contains %q, which Cognito refuses: choose another stack_name", domain, word)
			}
		}
		if !domainPattern.MatchString(domain) {
			f.wrong("the domain %s is none for Cognito: choose a shorter stack_name of lower-case letters, digits and hyphens", domain)
		}
		there, err := e.users.DescribeUserPoolDomain(ctx, &cognitoidentityprovider.DescribeUserPoolDomainInput{Domain: &domain})
		if err != nil {
			return f, err
		}
		if d := there.DomainDescription; d != nil && aws.ToString(d.UserPoolId) != "" {
			f.wrong("the domain %s belongs to user pool %s: delete that domain (aws cognito-idp delete-user-pool-domain), or choose another stack_name", domain, aws.ToString(d.UserPoolId))
		}
	}
	return f, nil
}
