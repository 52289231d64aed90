package plan

import (
	"regexp"
	"slices"
	"strings"
)

// noValue stands for AWS::NoValue: what has it as its value is left out.
type noValue struct{}

// evaluation decides intrinsic functions for given parameters. Functions on resources stay as they are.
type evaluation struct {
	template *Template
	values   map[string]any // of parameters and pseudo parameters
}

func (e evaluation) holds(condition string) bool {
	return e.value(e.template.conditions[condition]) == true
}

func (e evaluation) value(v any) any {
	switch v := v.(type) {
	case []any:
		items := make([]any, 0, len(v))
		for _, item := range v {
			if item = e.value(item); item != (noValue{}) {
				items = append(items, item)
			}
		}
		return items
	case map[string]any:
		if result, ok := e.intrinsic(v); ok {
			return result
		}
		entries := make(map[string]any, len(v))
		for name, entry := range v {
			if entry = e.value(entry); entry != (noValue{}) {
				entries[name] = entry
			}
		}
		return entries
	}
	return v
}

// intrinsic returns what a function stands for, unless it depends on a resource.
func (e evaluation) intrinsic(call map[string]any) (any, bool) {
	if len(call) != 1 {
		return nil, false
	}
	for name, argument := range call {
		switch name {
		case "Ref":
			value, known := e.values[text(argument)]
			return value, known
		case "Condition":
			_, known := e.template.conditions[text(argument)]
			return e.holds(text(argument)), known // a policy's Condition is an object, and so not known
		case "Fn::Sub":
			return e.substituted(argument)
		}
		return e.decided(name, list(argument))
	}
	return nil, false
}

// decided evaluates the functions whose argument is a list.
func (e evaluation) decided(name string, items []any) (any, bool) {
	isTrue := func(item any) bool { return e.value(item) == true }
	switch {
	case name == "Fn::If" && len(items) == 3:
		if e.holds(text(items[0])) {
			return e.value(items[1]), true
		}
		return e.value(items[2]), true
	case name == "Fn::Equals" && len(items) == 2:
		return text(e.value(items[0])) == text(e.value(items[1])), true
	case name == "Fn::Not" && len(items) == 1:
		return !isTrue(items[0]), true
	case name == "Fn::Or":
		return slices.ContainsFunc(items, isTrue), true
	case name == "Fn::And":
		return !slices.ContainsFunc(items, func(item any) bool { return !isTrue(item) }), true
	case name == "Fn::FindInMap" && len(items) == 3:
		return object(object(e.template.mappings[text(items[0])])[text(e.value(items[1]))])[text(items[2])], true
	}
	return nil, false
}

var placeholder = regexp.MustCompile(`\$\{[^}!]+\}`)

// substituted fills in a text. It stays a function if a resource is named in it.
func (e evaluation) substituted(argument any) (any, bool) {
	pattern, ok := argument.(string)
	if !ok {
		return nil, false
	}
	known := true
	filled := placeholder.ReplaceAllStringFunc(pattern, func(found string) string {
		value, ok := e.values[strings.Trim(found, "${}")]
		known = known && ok
		return text(value)
	})
	return filled, known
}
