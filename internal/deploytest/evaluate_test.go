package deploytest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// stages are the values of the parameter Stage.
var stages = []string{"dev", "local", "staging", "prod"}

// noValue stands for AWS::NoValue until what it is the value of is dropped.
type noValue struct{}

// at returns the template as it is deployed for a stage, with every other parameter as
// given ("Name=value") or else at its default: conditions are decided, and references to
// parameters and mappings replaced by their values. References to resources stay.
func (tpl template) at(t *testing.T, stage string, parameters ...string) template {
	t.Helper()
	e := evaluation{t: t, tpl: tpl, values: map[string]any{
		"StripeSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stripe", "Stage": stage,
		"AWS::StackName": "hailstone-" + stage, "AWS::Region": "eu-central-1", "AWS::AccountId": "111122223333",
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": noValue{},
	}}
	for name, p := range tpl.parameters {
		if _, given := e.values[name]; !given {
			e.values[name] = dig(t, p, "Default")
		}
	}
	for _, assignment := range parameters {
		name, value, _ := strings.Cut(assignment, "=")
		e.values[name] = typed(t, dig(t, tpl.parameters, name, "Type"), value)
	}
	resources := make(map[string]any)
	for id, resource := range tpl.resources {
		condition, conditional := asMap(t, resource)["Condition"].(string)
		if !conditional || e.holds(condition) {
			resources[id] = e.value(resource)
		}
	}
	return template{
		parameters: tpl.parameters, mappings: tpl.mappings, conditions: tpl.conditions, resources: resources, outputs: tpl.outputs,
		globals: asMap(t, e.value(tpl.globals)),
	}
}

func typed(t *testing.T, kind any, value string) any {
	t.Helper()
	if kind != "Number" {
		return value
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type evaluation struct {
	t      *testing.T
	tpl    template
	values map[string]any // of parameters and pseudo parameters
}

func (e evaluation) holds(condition string) bool {
	e.t.Helper()
	return e.value(dig(e.t, e.tpl.conditions, condition)) == true
}

func (e evaluation) value(v any) any {
	e.t.Helper()
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			if item = e.value(item); item != (noValue{}) {
				list = append(list, item)
			}
		}
		return list
	case map[string]any:
		if result, ok := e.intrinsic(v); ok {
			return result
		}
		object := make(map[string]any)
		for key, item := range v {
			if item = e.value(item); item != any(noValue{}) {
				object[key] = item
			}
		}
		return object
	}
	return v
}

// intrinsic returns what a function of CloudFormation stands for, unless it refers to a resource.
func (e evaluation) intrinsic(object map[string]any) (any, bool) {
	e.t.Helper()
	if len(object) != 1 {
		return nil, false
	}
	name := slices.Collect(maps.Keys(object))[0]
	argument := object[name]
	list, _ := argument.([]any)
	switch name {
	case "Ref":
		value, known := e.values[argument.(string)]
		return value, known
	case "Condition":
		condition, ok := argument.(string)
		if _, known := e.tpl.conditions[condition]; !ok || !known {
			return nil, false // a policy's condition
		}
		return e.holds(condition), true
	case "Fn::If":
		if e.holds(list[0].(string)) {
			return e.value(list[1]), true
		}
		return e.value(list[2]), true
	case "Fn::Equals":
		return fmt.Sprint(e.value(list[0])) == fmt.Sprint(e.value(list[1])), true
	case "Fn::Not":
		return e.value(list[0]) != true, true
	case "Fn::Or":
		return slices.ContainsFunc(list, func(c any) bool { return e.value(c) == true }), true
	case "Fn::And":
		return !slices.ContainsFunc(list, func(c any) bool { return e.value(c) != true }), true
	case "Fn::FindInMap":
		return dig(e.t, e.tpl.mappings, fmt.Sprint(list[0]), fmt.Sprint(e.value(list[1])), fmt.Sprint(e.value(list[2]))), true
	case "Fn::Sub":
		return e.substituted(argument), true
	case "Fn::Split":
		text, ok := e.value(list[1]).(string)
		if !ok {
			return nil, false
		}
		var parts []any
		for _, part := range strings.Split(text, fmt.Sprint(list[0])) {
			parts = append(parts, part)
		}
		return parts, true
	}
	return nil, false
}

var placeholder = regexp.MustCompile(`\$\{[^}!]+\}`)

// substituted fills in what is known. With the name of a resource left in it, the text stays an Fn::Sub.
func (e evaluation) substituted(argument any) any {
	e.t.Helper()
	text, ok := argument.(string)
	if !ok {
		e.t.Fatalf("Fn::Sub of %v: give it one text", argument)
	}
	text = placeholder.ReplaceAllStringFunc(text, func(found string) string {
		value, known := e.values[found[2:len(found)-1]]
		if !known {
			return found
		}
		return fmt.Sprint(value)
	})
	if placeholder.MatchString(text) {
		return map[string]any{"Fn::Sub": text}
	}
	return text
}
