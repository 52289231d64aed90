package deploytest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gatewayLimit is how long an HTTP API waits for its integration, in seconds.
const gatewayLimit = 30

func TestFunctionSettings(t *testing.T) {
	tpl := load(t)
	if got := tpl.globals["Runtime"]; got != "provided.al2023" {
		t.Errorf("Runtime %v, want provided.al2023", got)
	}
	if got := names(tpl.globals["Architectures"]); !slices.Equal(got, []string{"Architecture"}) {
		t.Errorf("Architectures %v, want the parameter Architecture", got)
	}
	if got := dig(t, tpl.parameters, "Architecture", "Default"); got != "arm64" {
		t.Errorf("Architecture is %v by default, want arm64", got)
	}
	logGroups := make(map[string]string)
	for _, function := range tpl.functions() {
		properties := tpl.function(t, function)
		timeout := tpl.number(t, properties["Timeout"])
		for _, e := range tpl.events(t, function) {
			if e.kind == "HttpApi" && timeout >= gatewayLimit {
				t.Errorf("%s: timeout %d s, the gateway hangs up after %d s", function, timeout, gatewayLimit)
			}
		}
		group := name(dig(t, properties, "LoggingConfig", "LogGroup"))
		if other := logGroups[group]; other != "" {
			t.Errorf("%s and %s share log group %s", function, other, group)
		}
		logGroups[group] = function
		if tpl.properties(t, group, "AWS::Logs::LogGroup")["RetentionInDays"] == nil {
			t.Errorf("%s keeps logs for ever", group)
		}
	}
}

// A variable that a function reads and nobody sets stops it at its start; one that is set and not read deceives.
func TestFunctionsReadWhatTheyAreTold(t *testing.T) {
	tpl := load(t)
	shared := slices.Sorted(maps.Keys(asMap(t, dig(t, tpl.globals, "Environment", "Variables"))))
	if diff := cmp.Diff(variablesRead(t, "internal/awsenv"), shared); diff != "" {
		t.Errorf("Globals (-read +set):\n%s", diff)
	}
	for _, function := range tpl.functions() {
		set := slices.Sorted(maps.Keys(tpl.variables(t, function)))
		if diff := cmp.Diff(variablesRead(t, filepath.Join("functions", source(function))), set); diff != "" {
			t.Errorf("%s (-read +set):\n%s", function, diff)
		}
		for _, variable := range set {
			if strings.Contains(variable, "SECRET") && !strings.HasSuffix(variable, "_ARN") {
				t.Errorf("%s: %s: secrets are read from Secrets Manager, an environment is shown to many", function, variable)
			}
		}
	}
}

// variables returns what a function is told beyond what all are.
func (tpl template) variables(t *testing.T, function string) map[string]any {
	t.Helper()
	properties := tpl.function(t, function)
	if properties["Environment"] == nil {
		return nil
	}
	return asMap(t, dig(t, properties, "Environment", "Variables"))
}

// variablesRead returns the names in the env tags of a package's structs, sorted.
func variablesRead(t *testing.T, dir string) []string {
	t.Helper()
	var variables []string
	for _, file := range parse(t, dir) {
		for node := range ast.Preorder(file) {
			field, ok := node.(*ast.Field)
			if !ok || field.Tag == nil {
				continue
			}
			tag, ok := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Lookup("env")
			if variable, _, _ := strings.Cut(tag, ","); ok && variable != "" {
				variables = append(variables, variable)
			}
		}
	}
	slices.Sort(variables)
	return variables
}

// calls returns the calls of another package's function of that name.
func calls(t *testing.T, dir, function string) []*ast.CallExpr {
	t.Helper()
	var found []*ast.CallExpr
	for _, file := range parse(t, dir) {
		for node := range ast.Preorder(file) {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				continue
			}
			if called, ok := call.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == function {
				found = append(found, call)
			}
		}
	}
	return found
}

// parse returns the files of a package, tests aside.
func parse(t *testing.T, dir string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s: %v", dir, err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestOutputsThatToolsRead(t *testing.T) {
	want := []string{
		"ApiId", "ApiUrl", "ControlTableName", "EventBusArn", "EventsTableName", "JwtIssuer", "PaymentsDeadLetterQueueUrl", "PaymentsQueueUrl",
		"ProjectionDeadLetterQueueUrl", "ProjectionQueueUrl", "PublisherFailureQueueUrl", "RebuildDeadLetterQueueUrl", "RebuildQueueUrl", "RelayFailureQueueUrl", "RelayFunctionName", "UserPoolClientId", "UserPoolId", "ViewsTableName",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(load(t).outputs))); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

// Who debugs a function needs an event to invoke it on.
func TestEveryFunctionHasASampleEvent(t *testing.T) {
	for _, function := range load(t).functions() {
		found, err := filepath.Glob(filepath.Join(root, "events", source(function)+"*.json"))
		if err != nil || len(found) == 0 {
			t.Errorf("%s has no events/%s.json (docs/TESTING.md says what makes one)", function, source(function))
		}
	}
}
