package doctor_test

import (
	"maps"
	"net/http"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
)

func allTroubles() map[string]trouble {
	all := map[string]trouble{}
	for _, some := range []map[string]trouble{stackTroubles(), limitTroubles(), secretTroubles(), otherTroubles(), nameTroubles(), functionTroubles(), deployedTroubles()} {
		maps.Copy(all, some)
	}
	return all
}

func status(s string) func(*cloud) { return func(c *cloud) { c.status = s } }

func stackTroubles() map[string]trouble {
	return map[string]trouble{
		"it must be there": {patient: func(p *doctor.Patient) { p.MustBeDeployed = true }, check: "stack", want: "is not deployed in eu-central-1"},
		"the first deployment failed": {
			deployed: true, spoil: status("ROLLBACK_COMPLETE"), check: "stack", want: "the first deployment failed",
		},
		"a rollback failed":  {deployed: true, spoil: status("UPDATE_ROLLBACK_FAILED"), check: "stack", want: "continue-update-rollback"},
		"it is under way":    {deployed: true, spoil: status("UPDATE_IN_PROGRESS"), check: "stack", want: "wait for the end"},
		"it was turned back": {deployed: true, spoil: status("UPDATE_ROLLBACK_COMPLETE"), check: "stack", want: "the last deployment failed"},
		"other parameters": {
			deployed: true, spoil: func(c *cloud) {
				c.settings.Parameters = maps.Clone(c.settings.Parameters)
				c.settings.Parameters["LogLevel"] = "DEBUG"
				c.plan.Given = maps.Clone(c.plan.Given)
				c.plan.Given["LogLevel"] = "WARN"
			}, check: "stack", want: `LogLevel is "WARN" and not "DEBUG"`,
		},
		"an incident that was not ended": {
			parameters: everything + " Rollout=now", deployed: true, check: "stack", want: "end the incident with make deploy",
		},
		"access denied": {spoil: answers("logs:DescribeLogGroups", fails("AccessDeniedException")), check: "names of log groups", want: "logs:DescribeLogGroups was denied: grant it"},
		"no answer":     {spoil: answers("logs:DescribeLogGroups", reply{code: "Broken", status: http.StatusInternalServerError}), check: "names of log groups", want: "it could not be read"},
		"a parameter out of bounds": {
			parameters: everything + " ApiBurstLimit=6000", check: "parameters", want: "ApiBurstLimit=6000: give a number from 1 to 5000",
		},
		"a topic elsewhere": {
			parameters: strings.ReplaceAll(everything, pager, "arn:aws:sns:us-east-1:111122223333:pager"), check: "parameters", want: "AlarmTopicArn is in us-east-1, the stack in eu-central-1",
		},
		"a service is missing": {
			spoil: answers("ssm:GetParameters", toJSON(object{
				"Parameters": []object{{"Name": "x"}}, "InvalidParameters": []string{"/aws/service/global-infrastructure/regions/eu-central-1/services/xray"},
			})), check: "services of the region", want: "eu-central-1 has no xray",
		},
	}
}

