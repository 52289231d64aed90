package doctor_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
)

// reply is an answer of the cloud: a body, or an error with a code.
type reply struct {
	body    string
	code    string
	message string
	status  int // 0: 200, or 400 with a code
}

// fails is the error with this code, as AWS sends it.
func fails(code string) reply { return reply{code: code, message: "as the test wants it"} }

// cloud is an AWS account over HTTP, in the protocols of its services. It is healthy, but for what a test overrides.
type cloud struct {
	server   *httptest.Server
	plan     *plan.Plan
	settings plan.Settings
	deployed bool
	status   string
	// override replaces answers by IAM action; of is called with the request's fields where an answer depends on them.
	override map[string]reply
	health   int
	openID   string

	mu     sync.Mutex
	called map[string]bool
}

const (
	account = "111122223333"
	key     = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:hailstone/stripe-AbCdEf"
	hook    = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:hailstone/hook-AbCdEf"
	pager   = "arn:aws:sns:eu-central-1:111122223333:pager"
	bus     = "arn:aws:events:eu-central-1:111122223333:event-bus/rides"
	issuer  = "https://id.example.com"
)

// everything turns all on that can be.
const everything = "Stage=prod StripeSecretArn=" + key + " StripeWebhookSecretArn=" + hook + " AlarmTopicArn=" + pager + " EventBusArn=" + bus +
	" DispatchMachine=true ReserveConcurrency=true BookingReservedConcurrency=100 BookingProvisionedConcurrency=10 RelayReservedConcurrency=8"

const root = "../../../../"

func newCloud(t *testing.T, parameters string) *cloud {
	t.Helper()
	settings, err := plan.ReadSettings(root+"samconfig.toml", "prod", parameters)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{
		settings: settings, plan: template(t).Make(settings, account, nil), status: "CREATE_COMPLETE",
		override: map[string]reply{}, called: map[string]bool{}, health: http.StatusOK,
		openID: `{"issuer": "` + issuer + `", "jwks_uri": "` + issuer + `/keys"}`,
	}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	return c
}

// readTemplate reads it once: no test changes it.
var readTemplate = sync.OnceValues(func() (*plan.Template, error) { return plan.ReadTemplate(root + "template.yaml") })

func template(t *testing.T) *plan.Template {
	t.Helper()
	tpl, err := readTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// examined runs the doctor and returns what it reports and prints.
func (c *cloud) examined(t *testing.T, change func(*doctor.Patient)) (doctor.Report, string) {
	t.Helper()
	p := doctor.Patient{
		Template: template(t), Settings: c.settings, HTTP: &http.Client{Transport: c},
		AWS: aws.Config{
			Region: "eu-central-1", BaseEndpoint: &c.server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
			Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		},
	}
	if change != nil {
		change(&p)
	}
	var out strings.Builder
	report := doctor.Examine(t.Context(), p, &out)
	return report, out.String()
}

// RoundTrip leads the doctor's own requests, to the API and the identity provider, here.
func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	there, err := url.Parse(c.server.URL)
	if err != nil {
		return nil, err
	}
	if c.health == 0 {
		return nil, fmt.Errorf("dial %s: refused", r.URL.Host)
	}
	r.URL.Scheme, r.URL.Host = there.Scheme, there.Host
	return http.DefaultTransport.RoundTrip(r)
}

// restOperations are recognized by their paths.
var restOperations = map[*regexp.Regexp]string{
	regexp.MustCompile(`/account-settings$`):                       "GetAccountSettings",
	regexp.MustCompile(`/functions/[^/]+/configuration$`):          "GetFunctionConfiguration",
	regexp.MustCompile(`/functions/[^/]+/aliases/live$`):           "GetAlias",
	regexp.MustCompile(`/functions/[^/]+/concurrency$`):            "GetFunctionConcurrency",
	regexp.MustCompile(`/functions/[^/]+/provisioned-concurrency`): "GetProvisionedConcurrencyConfig",
	regexp.MustCompile(`/event-source-mappings`):                   "ListEventSourceMappings",
	regexp.MustCompile(`^/schedules/`):                             "GetSchedule",
}

// scope is the service that a request is signed for.
var scope = regexp.MustCompile(`Credential=[^/]+/[^/]+/[^/]+/([^/]+)/`)

// ServeHTTP answers in the protocol that the request speaks.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		w.WriteHeader(c.health)
		return
	case "/.well-known/openid-configuration":
		_, _ = io.WriteString(w, c.openID)
		return
	}
	raw, _ := io.ReadAll(r.Body)
	service, target := scope.FindStringSubmatch(r.Header.Get("Authorization"))[1], r.Header.Get("X-Amz-Target")
	if service == "monitoring" {
		service = "cloudwatch"
	}
	fields, operation, query := url.Values{}, "", false
	switch {
	case target != "":
		_, operation, _ = strings.Cut(target, ".")
		fields = jsonFields(raw)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		fields, _ = url.ParseQuery(string(raw))
		operation, query = fields.Get("Action"), true
	default:
		for path, name := range restOperations {
			if path.MatchString(r.URL.Path) {
				operation, fields = name, r.URL.Query()
				fields.Set("Path", r.URL.Path)
			}
		}
	}
	action := service + ":" + operation
	c.mu.Lock()
	c.called[action] = true
	answer, ok := c.override[action]
	c.mu.Unlock()
	if !ok {
		answer = c.healthy(action, fields)
	}
	answer.write(w, operation, query)
}

