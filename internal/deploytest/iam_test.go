package deploytest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type statement struct {
	effect             string
	actions, resources []string
	// keys are the partition keys that it is confined to; none for no confinement.
	keys []string
}

// sharedPolicies are attached to the role of every function. Their rights, which TestSharedRights lists, are not
// among a function's own.
var sharedPolicies = []string{"EventLogGuard", "TraceWriter", "DataKeyUser"}

// policies returns the role of a function and the statements that are its own, those of the guard included.
func (tpl template) policies(t *testing.T, function string) (role string, statements []statement) {
	t.Helper()
	role, statements, managed := tpl.role(t, function)
	want := []any{
		map[string]any{"Ref": "EventLogGuard"},
		map[string]any{"Ref": "TraceWriter"},
		map[string]any{"Fn::If": []any{"KeepData", map[string]any{"Ref": "DataKeyUser"}, map[string]any{"Ref": "AWS::NoValue"}}},
	}
	if diff := cmp.Diff(want, managed); diff != "" {
		t.Errorf("%s: managed policies (-want +got):\n%s", role, diff)
	}
	return role, append(statements, tpl.managed(t, "EventLogGuard")...)
}

// role returns the role of a function, the statements of its own policies, and the managed ones that are attached to it.
func (tpl template) role(t *testing.T, function string) (role string, inline []statement, managed any) {
	t.Helper()
	role = strings.TrimSuffix(name(tpl.function(t, function)["Role"]), ".Arn")
	properties := tpl.properties(t, role, "AWS::IAM::Role")
	policies, _ := properties["Policies"].([]any)
	for _, policy := range policies {
		inline = append(inline, tpl.statements(t, dig(t, policy, "PolicyDocument"))...)
	}
	return role, inline, properties["ManagedPolicyArns"]
}

// managed returns the statements of a managed policy of the template.
func (tpl template) managed(t *testing.T, id string) []statement {
	t.Helper()
	return tpl.statements(t, dig(t, tpl.properties(t, id, "AWS::IAM::ManagedPolicy"), "PolicyDocument"))
}

func (tpl template) statements(t *testing.T, document any) []statement {
	t.Helper()
	list, ok := dig(t, document, "Statement").([]any)
	if !ok {
		t.Fatalf("%v: want a list of statements", document)
	}
	var statements []statement
	for _, item := range list {
		object := granted(t, item)
		for key := range object {
			if !slices.Contains([]string{"Sid", "Effect", "Action", "Resource", "Condition"}, key) {
				t.Errorf("%v: %s turns a list of rights into a riddle", object["Sid"], key)
			}
		}
		statements = append(statements, statement{
			effect:    name(object["Effect"]),
			actions:   names(object["Action"]),
			resources: names(object["Resource"]),
			keys:      leadingKeys(t, object),
		})
	}
	return statements
}

// granted returns a statement, also where it stands only under a condition.
func granted(t *testing.T, item any) map[string]any {
	t.Helper()
	object := asMap(t, item)
	if branches, ok := object["Fn::If"].([]any); ok && len(branches) == 3 && name(branches[2]) == "AWS::NoValue" {
		return asMap(t, branches[1])
	}
	return object
}

// leadingKeys returns the partition keys that a statement is confined to, or how they begin: kind/*. No other condition is
// let pass.
func leadingKeys(t *testing.T, statement map[string]any) []string {
	t.Helper()
	if statement["Condition"] == nil {
		return nil
	}
	condition := asMap(t, statement["Condition"])
	operator := "ForAllValues:StringEquals"
	if condition[operator] == nil {
		operator = "ForAllValues:StringLike"
	}
	keys := names(dig(t, condition, operator, "dynamodb:LeadingKeys"))
	if len(condition) != 1 || len(asMap(t, condition[operator])) != 1 || len(keys) == 0 {
		t.Errorf("%v: %v is not a list of partition keys alone", statement["Sid"], condition)
	}
	for _, key := range keys {
		kind, _ := strings.CutSuffix(key, "/*")
		if kind == "" || strings.ContainsAny(kind, "*?") {
			t.Errorf("%v: %q is neither a key nor the keys of one kind", statement["Sid"], key)
		}
	}
	return keys
}

// grants returns what a function alone may do, as "action on resource" or "action on resource of key", sorted.
func (tpl template) grants(t *testing.T, function string) []string {
	t.Helper()
	_, statements := tpl.policies(t, function)
	return allowed(statements)
}

