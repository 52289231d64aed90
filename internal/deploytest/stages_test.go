package deploytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kept says for each stage whether its data matters.
var kept = map[string]bool{"dev": false, "local": false, "staging": true, "prod": true}

// arn is how an attribute of a resource is written that stays after the evaluation for a stage.
func arn(id string) any { return map[string]any{"Fn::GetAtt": id + ".Arn"} }

func TestEveryStageIsKnownHere(t *testing.T) {
	allowed := names(dig(t, load(t).parameters, "Stage", "AllowedValues"))
	if diff := cmp.Diff(slices.Sorted(slices.Values(stages)), slices.Sorted(slices.Values(allowed))); diff != "" {
		t.Errorf("stages (-here +template):\n%s", diff)
	}
}

// Where data matters it outlives mistakes: of a deployment, of a deletion, and of whoever wrote something wrong into it.
func TestTablesAreProtectedWhereTheyMatter(t *testing.T) {
	for _, stage := range stages {
		tpl := load(t).at(t, stage)
		for _, id := range tpl.ofType("AWS::DynamoDB::Table") {
			properties := tpl.properties(t, id, "AWS::DynamoDB::Table")
			sse := map[string]any{"SSEEnabled": false}
			if kept[stage] {
				sse = map[string]any{"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": arn("DataKey")}
			}
			for what, values := range map[string][2]any{
				"deletion protection":    {false, properties["DeletionProtectionEnabled"]},
				"point-in-time recovery": {kept[stage], dig(t, properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")},
				"encryption":             {sse, properties["SSESpecification"]},
			} {
				if diff := cmp.Diff(values[0], values[1]); diff != "" {
					t.Errorf("%s: %s: %s (-want +got):\n%s", stage, id, what, diff)
				}
			}
		}
	}
}

// The first deployment is made without deletion protection, else CloudFormation could not roll it back; make deploy turns it on
// afterwards. A developer's stack is never protected.
func TestDeletionProtectionComesAfterTheFirstDeployment(t *testing.T) {
	for _, stage := range stages {
		for parameter, want := range map[string]bool{"DeletionProtection=false": false, "DeletionProtection=true": kept[stage]} {
			tpl := load(t).at(t, stage, parameter)
			for _, id := range tpl.ofType("AWS::DynamoDB::Table") {
				if got := tpl.properties(t, id, "AWS::DynamoDB::Table")["DeletionProtectionEnabled"]; got != want {
					t.Errorf("%s with %s: %s is protected: %v, want %v", stage, parameter, id, got, want)
				}
			}
			active := map[bool]string{true: "ACTIVE", false: "INACTIVE"}[want]
			if got := tpl.properties(t, "UserPool", "AWS::Cognito::UserPool")["DeletionProtection"]; got != active {
				t.Errorf("%s with %s: the user pool's protection is %v, want %s", stage, parameter, got, active)
			}
		}
	}
}

// A failed first deployment may clean up after itself; nothing else takes these with it.
func TestWhatCannotBeMadeAgainSurvivesTheStack(t *testing.T) {
	tpl := load(t)
	for _, kind := range []string{"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Cognito::UserPool"} {
		ids := tpl.ofType(kind)
		if len(ids) == 0 {
			t.Errorf("there is no %s: this test checked nothing", kind)
		}
		for _, id := range ids {
			resource := asMap(t, tpl.resources[id])
			if resource["DeletionPolicy"] != "RetainExceptOnCreate" || resource["UpdateReplacePolicy"] != "Retain" {
				t.Errorf("%s: DeletionPolicy %v, UpdateReplacePolicy %v", id, resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
			}
		}
	}
}

func TestKeysOfTheAccountEncryptWhatMatters(t *testing.T) {
	for _, stage := range stages {
		tpl := load(t).at(t, stage, withBus)
		if got := len(tpl.ofType("AWS::KMS::Key")); (got > 0) != kept[stage] {
			t.Errorf("%s: %d keys", stage, got)
		}
		for _, id := range tpl.ofType("AWS::KMS::Key") {
			if tpl.properties(t, id, "AWS::KMS::Key")["EnableKeyRotation"] != true {
				t.Errorf("%s: %s is not rotated", stage, id)
			}
		}
		for kind, key := range map[string]struct{ property, id string }{
			"AWS::SQS::Queue":             {"KmsMasterKeyId", "DataKey"},
			"AWS::Logs::LogGroup":         {"KmsKeyId", "LogKey"},
			"AWS::SecretsManager::Secret": {"KmsKeyId", "DataKey"},
		} {
			for _, id := range tpl.ofType(kind) {
				want := arn(key.id)
				if !kept[stage] {
					want = nil
				}
				if diff := cmp.Diff(want, tpl.properties(t, id, kind)[key.property]); diff != "" {
					t.Errorf("%s: %s.%s (-want +got):\n%s", stage, id, key.property, diff)
				}
			}
		}
		for _, id := range tpl.ofType("AWS::SQS::Queue") {
			managed := tpl.properties(t, id, "AWS::SQS::Queue")["SqsManagedSseEnabled"]
			if (managed == true) == kept[stage] {
				t.Errorf("%s: %s: SqsManagedSseEnabled %v: encrypted by SQS where it is not by the account's key", stage, id, managed)
			}
		}
		if got := tpl.globals["KmsKeyArn"]; (got != nil) != kept[stage] {
			t.Errorf("%s: the functions' variables are encrypted under %v", stage, got)
		}
	}
}

// The key of the logs serves the log groups of this stack alone.
func TestTheLogKeyServesTheGroupsOfTheStack(t *testing.T) {
	tpl := load(t).at(t, "prod", withBus)
	var patterns []string
	for _, item := range dig(t, tpl.properties(t, "LogKey", "AWS::KMS::Key"), "KeyPolicy", "Statement").([]any) {
		if condition, ok := asMap(t, item)["Condition"]; ok {
			patterns = names(dig(t, condition, "ArnLike", "kms:EncryptionContext:aws:logs:arn"))
		}
	}
	for _, id := range tpl.ofType("AWS::Logs::LogGroup") {
		group := "arn:aws:logs:eu-central-1:111122223333:log-group:" + name(tpl.properties(t, id, "AWS::Logs::LogGroup")["LogGroupName"])
		if !slices.ContainsFunc(patterns, func(p string) bool {
			prefix, open := strings.CutSuffix(p, "*")
			return group == p || open && strings.HasPrefix(group, prefix)
		}) {
			t.Errorf("%s: none of %v", group, patterns)
		}
	}
}

// The emulator speaks plain HTTP, so there this policy would deny everything.
func TestQueuesRefusePlainHTTPOutsideTheEmulator(t *testing.T) {
	for _, stage := range stages {
		for _, bus := range []string{"EventBusArn=", withBus} {
			tpl := load(t).at(t, stage, bus)
			if stage != "local" {
				testTLSOnly(t, stage, tpl)
			} else if policies := tpl.ofType("AWS::SQS::QueuePolicy"); len(policies) > 0 {
				t.Errorf("local: %v", policies)
			}
		}
	}
}

// SQS takes only policies that are about one queue (AccessPolicyLanguage_SpecialInfo in its developer guide).
func testTLSOnly(t *testing.T, stage string, tpl template) {
	t.Helper()
	var covered []string
	for _, id := range tpl.ofType("AWS::SQS::QueuePolicy") {
		properties := tpl.properties(t, id, "AWS::SQS::QueuePolicy")
		queues := names(properties["Queues"])
		covered = append(covered, queues...)
		want := []any{map[string]any{
			"Sid": "DenyPlainHttp", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn(queues[0]),
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		}}
		if diff := cmp.Diff(want, dig(t, properties, "PolicyDocument", "Statement")); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", stage, id, diff)
		}
	}
	slices.Sort(covered)
	if diff := cmp.Diff(tpl.ofType("AWS::SQS::Queue"), covered); diff != "" {
		t.Errorf("%s: queues with one policy (-all +covered):\n%s", stage, diff)
	}
}

// A new version takes over behind an alias; with a variable changed, too. Where it matters, alarms turn it back, unless the
// deployment shall not wait for them. The emulator has no CodeDeploy.
func TestVersionsTakeOverGradually(t *testing.T) {
	pace := map[string]string{"dev": "AllAtOnce", "local": "AllAtOnce", "staging": "AllAtOnce", "prod": "Canary10Percent5Minutes"}
	for _, stage := range stages {
		for rollout, byCodeDeploy := range map[string]bool{"gradual": kept[stage], "now": false} {
			tpl := load(t).at(t, stage, "Rollout="+rollout)
			want := map[string]any{"Enabled": fmt.Sprint(byCodeDeploy), "Type": pace[stage]}
			if diff := cmp.Diff(want, tpl.globals["DeploymentPreference"]); diff != "" {
				t.Errorf("%s with Rollout=%s: DeploymentPreference (-want +got):\n%s", stage, rollout, diff)
			}
			if tpl.globals["AutoPublishAlias"] != "live" || tpl.globals["Tracing"] != "Active" {
				t.Errorf("%s: alias %v, tracing %v", stage, tpl.globals["AutoPublishAlias"], tpl.globals["Tracing"])
			}
			for _, function := range tpl.functions() {
				if tpl.function(t, function)["AutoPublishAliasAllProperties"] != true {
					t.Errorf("%s: a changed variable would never get into a version", function)
				}
			}
		}
	}
	if got := load(t).at(t, "prod").globals["DeploymentPreference"]; asMap(t, got)["Enabled"] != "true" {
		t.Errorf("prod is not deployed gradually by default: %v", got)
	}
}

func TestConcurrencyFollowsTheParameters(t *testing.T) {
	for _, test := range []struct {
		parameters []string
		function   string
		reserved   any
	}{
		{nil, "BookingFunction", nil},
		{[]string{"BookingReservedConcurrency=300"}, "BookingFunction", 300},
		{nil, "RelayFunction", nil},
		{[]string{"RelayReservedConcurrency=10"}, "RelayFunction", 10},
		{[]string{withBus}, "PublisherFunction", nil},
		{[]string{withBus, "RelayReservedConcurrency=10"}, "PublisherFunction", 10},
		{nil, "ProjectorFunction", nil},
		{[]string{"ReserveConcurrency=true"}, "ProjectorFunction", 20},
	} {
		tpl := load(t).at(t, "prod", test.parameters...)
		if got := tpl.function(t, test.function)["ReservedConcurrentExecutions"]; got != test.reserved {
			t.Errorf("%s with %v: reserved %v, want %v", test.function, test.parameters, got, test.reserved)
		}
	}
	if got := load(t).at(t, "prod").function(t, "BookingFunction")["ProvisionedConcurrencyConfig"]; got != nil {
		t.Errorf("environments are kept started, and paid for, by default: %v", got)
	}
	provisioned := load(t).at(t, "prod", "BookingProvisionedConcurrency=5").function(t, "BookingFunction")["ProvisionedConcurrencyConfig"]
	if diff := cmp.Diff(map[string]any{"ProvisionedConcurrentExecutions": 5}, provisioned); diff != "" {
		t.Errorf("provisioned (-want +got):\n%s", diff)
	}
}

func TestTheGatewayLimitsAndTellsNoSecrets(t *testing.T) {
	properties := load(t).at(t, "prod", "ApiRateLimit=50", "ApiBurstLimit=70", "BookingRateLimit=9").properties(t, "Api", "AWS::Serverless::HttpApi")
	limits := asMap(t, properties["DefaultRouteSettings"])
	if limits["ThrottlingRateLimit"] != 50 || limits["ThrottlingBurstLimit"] != 70 {
		t.Errorf("limits %v", limits)
	}
	own := map[string]any{
		"GET /health":        map[string]any{"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
		"GET /openapi.json":  map[string]any{"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
		"HEAD /health":       map[string]any{"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
		"HEAD /openapi.json": map[string]any{"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
		// What is admitted must be paid for: cmd/hail/internal/sizing relates this limit to the payment function.
		"POST /v1/bookings": map[string]any{"ThrottlingRateLimit": 9, "ThrottlingBurstLimit": 70, "DetailedMetricsEnabled": false},
	}
	if diff := cmp.Diff(own, asMap(t, properties["RouteSettings"])); diff != "" {
		t.Errorf("routes with limits of their own (-want +got):\n%s", diff)
	}
	format := name(dig(t, properties, "AccessLogSettings", "Format"))
	for _, secret := range []string{"authorization", "header", "body", "querystring", "claims", "$context.path", "requestOverride"} {
		if strings.Contains(strings.ToLower(format), strings.ToLower(secret)) {
			t.Errorf("the access log tells %s", secret)
		}
	}
	if group := name(dig(t, properties, "AccessLogSettings", "DestinationArn")); group != "ApiLogGroup.Arn" {
		t.Errorf("access logs go to %s", group)
	}
	if limits["DetailedMetricsEnabled"] != false {
		t.Error("metrics of each route are counted, and paid for, by default")
	}
}

// API Gateway compares a browser's origin with each item of a list. Without origins there is nothing to compare.
func TestBrowsersAreLetInFromTheOriginsOfTheParameter(t *testing.T) {
	api := func(origins string) map[string]any {
		return load(t).at(t, "prod", "CorsOrigins="+origins).properties(t, "Api", "AWS::Serverless::HttpApi")
	}
	if cors := api("")["CorsConfiguration"]; cors != nil {
		t.Errorf("browsers are let in by default: %v", cors)
	}
	got := dig(t, api("https://app.example.com,https://ops.example.com"), "CorsConfiguration", "AllowOrigins")
	if diff := cmp.Diff([]any{"https://app.example.com", "https://ops.example.com"}, got); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}