func (a reply) write(w http.ResponseWriter, operation string, query bool) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
		if a.code != "" {
			status = http.StatusBadRequest
		}
	}
	body := a.body
	switch {
	case query && a.code != "":
		body = fmt.Sprintf("<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", a.code, a.message)
	case query:
		body = fmt.Sprintf("<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", operation, a.body)
	case a.code != "":
		w.Header().Set("X-Amzn-Errortype", a.code)
		body = fmt.Sprintf(`{"__type": %q, "message": %q}`, a.code, a.message)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// jsonFields are the texts and lists of texts in a JSON object.
func jsonFields(raw []byte) url.Values {
	var object map[string]any
	_ = json.Unmarshal(raw, &object)
	fields := url.Values{}
	for name, value := range object {
		if list, ok := value.([]any); ok {
			for _, item := range list {
				fields.Add(name, fmt.Sprint(item))
			}
			continue
		}
		fields.Set(name, fmt.Sprint(value))
	}
	return fields
}

func toJSON(v any) reply {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return reply{body: string(raw)}
}

func toXML(name string, v any) string {
	var out strings.Builder
	if err := xml.NewEncoder(&out).EncodeElement(v, xml.StartElement{Name: xml.Name{Local: name}}); err != nil {
		panic(err)
	}
	return out.String()
}

type object = map[string]any

// healthy is how an account answers in which nothing is wrong.
func (c *cloud) healthy(action string, in url.Values) reply {
	service, _, _ := strings.Cut(action, ":")
	switch service {
	case "lambda":
		return c.healthyFunction(action, in)
	case "cloudformation":
		return c.healthyStack(action)
	case "dynamodb":
		if action == "dynamodb:DescribeTable" {
			return toJSON(object{"Table": object{"TableStatus": "ACTIVE", "StreamSpecification": object{"StreamEnabled": true}, "DeletionProtectionEnabled": true}})
		}
		return toJSON(object{"ContinuousBackupsDescription": object{"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": object{"PointInTimeRecoveryStatus": "ENABLED"}}})
	case "iam":
		return c.healthyRole(action, in)
	}
	switch action {
	case "sts:GetCallerIdentity":
		return reply{body: "<Account>" + account + "</Account><Arn>arn:aws:iam::" + account + ":user/ann</Arn>"}
	case "ssm:GetParameters":
		var found []object
		for _, name := range in["Names"] {
			found = append(found, object{"Name": name, "Value": name})
		}
		return toJSON(object{"Parameters": found})
	case "servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota":
		return toJSON(object{"Quota": object{"Value": 10000}})
	case "events:DescribeEventBus":
		return toJSON(object{"Name": in.Get("Name")})
	case "secretsmanager:DescribeSecret":
		return toJSON(object{"ARN": in.Get("SecretId")})
	case "secretsmanager:GetSecretValue":
		return toJSON(object{"SecretString": map[string]string{key: "rk_live_x", hook: "whsec_x whsec_y"}[in.Get("SecretId")]})
	case "sns:GetTopicAttributes":
		return reply{body: "<Attributes><entry><key>KmsMasterKeyId</key><value>alias/pager</value></entry></Attributes>"}
	case "sns:ListSubscriptionsByTopic":
		return subscriptions(pager + ":1")
	case "logs:DescribeLogGroups":
		return toJSON(object{"logGroups": []object{{"logGroupName": in.Get("logGroupNamePrefix") + "-of-another"}}})
	case "cloudwatch:DescribeAlarms":
		return c.alarms(in["AlarmNames"], nil)
	case "cloudwatch:GetDashboard":
		return fails("ResourceNotFound")
	case "scheduler:GetSchedule":
		if c.deployed {
			return toJSON(object{"State": "ENABLED"})
		}
		return fails("ResourceNotFoundException")
	case "cognito-idp:DescribeUserPoolDomain":
		return toJSON(object{"DomainDescription": object{}})
	}
	return reply{code: "NoAnswer", message: action, status: http.StatusInternalServerError}
}

func subscriptions(arns ...string) reply {
	body := ""
	for _, arn := range arns {
		body += "<member><SubscriptionArn>" + arn + "</SubscriptionArn><Protocol>email</Protocol><Endpoint>you@example.com</Endpoint></member>"
	}
	return reply{body: "<Subscriptions>" + body + "</Subscriptions>"}
}

// alarms are those of the deployed stack, but for what change does with one.
func (c *cloud) alarms(names []string, change func(name string, alarm object) bool) reply {
	metric, composite := []object{}, []object{}
	composites := c.plan.Texts("AWS::CloudWatch::CompositeAlarm", "AlarmName")
	for _, name := range names {
		alarm := object{"AlarmName": name, "ActionsEnabled": true, "StateValue": "OK"}
		if topic := c.plan.Parameters["AlarmTopicArn"]; topic != "" {
			alarm["AlarmActions"] = []string{topic}
		}
		switch {
		case !c.deployed || (change != nil && !change(name, alarm)):
		case slices.Contains(composites, name):
			composite = append(composite, alarm)
		default:
			metric = append(metric, alarm)
		}
	}
	return toJSON(object{"MetricAlarms": metric, "CompositeAlarms": composite})
}

func (c *cloud) healthyStack(action string) reply {
	if !c.deployed {
		return reply{code: "ValidationError", message: "Stack with id " + c.plan.Stack + " does not exist"}
	}
	if action == "cloudformation:ListStackResources" {
		body := ""
		for _, id := range slices.Sorted(maps.Keys(c.plan.Resources)) {
			body += resource(id, "CREATE_COMPLETE")
		}
		return reply{body: "<StackResourceSummaries>" + body + "</StackResourceSummaries>"}
	}
	parameters := ""
	for name, value := range c.plan.Given {
		parameters += "<member>" + toXML("ParameterKey", name) + toXML("ParameterValue", value) + "</member>"
	}
	return reply{body: "<Stacks><member>" + toXML("StackName", c.plan.Stack) + toXML("StackStatus", c.status) +
		"<Outputs><member><OutputKey>ApiUrl</OutputKey>" + toXML("OutputValue", c.server.URL) + "</member></Outputs>" +
		"<Parameters>" + parameters + "</Parameters></member></Stacks>"}
}

func resource(id, status string) string {
	return "<member>" + toXML("LogicalResourceId", id) + toXML("PhysicalResourceId", "the-"+id) + toXML("ResourceStatus", status) + "</member>"
}

func (c *cloud) healthyRole(action string, in url.Values) reply {
	if action == "iam:GetRole" {
		return reply{body: "<Role>" + toXML("RoleName", in.Get("RoleName")) + toXML("AssumeRolePolicyDocument", `{"Service": "lambda.amazonaws.com"}`) + "</Role>"}
	}
	id := strings.TrimPrefix(in.Get("RoleName"), "the-")
	attached, _ := c.plan.Resources[id].Properties["ManagedPolicyArns"].([]any)
	return reply{body: "<AttachedPolicies>" + strings.Repeat("<member><PolicyName>p</PolicyName></member>", len(attached)) + "</AttachedPolicies>"}
}

func (c *cloud) healthyFunction(action string, in url.Values) reply {
	id := ""
	if parts := strings.Split(in.Get("Path"), "/functions/the-"); len(parts) == 2 {
		id, _, _ = strings.Cut(parts[1], "/")
	}
	properties := c.plan.Resources[id].Properties
	switch action {
	case "lambda:GetAccountSettings":
		return toJSON(object{"AccountLimit": object{"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}})
	case "lambda:GetFunctionConfiguration":
		return toJSON(object{"State": "Active", "LastUpdateStatus": "Successful"})
	case "lambda:GetAlias":
		return toJSON(object{"Name": "live"})
	case "lambda:GetFunctionConcurrency":
		var n int
		if _, err := fmt.Sscan(fmt.Sprint(properties["ReservedConcurrentExecutions"]), &n); err != nil {
			return toJSON(object{})
		}
		return toJSON(object{"ReservedConcurrentExecutions": n})
	case "lambda:GetProvisionedConcurrencyConfig":
		return toJSON(object{"Status": "READY"})
	}
	name, _, _ := strings.Cut(in.Get("FunctionName"), ":")
	return toJSON(object{"EventSourceMappings": c.mappings(strings.TrimPrefix(name, "the-"))})
}

// mappings are the event source mappings of a function.
func (c *cloud) mappings(id string) []object {
	list := []object{}
	events, _ := c.plan.Resources[id].Properties["Events"].(object)
	for name, raw := range events {
		event, _ := raw.(object)
		if event["Type"] != "SQS" && event["Type"] != "DynamoDB" {
			continue
		}
		mapping := object{"UUID": id + name, "State": "Enabled", "LastProcessingResult": "OK"}
		properties, _ := event["Properties"].(object)
		if scaling, ok := properties["ScalingConfig"].(object); ok {
			var most int
			_, _ = fmt.Sscan(fmt.Sprint(scaling["MaximumConcurrency"]), &most)
			mapping["ScalingConfig"] = object{"MaximumConcurrency": most}
		}
		list = append(list, mapping)
	}
	return list
}