func allowed(statements []statement) []string {
	var grants []string
	for _, s := range statements {
		if s.effect != "Allow" {
			continue
		}
		for _, action := range s.actions {
			for _, resource := range s.resources {
				if s.keys == nil {
					grants = append(grants, action+" on "+resource)
				}
				for _, key := range s.keys {
					grants = append(grants, action+" on "+resource+" of "+key)
				}
			}
		}
	}
	slices.Sort(grants)
	return grants
}

// Neither is seen in a call of ours: X-Ray hears of an invocation from Lambda itself, and KMS is asked by the services.
func TestSharedRights(t *testing.T) {
	tpl := load(t)
	want := map[string][]string{
		"EventLogGuard": nil,
		"TraceWriter":   {"xray:PutTelemetryRecords on *", "xray:PutTraceSegments on *"}, // X-Ray has no resources
		"DataKeyUser": {
			"kms:Decrypt on DataKey.Arn", "kms:DescribeKey on DataKey.Arn", "kms:Encrypt on DataKey.Arn",
			"kms:GenerateDataKey on DataKey.Arn", "kms:ReEncryptFrom on DataKey.Arn", "kms:ReEncryptTo on DataKey.Arn",
		},
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(sharedPolicies)), tpl.ofType("AWS::IAM::ManagedPolicy")); diff != "" {
		t.Errorf("managed policies (-want +got):\n%s", diff)
	}
	for _, id := range sharedPolicies {
		if diff := cmp.Diff(want[id], allowed(tpl.managed(t, id))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

// Every right of every function, reviewed by whoever changes this list.
func TestFunctionsMayDoThisAndNothingElse(t *testing.T) {
	tpl := load(t)
	want := map[string][]string{
		"BookingFunction": {
			"dynamodb:BatchGetItem on ViewsTable.Arn",
			"dynamodb:DeleteItem on ControlTable.Arn",
			"dynamodb:GetItem on ControlTable.Arn of breaker/payments",
			"dynamodb:GetItem on ControlTable.Arn of projection",
			"dynamodb:GetItem on ViewsTable.Arn",
			"dynamodb:PutItem on ControlTable.Arn",
			"dynamodb:PutItem on EventsTable.Arn",
			"dynamodb:Query on EventsTable.Arn",
			"dynamodb:Query on ViewsTable.Arn/index/by-rider",
			"dynamodb:Query on ViewsTable.Arn/index/waiting",
			"logs:CreateLogStream on BookingLogGroup.Arn",
			"logs:PutLogEvents on BookingLogGroup.Arn",
			"secretsmanager:GetSecretValue on CursorSecret.Id",
			"secretsmanager:GetSecretValue on StripeWebhookSecretArn",
			"sqs:SendMessage on PaymentsQueue.Arn",
		},
		"RebuildFunction": {
			"dynamodb:BatchGetItem on EventsTable.Arn",
			"dynamodb:BatchGetItem on ViewsTable.Arn",
			"dynamodb:DeleteItem on ViewsTable.Arn",
			"dynamodb:GetItem on ControlTable.Arn",
			"dynamodb:PutItem on ControlTable.Arn of projection/*",
			"dynamodb:PutItem on ViewsTable.Arn",
			"dynamodb:Query on EventsTable.Arn",
			"dynamodb:Scan on ControlTable.Arn",
			"dynamodb:Scan on EventsTable.Arn",
			"dynamodb:Scan on ViewsTable.Arn",
			"dynamodb:UpdateItem on ControlTable.Arn of work/*",
			"logs:CreateLogStream on RebuildLogGroup.Arn",
			"logs:PutLogEvents on RebuildLogGroup.Arn",
			"sqs:ChangeMessageVisibility on RebuildQueue.Arn",
			"sqs:DeleteMessage on RebuildQueue.Arn",
			"sqs:GetQueueAttributes on RebuildQueue.Arn",
			"sqs:GetQueueUrl on RebuildQueue.Arn",
			"sqs:ReceiveMessage on RebuildQueue.Arn",
		},
		"PublisherFunction": {
			"dynamodb:DescribeStream on EventsTable.StreamArn",
			"dynamodb:GetRecords on EventsTable.StreamArn",
			"dynamodb:GetShardIterator on EventsTable.StreamArn",
			"dynamodb:ListStreams on EventsTable.StreamArn",
			"events:PutEvents on EventBusArn",
			"logs:CreateLogStream on PublisherLogGroup.Arn",
			"logs:PutLogEvents on PublisherLogGroup.Arn",
			"sqs:SendMessage on PublisherFailureQueue.Arn",
		},
		"RelayFunction": {
			"dynamodb:DescribeStream on EventsTable.StreamArn",
			"dynamodb:GetRecords on EventsTable.StreamArn",
			"dynamodb:GetShardIterator on EventsTable.StreamArn",
			"dynamodb:ListStreams on EventsTable.StreamArn",
			"logs:CreateLogStream on RelayLogGroup.Arn",
			"logs:PutLogEvents on RelayLogGroup.Arn",
			"sqs:SendMessage on PaymentsQueue.Arn",
			"sqs:SendMessage on ProjectionQueue.Arn",
			"sqs:SendMessage on RelayFailureQueue.Arn",
		},
		"PaymentFunction": {
			"dynamodb:DeleteItem on ControlTable.Arn",
			"dynamodb:GetItem on ControlTable.Arn of breaker/payments",
			"dynamodb:PutItem on EventsTable.Arn",
			"dynamodb:Query on EventsTable.Arn",
			"dynamodb:UpdateItem on ControlTable.Arn of breaker/payments",
			"dynamodb:UpdateItem on ControlTable.Arn of work/*",
			"logs:CreateLogStream on PaymentLogGroup.Arn",
			"logs:PutLogEvents on PaymentLogGroup.Arn",
			"secretsmanager:GetSecretValue on StripeSecretArn",
			"sqs:DeleteMessage on PaymentsQueue.Arn",
			"sqs:GetQueueAttributes on PaymentsQueue.Arn",
			"sqs:ReceiveMessage on PaymentsQueue.Arn",
		},
		"ProjectorFunction": {
			"dynamodb:GetItem on ControlTable.Arn of projection",
			"dynamodb:PutItem on ViewsTable.Arn",
			"dynamodb:Query on EventsTable.Arn",
			"logs:CreateLogStream on ProjectorLogGroup.Arn",
			"logs:PutLogEvents on ProjectorLogGroup.Arn",
			"sqs:DeleteMessage on ProjectionQueue.Arn",
			"sqs:GetQueueAttributes on ProjectionQueue.Arn",
			"sqs:ReceiveMessage on ProjectionQueue.Arn",
		},
		"SweeperFunction": {
			"dynamodb:BatchGetItem on ViewsTable.Arn",
			"dynamodb:DeleteItem on ControlTable.Arn of driver/*",
			"dynamodb:DeleteItem on ControlTable.Arn of work/*",
			"dynamodb:GetItem on ControlTable.Arn of breaker/payments",
			"dynamodb:GetItem on ControlTable.Arn of projection",
			"dynamodb:GetItem on ControlTable.Arn of projection/*",
			"dynamodb:GetItem on ControlTable.Arn of sweeper/*",
			"dynamodb:PutItem on ControlTable.Arn of projection",
			"dynamodb:PutItem on ControlTable.Arn of sweeper/*",
			"dynamodb:PutItem on EventsTable.Arn",
			"dynamodb:Query on ControlTable.Arn/index/due-work",
			"dynamodb:Query on EventsTable.Arn",
			"dynamodb:Query on EventsTable.Arn/index/first-commits",
			"dynamodb:Query on ViewsTable.Arn/index/by-deadline",
			"dynamodb:UpdateItem on ControlTable.Arn of work/*",
			"logs:CreateLogStream on SweeperLogGroup.Arn",
			"logs:PutLogEvents on SweeperLogGroup.Arn",
			"sqs:GetQueueAttributes on PaymentsQueue.Arn",
			"sqs:SendMessage on PaymentsQueue.Arn",
			"sqs:SendMessage on ProjectionQueue.Arn",
			"sqs:SendMessage on RebuildQueue.Arn",
		},
	}
	got := make(map[string][]string)
	for _, function := range tpl.functions() {
		got[function] = tpl.grants(t, function)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rights of the functions (-want +got):\n%s", diff)
	}
}

// told maps what a variable's name ends in to the way in which its resource is written in a grant, and the services
// whose resources reach a function only by its environment. A queue that it consumes and a stream come with the event.
var told = []struct{ suffix, attribute string }{
	{"_TABLE", ".Arn"}, {"_QUEUE_URL", ".Arn"}, {"_ARN", ""},
}

// A right to a resource that a function is not told of serves nobody; being told of one without a right to it is an outage.
func TestFunctionsAreToldWhatTheyMayUse(t *testing.T) {
	tpl := load(t)
	for _, function := range tpl.functions() {
		var known []string
		for variable, value := range tpl.variables(t, function) {
			for _, kind := range told {
				if strings.HasSuffix(variable, kind.suffix) {
					known = append(known, name(value)+kind.attribute)
				}
			}
		}
		var usable []string
		for _, g := range tpl.grants(t, function) {
			action, resource, _ := strings.Cut(g, " on ")
			resource, _, _ = strings.Cut(resource, " of ")
			service, _, _ := strings.Cut(action, ":")
			table, _, _ := strings.Cut(resource, "/index/")
			switch {
			case service == "dynamodb" && !strings.HasSuffix(resource, ".StreamArn"), service == "secretsmanager":
				usable = append(usable, table)
			case service == "events":
				usable = append(usable, resource)
			case action == "sqs:SendMessage":
				usable = append(usable, resource)
			}
		}
		slices.Sort(known)
		slices.Sort(usable)
		if diff := cmp.Diff(known, slices.Compact(usable)); diff != "" {
			t.Errorf("%s (-told +allowed):\n%s", function, diff)
		}
	}
}

// A grant on an index that the table does not have shows only when a list stays empty.
func TestRightsToIndexesNameIndexes(t *testing.T) {
	tpl := load(t)
	checked := 0
	for _, function := range tpl.functions() {
		for _, g := range tpl.grants(t, function) {
			_, resource, _ := strings.Cut(g, " on ")
			arn, index, ok := strings.Cut(resource, "/index/")
			if !ok {
				continue
			}
			checked++
			table := strings.TrimSuffix(arn, ".Arn")
			declared, _ := tpl.properties(t, table, "AWS::DynamoDB::Table")["GlobalSecondaryIndexes"].([]any)
			if !slices.ContainsFunc(declared, func(i any) bool { return dig(t, i, "IndexName") == index }) {
				t.Errorf("%s: %s, and %s has no such index", function, g, table)
			}
		}
	}
	if checked == 0 {
		t.Error("no function may query an index: this test checked nothing")
	}
}

func TestRolesAreExplicitAndNotShared(t *testing.T) {
	tpl := load(t)
	owners := make(map[string]string)
	for _, function := range tpl.functions() {
		if tpl.function(t, function)["Policies"] != nil {
			t.Errorf("%s: with Policies, SAM adds AWS's managed ones, which reach every log group and queue", function)
		}
		role, statements := tpl.policies(t, function)
		if other := owners[role]; other != "" {
			t.Errorf("%s and %s share %s", function, other, role)
		}
		owners[role] = function
		for _, s := range statements {
			if s.effect != "Allow" {
				continue
			}
			for _, part := range slices.Concat(s.actions, s.resources) {
				if strings.ContainsAny(part, "*?") {
					t.Errorf("%s: %q in what %s is allowed", role, part, function)
				}
			}
		}
	}
}

// Whoever may read or append events, or read their stream, is denied every other way of writing there.
func TestNobodyMayRewriteTheLog(t *testing.T) {
	tpl := load(t)
	rewriting := []string{
		"dynamodb:BatchWriteItem",
		"dynamodb:DeleteItem",
		"dynamodb:DeleteTable",
		"dynamodb:PartiQLDelete",
		"dynamodb:PartiQLInsert",
		"dynamodb:PartiQLUpdate",
		"dynamodb:UpdateItem",
		"dynamodb:UpdateTimeToLive",
	}
	guarded := 0
	for _, function := range tpl.functions() {
		touches := slices.ContainsFunc(tpl.grants(t, function), func(g string) bool {
			return strings.Contains(g, " on EventsTable.")
		})
		if !touches {
			continue
		}
		guarded++
		_, statements := tpl.policies(t, function)
		var denied []string
		for _, s := range statements {
			if s.effect == "Deny" && slices.Equal(s.resources, []string{"EventsTable.Arn"}) {
				denied = append(denied, s.actions...)
			}
		}
		slices.Sort(denied)
		if diff := cmp.Diff(rewriting, denied); diff != "" {
			t.Errorf("%s: denied on the log (-want +got):\n%s", function, diff)
		}
	}
	if guarded == 0 {
		t.Error("no function touches the event log: this test checked nothing")
	}
}