func accountLimit(limit, unreserved int) func(*cloud) {
	return answers("lambda:GetAccountSettings", toJSON(object{"AccountLimit": object{"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}}))
}

func limitTroubles() map[string]trouble {
	quota := func(n int) func(*cloud) {
		return answers("servicequotas:GetServiceQuota", toJSON(object{"Quota": object{"Value": n}}))
	}
	return map[string]trouble{
		"a new account":        {parameters: simple, spoil: accountLimit(10, 10), check: "concurrency", want: "the account may run 10 executions at once"},
		"others have reserved": {spoil: accountLimit(1000, 264), check: "concurrency", want: "165 are to be reserved of 264 unreserved, and Lambda keeps 100"},
		"more kept than there is": {
			parameters: everything + " BookingProvisionedConcurrency=101", check: "concurrency", want: "BookingProvisionedConcurrency=101 is more than BookingReservedConcurrency=100",
		},
		"payments too slow": {
			parameters: simple + " PaymentConcurrency=5", check: "concurrency", want: "PaymentConcurrency=5 pays for 1.3 rides a second, BookingRateLimit admits 5",
		},
		"a small gateway":     {parameters: simple, spoil: quota(199), check: "quota of API Gateway", want: "the account has 199 requests a second of API Gateway"},
		"more than the table": {parameters: simple + " BookingRateLimit=200 PaymentConcurrency=1000 ReserveConcurrency=false", spoil: func(c *cloud) { accountLimit(3000, 3000)(c); quota(7599)(c) }, check: "quota of DynamoDB", want: "7600: ask Service Quotas"},
	}
}

func secretTroubles() map[string]trouble {
	value := func(text string) func(*cloud) {
		return func(c *cloud) {
			c.override["secretsmanager:GetSecretValue"] = toJSON(object{"SecretString": text})
		}
	}
	described := func(fields object) func(*cloud) {
		fields["ARN"] = key
		return answers("secretsmanager:DescribeSecret", toJSON(fields))
	}
	const check, hookless = "secret of the payment provider", "Stage=prod StripeSecretArn=" + key
	return map[string]trouble{
		"no such secret":         {parameters: hookless, spoil: answers("secretsmanager:DescribeSecret", fails("ResourceNotFoundException")), check: check, want: "does not exist"},
		"not the full ARN":       {parameters: hookless, spoil: answers("secretsmanager:DescribeSecret", toJSON(object{"ARN": key + "-XyZaBc"})), check: check, want: "is not the full ARN"},
		"to be deleted":          {parameters: hookless, spoil: described(object{"DeletedDate": 1790000000}), check: check, want: "is to be deleted on 2026-09-21"},
		"a key of the customer":  {parameters: hookless, spoil: described(object{"KmsKeyId": "arn:aws:kms:eu-central-1:1:key/x"}), check: check, want: "which the functions may not use"},
		"no value yet":           {parameters: hookless, spoil: answers("secretsmanager:GetSecretValue", fails("ResourceNotFoundException")), check: check, want: "has no value yet"},
		"a line break":           {parameters: hookless, spoil: value("sk_live_x\n"), check: check, want: "has white space around it"},
		"no key of the provider": {parameters: hookless, spoil: value("pk_live_x"), check: check, want: "holds no secret or restricted key"},
		"a test key in prod":     {parameters: hookless, spoil: value("sk_test_x"), check: check, want: "nobody would be charged"},
		"a live key elsewhere":   {parameters: "Stage=staging StripeSecretArn=" + key, spoil: value("sk_live_x"), check: check, want: "cards would be charged"},
		"no signing secret": {
			spoil: func(c *cloud) {
				c.override["secretsmanager:GetSecretValue"] = toJSON(object{"SecretString": "rk_live_x"})
			}, check: "secret of its webhook", want: "holds something else than signing secrets",
		},
	}
}

func otherTroubles() map[string]trouble {
	const own = simple + " JwtIssuer=" + issuer + " JwtAudience=rides"
	return map[string]trouble{
		"no such topic":                {spoil: answers("sns:GetTopicAttributes", fails("NotFound")), check: "alarm topic", want: "does not exist: aws sns create-topic"},
		"a topic closed to CloudWatch": {spoil: answers("sns:GetTopicAttributes", reply{body: "<Attributes><entry><key>KmsMasterKeyId</key><value>alias/aws/sns</value></entry></Attributes>"}), check: "alarm topic", want: "which CloudWatch may not use"},
		"nobody subscribes":            {spoil: answers("sns:ListSubscriptionsByTopic", subscriptions()), check: "alarm topic", want: "has no confirmed subscription"},
		"a subscription is pending":    {spoil: answers("sns:ListSubscriptionsByTopic", subscriptions(pager+":1", "PendingConfirmation")), check: "alarm topic", want: "email you@example.com is PendingConfirmation"},
		"no such bus":                  {spoil: answers("events:DescribeEventBus", fails("ResourceNotFoundException")), check: "event bus", want: "there is no event bus rides"},
		"another issuer":               {parameters: own, spoil: func(c *cloud) { c.openID = `{"issuer": "https://other.example"}` }, check: "identity provider", want: `names the issuer "https://other.example" and keys at ""`},
		"an issuer without a page":     {parameters: own, spoil: func(c *cloud) { c.openID = "<html>" }, check: "identity provider", want: "answers 200 OK without a configuration"},
		"an issuer that is away":       {parameters: own, spoil: func(c *cloud) { c.health = 0 }, check: "identity provider", want: "does not answer"},
	}
}

func nameTroubles() map[string]trouble {
	taken := toJSON(object{"DomainDescription": object{"UserPoolId": "eu-central-1_x"}})
	return map[string]trouble{
		"a log group is there": {spoil: answers("logs:DescribeLogGroups", toJSON(object{"logGroups": []object{{"logGroupName": "/aws/lambda/hailstone-prod-booking"}}})), check: "names of log groups", want: "/aws/lambda/hailstone-prod-booking are there already"},
		"an alarm is there":    {spoil: answers("cloudwatch:DescribeAlarms", toJSON(object{"MetricAlarms": []object{{"AlarmName": "hailstone-prod-dispute"}}})), check: "names of alarms", want: "hailstone-prod-dispute are there already"},
		"a dashboard is there": {spoil: answers("cloudwatch:GetDashboard", toJSON(object{"DashboardName": "x"})), check: "name of the dashboard", want: "dashboards hailstone-prod"},
		"a schedule is there":  {spoil: answers("scheduler:GetSchedule", toJSON(object{"State": "ENABLED"})), check: "name of the schedule", want: "hailstone-prod-sweeper are there already"},
		"a domain is taken":    {spoil: answers("cognito-idp:DescribeUserPoolDomain", taken), check: "sign-in domain", want: "belongs to user pool eu-central-1_x"},
		"a domain of AWS's":    {spoil: func(c *cloud) { c.settings.Stack = "rides-aws" }, check: "sign-in domain", want: `contains "aws"`},
		"a domain in capitals": {spoil: func(c *cloud) { c.settings.Stack = "Rides" }, check: "sign-in domain", want: "is none for Cognito"},
	}
}

func functionTroubles() map[string]trouble {
	mappings := func(change func(object) []object) func(*cloud) {
		return func(c *cloud) {
			one := c.mappings("PaymentFunction")[0]
			c.override["lambda:ListEventSourceMappings"] = toJSON(object{"EventSourceMappings": change(one)})
		}
	}
	const check = "event source mappings"
	return map[string]trouble{
		"no alias": {deployed: true, spoil: func(c *cloud) {
			for _, a := range []string{"lambda:GetFunctionConfiguration", "lambda:GetAlias"} {
				c.override[a] = fails("ResourceNotFoundException")
			}
		}, check: "functions", want: "has no alias live"},
		"a version that failed": {deployed: true, spoil: answers("lambda:GetFunctionConfiguration", toJSON(object{"State": "Failed", "StateReason": "no role"})), check: "functions", want: "is Failed (no role)"},
		"an update that failed": {deployed: true, spoil: answers("lambda:GetFunctionConfiguration", toJSON(object{"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no key"})), check: "functions", want: "the last update of function the-BookingFunction failed (no key)"},
		"between two versions":  {deployed: true, spoil: answers("lambda:GetAlias", toJSON(object{"RoutingConfig": object{"AdditionalVersionWeights": object{"2": 0.1}}})), check: "functions", want: "is between two versions"},
		"stopped by hand":       {deployed: true, spoil: answers("lambda:GetFunctionConcurrency", toJSON(object{"ReservedConcurrentExecutions": 0})), check: "functions", want: "has 0 reserved executions and not 100"},
		"limited by hand":       {deployed: true, spoil: answers("lambda:GetFunctionConcurrency", toJSON(object{"ReservedConcurrentExecutions": 7})), check: "functions", want: "has 7 reserved executions and not 100"},
		"nothing kept started":  {deployed: true, spoil: answers("lambda:GetProvisionedConcurrencyConfig", fails("ProvisionedConcurrencyConfigNotFoundException")), check: "functions", want: "keeps no environments started"},
		"not started yet":       {deployed: true, spoil: answers("lambda:GetProvisionedConcurrencyConfig", toJSON(object{"Status": "IN_PROGRESS"})), check: "functions", want: "are IN_PROGRESS"},
		"no mapping":            {deployed: true, spoil: mappings(func(object) []object { return []object{} }), check: check, want: "has 0 event source mappings and not 1"},
		"a mapping is off":      {deployed: true, spoil: mappings(func(m object) []object { m["State"] = "Disabled"; return []object{m} }), check: check, want: "is Disabled, so nothing reaches the function"},
		"a mapping fails":       {deployed: true, spoil: mappings(func(m object) []object { m["LastProcessingResult"] = "PROBLEM: access"; return []object{m} }), check: check, want: `reports "PROBLEM: access"`},
		"another concurrency":   {deployed: true, spoil: mappings(func(m object) []object { m["ScalingConfig"] = object{"MaximumConcurrency": 7}; return []object{m} }), check: check, want: "has a MaximumConcurrency of 7 and not 20"},
	}
}

func deployedTroubles() map[string]trouble {
	listed := func(change func(id string) string) func(*cloud) {
		return func(c *cloud) {
			body := ""
			for id := range c.plan.Resources {
				body += change(id)
			}
			c.override["cloudformation:ListStackResources"] = reply{body: "<StackResourceSummaries>" + body + "</StackResourceSummaries>"}
		}
	}
	alarms := func(change func(string, object) bool) func(*cloud) {
		return func(c *cloud) { c.override["cloudwatch:DescribeAlarms"] = c.alarms(allAlarms(c), change) }
	}
	table := func(t object) func(*cloud) {
		healthy := object{"TableStatus": "ACTIVE", "StreamSpecification": object{"StreamEnabled": true}, "DeletionProtectionEnabled": true}
		maps.Copy(healthy, t)
		return answers("dynamodb:DescribeTable", toJSON(object{"Table": healthy}))
	}
	return map[string]trouble{
		"a resource is missing": {deployed: true, spoil: listed(func(id string) string {
			if id == "RelayFailureQueue" {
				return ""
			}
			return resource(id, "CREATE_COMPLETE")
		}), check: "resources", want: "the stack lacks RelayFailureQueue"},
		"a resource failed": {deployed: true, spoil: listed(func(id string) string {
			if id == "Dashboard" {
				return resource(id, "UPDATE_FAILED")
			}
			return resource(id, "CREATE_COMPLETE")
		}), check: "resources", want: "Dashboard is UPDATE_FAILED"},
		"a role is gone":         {deployed: true, spoil: answers("iam:GetRole", fails("NoSuchEntity")), check: "roles", want: "role the-BookingRole (BookingRole) is gone"},
		"a role of another":      {deployed: true, spoil: answers("iam:GetRole", reply{body: "<Role><RoleName>x</RoleName><AssumeRolePolicyDocument>ec2.amazonaws.com</AssumeRolePolicyDocument></Role>"}), check: "roles", want: "cannot be assumed by Lambda"},
		"a role with more":       {deployed: true, spoil: answers("iam:ListAttachedRolePolicies", reply{body: "<AttachedPolicies>" + strings.Repeat("<member><PolicyName>p</PolicyName></member>", 4) + "</AttachedPolicies>"}), check: "roles", want: "has 4 attached policies and not 3"},
		"no schedule":            {deployed: true, spoil: answers("scheduler:GetSchedule", fails("ResourceNotFoundException")), check: "schedule", want: "there is no schedule hailstone-prod-sweeper"},
		"the schedule is off":    {deployed: true, spoil: answers("scheduler:GetSchedule", toJSON(object{"State": "DISABLED"})), check: "schedule", want: "is DISABLED, so nothing expires"},
		"a table is gone":        {deployed: true, spoil: answers("dynamodb:DescribeTable", fails("ResourceNotFoundException")), check: "tables", want: "table the-ControlTable (ControlTable) is gone"},
		"a table is updated":     {deployed: true, spoil: table(object{"TableStatus": "UPDATING"}), check: "tables", want: "is UPDATING"},
		"a table has no stream":  {deployed: true, spoil: table(object{"StreamSpecification": object{"StreamEnabled": false}}), check: "tables", want: "(EventsTable) has no stream"},
		"a table is unprotected": {deployed: true, spoil: table(object{"DeletionProtectionEnabled": false}), check: "tables", want: "can be deleted"},
		"no way back":            {deployed: true, spoil: answers("dynamodb:DescribeContinuousBackups", toJSON(object{})), check: "tables", want: "has no point-in-time recovery"},
		"an alarm is missing":    {deployed: true, spoil: alarms(func(name string, _ object) bool { return name != "hailstone-prod-dispute" }), check: "alarms", want: "hailstone-prod-dispute are missing"},
		"an alarm is silent": {deployed: true, spoil: alarms(func(name string, a object) bool {
			a["ActionsEnabled"] = name != "hailstone-prod-dispute"
			return true
		}), check: "alarms", want: "hailstone-prod-dispute do not notify " + pager},
		"an alarm is on": {deployed: true, spoil: alarms(func(name string, a object) bool {
			if name == "hailstone-prod-api-burn-fast" {
				a["StateValue"] = "ALARM"
			}
			return true
		}), check: "alarms", want: "hailstone-prod-api-burn-fast are on"},
		"the API is ill":  {deployed: true, spoil: func(c *cloud) { c.health = http.StatusBadGateway }, check: "API", want: "answers 502 Bad Gateway"},
		"the API is away": {deployed: true, spoil: func(c *cloud) { c.health = 0 }, check: "API", want: "/health does not answer"},
	}
}

func allAlarms(c *cloud) []string {
	return append(c.plan.Texts("AWS::CloudWatch::Alarm", "AlarmName"), c.plan.Texts("AWS::CloudWatch::CompositeAlarm", "AlarmName")...)
}
