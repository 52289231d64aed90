package deploytest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// naming says for each type of resource which property names it in the account and region. A name is inside where it need be
// unique only in something that is the stack's own, as a group in its user pool. "" is a type that has no name to choose.
var naming = map[string]struct {
	property string
	inside   bool
}{
	"AWS::CloudWatch::Alarm":               {property: "AlarmName"},
	"AWS::CloudWatch::CompositeAlarm":      {property: "AlarmName"},
	"AWS::CloudWatch::Dashboard":           {property: "DashboardName"},
	"AWS::Cognito::UserPool":               {property: "UserPoolName"},
	"AWS::Cognito::UserPoolClient":         {property: "ClientName", inside: true},
	"AWS::Cognito::UserPoolDomain":         {property: "Domain"},
	"AWS::Cognito::UserPoolGroup":          {property: "GroupName", inside: true},
	"AWS::Cognito::UserPoolResourceServer": {property: "Identifier", inside: true},
	"AWS::DynamoDB::Table":                 {property: "TableName"},
	"AWS::IAM::ManagedPolicy":              {property: "ManagedPolicyName"},
	"AWS::IAM::Role":                       {property: "RoleName"},
	"AWS::KMS::Key":                        {},
	"AWS::Logs::LogGroup":                  {property: "LogGroupName"},
	"AWS::SecretsManager::Secret":          {property: "Name"},
	"AWS::Serverless::Function":            {property: "FunctionName"},
	"AWS::Serverless::HttpApi":             {property: "Name"}, // need not be unique, but is how people find it
	"AWS::SQS::Queue":                      {property: "QueueName"},
	"AWS::SQS::QueuePolicy":                {},
}

// Two stacks of different names live in one account: what has a name of its own has the stack's in it.
func TestNamesHaveTheStacksNameInThem(t *testing.T) {
	tpl := load(t)
	named := 0
	check := func(what string, value any) {
		if value == nil {
			return // CloudFormation makes a name, from the stack's
		}
		named++
		if !strings.Contains(name(value), "AWS::StackName") {
			t.Errorf("%s is called %s in every stack", what, name(value))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(tpl.resources)) {
		kind, _ := dig(t, tpl.resources, id, "Type").(string)
		rule, known := naming[kind]
		if !known {
			t.Errorf("%s: say here by which property a resource of type %s is named", id, kind)
		}
		if rule.property != "" && !rule.inside {
			check(id, tpl.properties(t, id, kind)[rule.property])
		}
	}
	for _, function := range tpl.functions() {
		for _, e := range tpl.events(t, function) {
			check(function+"."+e.name, e.properties["Name"])
		}
	}
	if named < 40 {
		t.Errorf("only %d names were looked at", named)
	}
}

// An export is a name of the region's, too.
func TestNoOutputIsExported(t *testing.T) {
	for id, output := range load(t).outputs {
		if asMap(t, output)["Export"] != nil {
			t.Errorf("%s is exported: nobody reads it, and two stacks would fight for its name", id)
		}
	}
}
