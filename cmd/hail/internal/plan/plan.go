package plan

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Plan is what a deployment will make.
type Plan struct {
	Stack   string
	Region  string
	Account string
	// Given are the parameters that the deployment names, Parameters those and the defaults of the rest.
	Given      map[string]string
	Parameters map[string]string
	// Resources are those that the template's conditions admit, by logical id.
	Resources map[string]Resource

	template *Template
}

// Resource is a resource of the template; of its properties, what depends on parameters alone is decided.
type Resource struct {
	Type       string
	Properties map[string]any
}

// Make decides the template for a deployment into an account. A parameter that is not given has the value that the stack
// was deployed with before, as SAM leaves it, or else its default; previous is empty for a stack that is not there.
func (t *Template) Make(s Settings, account string, previous map[string]string) *Plan {
	p := &Plan{
		Stack: s.Stack, Region: s.Region, Account: account, Given: s.Parameters,
		Parameters: map[string]string{}, Resources: map[string]Resource{}, template: t,
	}
	for name, declared := range t.parameters {
		if declared.Default != nil {
			p.Parameters[name] = *declared.Default
		}
		for _, values := range []map[string]string{previous, s.Parameters} {
			if value, known := values[name]; known {
				p.Parameters[name] = value
			}
		}
	}
	e := p.evaluation()
	for id, raw := range t.resources {
		resource := object(raw)
		if condition := text(resource["Condition"]); condition == "" || e.holds(condition) {
			p.Resources[id] = Resource{Type: text(resource["Type"]), Properties: object(e.value(resource["Properties"]))}
		}
	}
	return p
}

func (p *Plan) evaluation() evaluation {
	values := map[string]any{
		"AWS::StackName": p.Stack, "AWS::Region": p.Region, "AWS::AccountId": p.Account, "AWS::NoValue": noValue{},
		"AWS::Partition": Partition(p.Region), "AWS::URLSuffix": "amazonaws.com",
	}
	for name, value := range p.Parameters {
		values[name] = value
	}
	return evaluation{template: p.template, values: values}
}

// Partition returns the partition of a region, as it stands in ARNs.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// Number returns a parameter's value as a number; 0 if it is none, which Faults reports.
func (p *Plan) Number(parameter string) float64 {
	n, _ := strconv.ParseFloat(p.Parameters[parameter], 64)
	return n
}

// OfType returns the logical ids of the resources of the type, sorted.
func (p *Plan) OfType(kind string) []string {
	var ids []string
	for id, resource := range p.Resources {
		if resource.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Texts returns a property of all resources of a type, sorted, without those whose value a resource decides.
func (p *Plan) Texts(kind, property string) []string {
	var values []string
	for _, id := range p.OfType(kind) {
		if value, ok := p.Resources[id].Properties[property].(string); ok {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return values
}

// Faults says what CloudFormation would refuse in the parameters, sorted.
func (p *Plan) Faults() []string {
	var faults []string
	for name := range p.Given {
		if _, declared := p.template.parameters[name]; !declared {
			faults = append(faults, fmt.Sprintf("%s is no parameter of the template: leave it out", name))
		}
	}
	for name, declared := range p.template.parameters {
		value, known := p.Parameters[name]
		if !known {
			faults = append(faults, fmt.Sprintf("%s has no value: add %s=… to PARAMETERS or samconfig.toml (%s)", name, name, declared.Means))
		} else if wrong := declared.refuses(value); wrong != "" {
			faults = append(faults, fmt.Sprintf("%s=%s: %s", name, value, wrong))
		}
	}
	e := p.evaluation()
	for _, name := range slices.Sorted(maps.Keys(p.template.rules)) {
		rule := object(p.template.rules[name])
		if condition, ok := rule["RuleCondition"]; ok && e.value(condition) != true {
			continue
		}
		for _, raw := range list(rule["Assertions"]) {
			if assertion := object(raw); e.value(assertion["Assert"]) != true {
				faults = append(faults, text(assertion["AssertDescription"]))
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// refuses says why a value is none of the parameter's; empty if it is one.
func (d Parameter) refuses(value string) string {
	if len(d.Allowed) > 0 && !slices.Contains(d.Allowed, value) {
		return "give one of " + strings.Join(d.Allowed, ", ")
	}
	if d.Type == "Number" {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return "give a number"
		}
		if d.Min != nil && n < *d.Min || d.Max != nil && n > *d.Max {
			return fmt.Sprintf("give a number from %s to %s", limit(d.Min), limit(d.Max))
		}
	}
	if d.Pattern == "" {
		return ""
	}
	pattern, err := regexp.Compile("^(?:" + d.Pattern + ")$")
	if err != nil {
		return "" // written for Java's syntax; CloudFormation itself will check it
	}
	values := []string{value}
	if d.Type == "CommaDelimitedList" {
		values = strings.Split(value, ",")
	}
	for _, v := range values {
		if !pattern.MatchString(v) {
			return "give " + cmp.Or(d.Means, d.Pattern)
		}
	}
	return ""
}

func limit(n *float64) string {
	if n == nil {
		return "any"
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}
