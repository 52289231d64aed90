package gateway

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// Scope is what the intrinsic functions of a template refer to in one stack.
type Scope struct {
	// Refs holds the values of parameters and pseudo parameters, and the physical
	// ids of resources.
	Refs map[string]string
	// Attributes holds values of Fn::GetAtt under "LogicalId.Attribute".
	Attributes map[string]string
	// Conditions holds the template's Conditions as they are written.
	Conditions map[string]any
}

// noValue stands for AWS::NoValue: whatever has it as its value is left out.
type noValue struct{}

// resolve returns the value with all intrinsic functions replaced by what they stand for.
func (s Scope) resolve(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		if name, argument, ok := intrinsic(value); ok {
			return s.call(name, argument)
		}
		resolved := make(map[string]any, len(value))
		for key, item := range value {
			r, err := s.resolve(item)
			if err != nil {
				return nil, err
			}
			if r != (noValue{}) {
				resolved[key] = r
			}
		}
		return resolved, nil
	case []any:
		resolved := make([]any, 0, len(value))
		for _, item := range value {
			r, err := s.resolve(item)
			if err != nil {
				return nil, err
			}
			if r != (noValue{}) {
				resolved = append(resolved, r)
			}
		}
		return resolved, nil
	default:
		return value, nil
	}
}

// intrinsic recognises the object that a function call is written as.
func intrinsic(object map[string]any) (name string, argument any, ok bool) {
	if len(object) != 1 {
		return "", nil, false
	}
	for name, argument := range object {
		if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
			return name, argument, true
		}
	}
	return "", nil, false
}

func (s Scope) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		if argument == "AWS::NoValue" {
			return noValue{}, nil
		}
		return s.ref(fmt.Sprint(argument))
	case "Condition":
		return s.condition(fmt.Sprint(argument))
	case "Fn::GetAtt":
		return s.attribute(argument)
	case "Fn::Sub":
		return s.substitute(argument)
	case "Fn::If":
		return s.choose(argument)
	}
	resolved, err := s.resolve(argument)
	if err != nil {
		return nil, err
	}
	items, ok := resolved.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: want a list, got %v", name, argument)
	}
	switch {
	case name == "Fn::Equals" && len(items) == 2:
		return reflect.DeepEqual(fmt.Sprint(items[0]), fmt.Sprint(items[1])), nil
	case name == "Fn::Not" && len(items) == 1:
		return items[0] != true, nil
	case name == "Fn::And":
		return countTrue(items) == len(items), nil
	case name == "Fn::Or":
		return countTrue(items) > 0, nil
	case name == "Fn::Join" && len(items) == 2:
		return join(items)
	}
	return nil, fmt.Errorf("%s of %v is not supported", name, argument)
}

func countTrue(items []any) (n int) {
	for _, item := range items {
		if item == true {
			n++
		}
	}
	return n
}

func join(items []any) (any, error) {
	list, ok := items[1].([]any)
	if !ok {
		return nil, fmt.Errorf("Fn::Join: want a list, got %v", items[1])
	}
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = fmt.Sprint(item)
	}
	return strings.Join(parts, fmt.Sprint(items[0])), nil
}

func (s Scope) ref(name string) (string, error) {
	value, ok := s.Refs[name]
	if !ok {
		return "", fmt.Errorf("the stack has no %s", name)
	}
	return value, nil
}

// attribute takes both spellings: "Id.Attribute" and ["Id", "Attribute"].
func (s Scope) attribute(argument any) (string, error) {
	name := fmt.Sprint(argument)
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		name = fmt.Sprintf("%v.%v", parts[0], parts[1])
	}
	value, ok := s.Attributes[name]
	if !ok {
		return "", fmt.Errorf("the stack has no attribute %s", name)
	}
	return value, nil
}

func (s Scope) condition(name string) (bool, error) {
	expression, ok := s.Conditions[name]
	if !ok {
		return false, fmt.Errorf("the template has no condition %s", name)
	}
	value, err := s.resolve(expression)
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	return value == true, nil
}

// choose evaluates only the branch that applies: the other may refer to resources
// that the stack does not have.
func (s Scope) choose(argument any) (any, error) {
	items, ok := argument.([]any)
	if !ok || len(items) != 3 {
		return nil, fmt.Errorf("Fn::If: want condition, value, other value, got %v", argument)
	}
	holds, err := s.condition(fmt.Sprint(items[0]))
	if err != nil {
		return nil, err
	}
	if holds {
		return s.resolve(items[1])
	}
	return s.resolve(items[2])
}

var placeholder = regexp.MustCompile(`\$\{[^}]+\}`)

// substitute replaces ${Name} and ${Id.Attribute} in a string, or in the first of a
// list whose second holds further names.
func (s Scope) substitute(argument any) (string, error) {
	text, local := fmt.Sprint(argument), map[string]any{}
	if items, ok := argument.([]any); ok && len(items) == 2 {
		text = fmt.Sprint(items[0])
		if local, ok = items[1].(map[string]any); !ok {
			return "", fmt.Errorf("Fn::Sub: want an object of names, got %v", items[1])
		}
	}
	var failure error
	result := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		value, err := s.named(name, local)
		if err != nil {
			failure = fmt.Errorf("Fn::Sub %q: %w", text, err)
		}
		return value
	})
	return result, failure
}

func (s Scope) named(name string, local map[string]any) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	if value, ok := local[name]; ok {
		resolved, err := s.resolve(value)
		return fmt.Sprint(resolved), err
	}
	if strings.Contains(name, ".") {
		return s.attribute(name)
	}
	return s.ref(name)
}
