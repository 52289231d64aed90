package deploytest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the top of the project, seen from the directory in which this package's tests run.
const root = "../.."

// A template is template.yaml with its short intrinsics (!Ref) spelled out ({Ref: …}).
type template struct {
	parameters map[string]any
	mappings   map[string]any
	conditions map[string]any
	globals    map[string]any
	resources  map[string]any
	outputs    map[string]any
}

func load(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatalf("template.yaml: %v", err)
	}
	top := asMap(t, spelledOut(t, document.Content[0]))
	return template{
		parameters: asMap(t, top["Parameters"]),
		mappings:   asMap(t, top["Mappings"]),
		conditions: asMap(t, top["Conditions"]),
		globals:    asMap(t, dig(t, top, "Globals", "Function")),
		resources:  asMap(t, top["Resources"]),
		outputs:    asMap(t, top["Outputs"]),
	}
}

func spelledOut(t *testing.T, node *yaml.Node) any {
	t.Helper()
	var value any
	switch node.Kind {
	case yaml.AliasNode:
		return spelledOut(t, node.Alias)
	case yaml.MappingNode:
		object := make(map[string]any)
		for i := 0; i < len(node.Content); i += 2 {
			object[node.Content[i].Value] = spelledOut(t, node.Content[i+1])
		}
		value = object
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			list = append(list, spelledOut(t, item))
		}
		value = list
	default:
		if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
			value = node.Value
		} else if err := node.Decode(&value); err != nil {
			t.Fatalf("template.yaml:%d: %v", node.Line, err)
		}
	}
	name, short := strings.CutPrefix(node.Tag, "!")
	if !short || strings.HasPrefix(name, "!") {
		return value
	}
	if name != "Ref" && name != "Condition" {
		name = "Fn::" + name
	}
	return map[string]any{name: value}
}

// ofType returns the ids of the resources of one type, sorted.
func (tpl template) ofType(kind string) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(tpl.resources)) {
		if resource, ok := tpl.resources[id].(map[string]any); ok && resource["Type"] == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

func (tpl template) functions() []string { return tpl.ofType("AWS::Serverless::Function") }

// properties returns the properties of a resource that must be there and be of that type.
func (tpl template) properties(t *testing.T, id, kind string) map[string]any {
	t.Helper()
	if got := dig(t, tpl.resources, id, "Type"); got != kind {
		t.Fatalf("%s is of type %v, want %s", id, got, kind)
	}
	return asMap(t, dig(t, tpl.resources, id, "Properties"))
}

func (tpl template) function(t *testing.T, id string) map[string]any {
	t.Helper()
	return tpl.properties(t, id, "AWS::Serverless::Function")
}

// An event is one thing that starts a function.
type event struct {
	name, kind string
	properties map[string]any
}

func (tpl template) events(t *testing.T, function string) []event {
	t.Helper()
	declared, _ := tpl.function(t, function)["Events"].(map[string]any)
	var events []event
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		kind, _ := dig(t, declared, name, "Type").(string)
		events = append(events, event{name, kind, asMap(t, dig(t, declared, name, "Properties"))})
	}
	return events
}

// numbers returns every number that a value can take: a literal, the branches of an
// Fn::If, or the smallest value that the parameter behind a Ref accepts.
func (tpl template) numbers(t *testing.T, value any) []int {
	t.Helper()
	switch v := value.(type) {
	case int:
		return []int{v}
	case map[string]any:
		if branches, ok := v["Fn::If"].([]any); ok {
			return append(tpl.numbers(t, branches[1]), tpl.numbers(t, branches[2])...)
		}
		if parameter, ok := v["Ref"].(string); ok {
			return tpl.numbers(t, dig(t, tpl.parameters, parameter, "MinValue"))
		}
	}
	t.Fatalf("%v is no number", value)
	return nil
}

// number is numbers for a value that can take only one.
func (tpl template) number(t *testing.T, value any) int {
	t.Helper()
	all := tpl.numbers(t, value)
	if len(all) != 1 {
		t.Fatalf("%v is not one number", value)
	}
	return all[0]
}

// name is how the tests write a reference: "X" for a Ref, "X.Arn" for a GetAtt, "X.Arn/more" for a Sub of "${X.Arn}/more",
// the text itself otherwise.
func name(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if id, ok := v["Ref"].(string); ok {
			return id
		}
		if attribute, ok := v["Fn::GetAtt"].(string); ok {
			return attribute
		}
		if text, ok := v["Fn::Sub"].(string); ok {
			return strings.NewReplacer("${", "", "}", "").Replace(text)
		}
	}
	return fmt.Sprint(value)
}

// names is name for a list, or for a value that stands where a list may.
func names(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{name(value)}
	}
	var all []string
	for _, item := range list {
		all = append(all, name(item))
	}
	return all
}

func dig(t *testing.T, value any, path ...string) any {
	t.Helper()
	for i, key := range path {
		object, ok := value.(map[string]any)
		if !ok || object[key] == nil {
			t.Fatalf("no %s in the template", strings.Join(path[:i+1], "."))
		}
		value = object[key]
	}
	return value
}

func asMap(t *testing.T, value any) map[string]any {
	t.Helper()
	object, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("%v is no mapping", value)
	}
	return object
}
