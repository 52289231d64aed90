package deploytest

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

// actions are what IAM asks for a call, by service and operation. Sources: the Service
// Authorization Reference of each service; for transactions the Amazon DynamoDB Developer
// Guide, Using IAM with transactions (the actions of its items, which stand here as types of
// the SDK); for batches the Amazon SQS Developer Guide, API permissions reference.
var actions = map[string]string{
	"dynamodb.PutItemInput":      "dynamodb:PutItem",
	"dynamodb.GetItemInput":      "dynamodb:GetItem",
	"dynamodb.UpdateItemInput":   "dynamodb:UpdateItem",
	"dynamodb.DeleteItemInput":   "dynamodb:DeleteItem",
	"dynamodb.QueryInput":        "dynamodb:Query",
	"dynamodb.ScanInput":         "dynamodb:Scan",
	"dynamodb.BatchGetItemInput": "dynamodb:BatchGetItem",
	// A transaction itself needs no right.
	"dynamodb.TransactWriteItemsInput":   "",
	"dynamodb/types.Put":                 "dynamodb:PutItem",
	"dynamodb/types.Update":              "dynamodb:UpdateItem",
	"dynamodb/types.Delete":              "dynamodb:DeleteItem",
	"dynamodb/types.ConditionCheck":      "dynamodb:ConditionCheckItem",
	"sqs.SendMessageBatchInput":          "sqs:SendMessage",
	"sqs.ChangeMessageVisibilityInput":   "sqs:ChangeMessageVisibility",
	"sqs.GetQueueUrlInput":               "sqs:GetQueueUrl",
	"sqs.GetQueueAttributesInput":        "sqs:GetQueueAttributes",
	"eventbridge.PutEventsInput":         "events:PutEvents",
	"secretsmanager.GetSecretValueInput": "secretsmanager:GetSecretValue",
}

// tables are the resources that adapters of DynamoDB use, by how their source names them.
var tables = map[string]string{
	"dynamoevents s.tables.Events": "EventsTable", "dynamoevents c.tables.Events": "EventsTable",
	"dynamoevents s.tables.Leases": "ControlTable", "dynamoevents c.tables.Leases": "ControlTable",
	"dynamoview s.table": "ViewsTable", "dynamocontrol s.table": "ControlTable", "dynamodeferral s.table": "ControlTable", "dynamobreaker s.table": "ControlTable",
}

// neverMade are calls that the source of a function has, and that it never comes to.
var neverMade = map[string]map[string]string{
	"PaymentFunction": {"dynamodb:PutItem on ControlTable": "A lease is taken by an assignment, which dispatchers ask the API for; a payment only releases one."},
}

// The role of each function has the right to each call that its source can come to. That is the
// other half of the check in make smoke, which sees the rights that a run used, and no call that
// no run makes.
func TestEveryCallOfAFunctionIsGranted(t *testing.T) {
	tpl := load(t)
	for _, function := range tpl.functions() {
		name := strings.ToLower(strings.TrimSuffix(function, "Function"))
		program := loadProgram(t, name)
		required := program.required(t, program.reached(t))
		if len(required) == 0 {
			t.Errorf("%s: no call of AWS was found in functions/%s", function, name)
		}
		granted := map[string]bool{}
		for _, g := range tpl.grants(t, function) {
			granted[withoutDetails(g)] = true
		}
		excused := maps.Clone(neverMade[function])
		for _, right := range required {
			if excused[right] != "" && !granted[right] {
				delete(excused, right)
			} else if !granted[right] {
				t.Errorf("%s: functions/%s calls what needs %s, which %s has no right to", function, name, right, function)
			}
		}
		for right := range excused {
			t.Errorf("%s: %s needs no excuse", function, right)
		}
		t.Logf("%s: %s", function, strings.Join(required, ", "))
	}
}

// withoutDetails is a grant without the key that it is confined to, and the name of an index; of
// what has no tables, the action alone.
func withoutDetails(grant string) string {
	action, resource, _ := strings.Cut(grant, " on ")
	if !strings.HasPrefix(action, "dynamodb:") {
		return action
	}
	resource, _, _ = strings.Cut(resource, " of ")
	table, index, _ := strings.Cut(resource, "/index/")
	if index != "" {
		index = "/index"
	}
	return action + " on " + strings.TrimSuffix(table, ".Arn") + index
}

// required are the rights that the inputs of AWS's operations in these bodies need, sorted.
func (p *program) required(t *testing.T, bodies []ast.Node) []string {
	t.Helper()
	found := map[string]bool{}
	for _, body := range bodies {
		ast.Inspect(body, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok {
				return true
			}
			input := p.input(literal)
			action, known := actions[input]
			switch {
			case !known && strings.HasSuffix(input, "Input"):
				t.Errorf("%s: no action is known for %s: add it, with its source", p.fset.Position(literal.Pos()), input)
			case known && strings.HasPrefix(action, "dynamodb:"):
				found[action+" on "+p.resource(t, literal)] = true
			case known && action != "":
				found[action] = true
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// input names the type of a literal of AWS's SDK: "dynamodb.PutItemInput", "dynamodb/types.Put".
func (p *program) input(literal *ast.CompositeLit) string {
	named, ok := p.info.Types[literal].Type.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	service, ok := strings.CutPrefix(named.Obj().Pkg().Path(), "github.com/aws/aws-sdk-go-v2/service/")
	if !ok {
		return ""
	}
	return service + "." + named.Obj().Name()
}

// resource is the table of an input, and whether it is an index of it.
func (p *program) resource(t *testing.T, literal *ast.CompositeLit) string {
	t.Helper()
	source := p.text(literal)
	file := p.fset.Position(literal.Pos()).Filename
	for key, table := range tables {
		pkg, expression, _ := strings.Cut(key, " ")
		if strings.Contains(file, "/"+pkg+"/") && strings.Contains(source, expression) {
			if strings.Contains(source, "IndexName:") {
				table += "/index"
			}
			return table
		}
	}
	t.Errorf("%s: of which table is this? Add it to the tables", p.fset.Position(literal.Pos()))
	return ""
}
