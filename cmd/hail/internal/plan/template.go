package plan

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is template.yaml with its short intrinsic functions (!Ref) spelled out ({Ref: …}).
type Template struct {
	parameters map[string]Parameter
	rules      map[string]any
	mappings   map[string]any
	conditions map[string]any
	resources  map[string]any
}

// Parameter is what the template says of a parameter.
type Parameter struct {
	Type    string
	Default *string // nil: a value must be given
	Pattern string  // a regular expression for the whole value; empty for any
	Allowed []string
	Min     *float64
	Max     *float64
	Means   string // what to give, in words
}

// ReadTemplate reads the file template.yaml.
func ReadTemplate(file string) (*Template, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read template %s: %w", file, err)
	}
	return t, nil
}

func parse(text []byte) (*Template, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("want one document, got %d", len(document.Content))
	}
	spelled, err := spelledOut(document.Content[0])
	if err != nil {
		return nil, err
	}
	top := object(spelled)
	t := &Template{
		parameters: map[string]Parameter{}, rules: object(top["Rules"]), mappings: object(top["Mappings"]),
		conditions: object(top["Conditions"]), resources: object(top["Resources"]),
	}
	for name, raw := range object(top["Parameters"]) {
		t.parameters[name] = parameter(object(raw))
	}
	if len(t.parameters) == 0 || len(t.resources) == 0 {
		return nil, fmt.Errorf("want parameters and resources, got %d and %d", len(t.parameters), len(t.resources))
	}
	return t, nil
}

func parameter(raw map[string]any) Parameter {
	p := Parameter{Type: text(raw["Type"]), Pattern: text(raw["AllowedPattern"]), Min: number(raw["MinValue"]), Max: number(raw["MaxValue"])}
	if value, ok := raw["Default"]; ok {
		given := text(value)
		p.Default = &given
	}
	for _, value := range list(raw["AllowedValues"]) {
		p.Allowed = append(p.Allowed, text(value))
	}
	if p.Means = text(raw["ConstraintDescription"]); p.Means == "" {
		p.Means = text(raw["Description"])
	}
	return p
}

// spelledOut returns the value of a node with every !Name as {Fn::Name: …}.
func spelledOut(node *yaml.Node) (any, error) {
	var value any
	switch node.Kind {
	case yaml.AliasNode:
		return spelledOut(node.Alias)
	case yaml.MappingNode:
		entries := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			entry, err := spelledOut(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			entries[node.Content[i].Value] = entry
		}
		value = entries
	case yaml.SequenceNode:
		items := make([]any, 0, len(node.Content))
		for _, child := range node.Content {
			item, err := spelledOut(child)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		value = items
	default:
		if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
			value = node.Value
		} else if err := node.Decode(&value); err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
	}
	name, short := strings.CutPrefix(node.Tag, "!")
	if !short || strings.HasPrefix(name, "!") {
		return value, nil
	}
	if name != "Ref" && name != "Condition" {
		name = "Fn::" + name
	}
	return map[string]any{name: value}, nil
}

// The following read loosely typed values; what is of another type is empty.

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func number(v any) *float64 {
	var n float64
	switch v := v.(type) {
	case int:
		n = float64(v)
	case float64:
		n = v
	default:
		return nil
	}
	return &n
}
