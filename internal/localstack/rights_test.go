package localstack

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/localstack/rights"
	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

func stackNames() names {
	n := names{roles: map[string]string{}, others: map[string]string{"arn:aws:secretsmanager:eu-central-1:0:secret:key-1": "StripeSecretArn"}}
	for _, r := range []struct{ kind, logical, physical string }{
		{"AWS::IAM::Role", "PaymentRole", "stack-PaymentRole-1"},
		{"AWS::DynamoDB::Table", "EventsTable", "stack-EventsTable-1"},
		{"AWS::SQS::Queue", "PaymentsQueue", "http://127.0.0.1:4566/0/stack-PaymentsQueue-1"},
		{"AWS::Logs::LogGroup", "PaymentLogGroup", "/aws/lambda/stack-payment"},
		{"AWS::SecretsManager::Secret", "CursorSecret", "arn:aws:secretsmanager:eu-central-1:0:secret:cursor-1"},
	} {
		n.add(types.StackResource{ResourceType: aws.String(r.kind), LogicalResourceId: aws.String(r.logical), PhysicalResourceId: aws.String(r.physical)})
	}
	return n
}

func TestResourcesAreNamedAsInTheTemplate(t *testing.T) {
	t.Parallel()
	n := stackNames()
	for arn, want := range map[string]string{
		"*": "*",
		"arn:aws:dynamodb:eu-central-1:0:table/stack-EventsTable-1":                                "EventsTable",
		"arn:aws:dynamodb:eu-central-1:0:table/stack-EventsTable-1/index/first-commits":            "EventsTable/index/first-commits",
		"arn:aws:dynamodb:eu-central-1:0:table/stack-EventsTable-1/stream/2026-11-27T00:00:00.000": "EventsTable/stream",
		"arn:aws:dynamodb:eu-central-1:0:table/stack-EventsTable-12":                               "arn:aws:dynamodb:eu-central-1:0:table/stack-EventsTable-12",
		"arn:aws:sqs:eu-central-1:0:stack-PaymentsQueue-1":                                         "PaymentsQueue",
		"arn:aws:logs:eu-central-1:0:log-group:/aws/lambda/stack-payment:*":                        "PaymentLogGroup",
		"arn:aws:secretsmanager:eu-central-1:0:secret:cursor-1":                                    "CursorSecret",
		"arn:aws:secretsmanager:eu-central-1:0:secret:key-1":                                       "StripeSecretArn",
	} {
		if got := n.resource(arn); got != want {
			t.Errorf("%s: got %s, want %s", arn, got, want)
		}
	}
}

// emulator stands for the parts of MiniStack that authority.py changes, and asks for some things as a function would.
var emulator = map[string]string{
	"ministack/core/iam_actions.py": `
_DYNAMODB_TRANSACT_ITEM_ACTIONS = {"Put": "dynamodb:PutItem", "Delete": "dynamodb:DeleteItem"}
def extract_iam_action(service, method, path, headers, body, query_params):
    return headers["action"]
`,
	"ministack/core/iam_evaluator.py": `
def enforce(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    keys = (service_context or {}).get("dynamodb:LeadingKeys", [])
    return None if all(key.startswith(("work/", "booking/", "driver/")) for key in keys) else "denied"
`,
	"ministack/services/dynamodb.py": `_tables = {"stack-EventsTable-1": {"pk_name": "id"}, "other": {"pk_name": "key"}}`,
	"ministack/services/sts.py":      `_sessions = {"ASIA1": {"Arn": "arn:aws:sts::0:assumed-role/stack-PaymentRole-1/f"}}`,
	"ministack/app.py": `
import json
def ask(action, body, resource="arn:aws:dynamodb:eu-central-1:0:table/stack-EventsTable-1", key="ASIA1"):
    from ministack.core.iam_actions import extract_iam_action
    from ministack.core.iam_evaluator import enforce
    service = action.split(":")[0]
    extract_iam_action(service, "POST", "/", {"action": action}, json.dumps(body).encode(), {})
    enforce(key, action, service, "eu-central-1", resource_arn=resource, service_context={"a": "b"})
def main():
    table = "stack-EventsTable-1"
    ask("dynamodb:GetItem", {"TableName": table, "Key": {"id": {"S": "work/1"}}})
    ask("dynamodb:GetItem", {"TableName": table, "Key": {"id": {"S": "work/2"}}})
    ask("dynamodb:GetItem", {"TableName": table, "Key": {"id": {"S": "breaker"}}})
    ask("dynamodb:GetItem", {"TableName": table, "Key": {"id": {"S": "work/3"}}}, key="test")
    ask("dynamodb:BatchGetItem", {"RequestItems": {table: {"Keys": [{"id": {"S": "booking/2"}}, {"id": {"S": "booking/1"}}]}, "other": {"Keys": [{"key": {"S": "x"}}]}}})
    moved = {"TransactItems": [{"Put": {"TableName": table, "Item": {"id": {"S": "booking/1"}, "more": {"S": "x"}}}},
                               {"Delete": {"TableName": table, "Key": {"id": {"S": "driver/1"}}}}, {"Put": {"TableName": "other", "Item": {"key": {"S": "x"}}}}]}
    ask("dynamodb:PutItem", moved)
    ask("dynamodb:DeleteItem", moved)
    ask("dynamodb:Query", {"TableName": table, "KeyConditionExpression": "id = :id"})
    ask("sqs:SendMessageBatch", {"QueueUrl": "u"}, "arn:aws:sqs:eu-central-1:0:stack-PaymentsQueue-1")
`,
}

// Partition keys get into what is decided, and what was decided is written down, once for each kind of call.
func TestTheEmulatorDecidesOnPartitionKeys(t *testing.T) {
	t.Parallel()
	python, err := toolbox.FindPython(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range emulator {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	calls := filepath.Join(dir, "calls.jsonl")
	cmd := exec.CommandContext(t.Context(), python, "authority.py", calls)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	got, err := readCalls(calls, stackNames())
	if err != nil {
		t.Fatal(err)
	}
	asked := func(action string, allowed bool, keys ...string) rights.Call {
		return rights.Call{Role: "PaymentRole", Action: action, Resource: "EventsTable", Keys: append([]string{}, keys...), Allowed: allowed}
	}
	sent := asked("sqs:SendMessage", true)
	sent.Resource = "PaymentsQueue"
	want := []rights.Call{
		asked("dynamodb:GetItem", true, "work/1"),
		asked("dynamodb:GetItem", false, "breaker"),
		asked("dynamodb:BatchGetItem", true, "booking/1", "booking/2"),
		asked("dynamodb:PutItem", true, "booking/1"),
		asked("dynamodb:DeleteItem", true, "driver/1"),
		asked("dynamodb:Query", true),
		sent,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
