package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// function is the type of the template's functions, alias the one that callers use.
const (
	function = "AWS::Serverless::Function"
	alias    = "live"
)

// events returns the properties of a function's events of a kind, by their names.
func (e *examination) events(id string, kinds ...string) map[string]map[string]any {
	found := map[string]map[string]any{}
	declared, _ := e.plan.Resources[id].Properties["Events"].(map[string]any)
	for name, raw := range declared {
		event, _ := raw.(map[string]any)
		if kind, _ := event["Type"].(string); slices.Contains(kinds, kind) {
			found[name], _ = event["Properties"].(map[string]any)
		}
	}
	return found
}

// checkFunctions expects of each function that its alias leads to one version that is ready, and the concurrency of the
// parameters.
func (e *examination) checkFunctions(ctx context.Context) (f finding, err error) {
	looked := 0
	for _, id := range e.plan.OfType(function) {
		name, there := e.physical(id)
		if !there {
			continue
		}
		looked++
		for _, look := range []func(context.Context, *finding, string, string) error{e.version, e.rollout, e.reserved, e.provisioned} {
			if err := look(ctx, &f, id, name); err != nil {
				return f, err
			}
		}
	}
	f.found = fmt.Sprintf("%d, each with its alias %s", looked, alias)
	return f, nil
}

func (e *examination) version(ctx context.Context, f *finding, _, name string) error {
	version, err := e.functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name, Qualifier: aws.String(alias)})
	if errorCode(err) == "ResourceNotFoundException" {
		f.wrong("function %s has no alias %s: deploy again", name, alias)
		return nil
	}
	if err != nil {
		return err
	}
	// Inactive is one that was not called for weeks: the next call starts it.
	if version.State == types.StatePending || version.State == types.StateFailed {
		f.wrong("function %s is %s (%s): wait, or deploy again", name, version.State, aws.ToString(version.StateReason))
	}
	if version.LastUpdateStatus == types.LastUpdateStatusFailed {
		f.wrong("the last update of function %s failed (%s): deploy again", name, aws.ToString(version.LastUpdateStatusReason))
	}
	return nil
}

func (e *examination) rollout(ctx context.Context, f *finding, _, name string) error {
	live, err := e.functions.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &name, Name: aws.String(alias)})
	if errorCode(err) == "ResourceNotFoundException" {
		return nil // version has reported it
	}
	if err == nil && live.RoutingConfig != nil && len(live.RoutingConfig.AdditionalVersionWeights) > 0 {
		f.wrong("function %s is between two versions: wait for CodeDeploy, or see why it stopped", name)
	}
	return err
}

func (e *examination) reserved(ctx context.Context, f *finding, id, name string) error {
	if e.Emulated {
		return nil // it accepts what the template reserves, and ignores it
	}
	want, err := strconv.Atoi(fmt.Sprint(e.plan.Resources[id].Properties["ReservedConcurrentExecutions"]))
	if err != nil {
		want = 0 // none
	}
	got, err := e.functions.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
	if err != nil {
		return err
	}
	if have := int(aws.ToInt32(got.ReservedConcurrentExecutions)); have != want || (got.ReservedConcurrentExecutions != nil && have == 0) {
		f.wrong("function %s has %d reserved executions and not %d (a 0 stops it): somebody changed them; aws lambda put-function-concurrency, or delete-function-concurrency", name, have, want)
	}
	return nil
}

func (e *examination) provisioned(ctx context.Context, f *finding, id, name string) error {
	if e.plan.Resources[id].Properties["ProvisionedConcurrencyConfig"] == nil {
		return nil
	}
	got, err := e.functions.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: &name, Qualifier: aws.String(alias)})
	if errorCode(err) == "ProvisionedConcurrencyConfigNotFoundException" {
		f.wrong("function %s keeps no environments started, and BookingProvisionedConcurrency asks for them: deploy again", name)
		return nil
	}
	if err == nil && got.Status != types.ProvisionedConcurrencyStatusEnumReady {
		f.wrong("the environments of function %s that are kept started are %s (%s): wait, or ask for fewer", name, got.Status, aws.ToString(got.StatusReason))
	}
	return err
}

// checkMappings expects of each function the event source mappings that the template gives it, enabled and without
// problems.
func (e *examination) checkMappings(ctx context.Context) (f finding, err error) {
	enabled := 0
	for _, id := range e.plan.OfType(function) {
		name, there := e.physical(id)
		wanted := e.events(id, "SQS", "DynamoDB")
		if !there || len(wanted) == 0 {
			continue
		}
		pages := lambda.NewListEventSourceMappingsPaginator(e.functions, &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(name + ":" + alias)})
		var got []types.EventSourceMappingConfiguration
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return f, err
			}
			got = append(got, page.EventSourceMappings...)
		}
		if len(got) != len(wanted) {
			f.wrong("%s has %d event source mappings and not %d: deploy again, and delete those made by hand", name, len(got), len(wanted))
		}
		for _, m := range got {
			if judgeMapping(&f, name, m) {
				enabled++
			}
			for _, properties := range wanted { // one, in this template
				e.judgeConcurrency(&f, name, m, properties)
			}
		}
	}
	f.found = fmt.Sprintf("%d enabled", enabled)
	return f, nil
}

func judgeMapping(f *finding, name string, m types.EventSourceMappingConfiguration) (enabled bool) {
	id := aws.ToString(m.UUID)
	if result := aws.ToString(m.LastProcessingResult); strings.HasPrefix(result, "PROBLEM") {
		f.wrong("mapping %s of %s reports %q: see the function's errors and the role's rights", id, name, result)
	}
	if state := aws.ToString(m.State); state != "Enabled" {
		f.wrong("mapping %s of %s is %s, so nothing reaches the function: aws lambda update-event-source-mapping --uuid %s --enabled", id, name, state, id)
		return false
	}
	return true
}

func (e *examination) judgeConcurrency(f *finding, name string, m types.EventSourceMappingConfiguration, properties map[string]any) {
	scaling, _ := properties["ScalingConfig"].(map[string]any)
	if scaling == nil {
		return
	}
	want, got := fmt.Sprint(scaling["MaximumConcurrency"]), "none"
	if m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency != nil {
		got = fmt.Sprint(*m.ScalingConfig.MaximumConcurrency)
	}
	if got != want {
		f.wrong("mapping %s of %s has a MaximumConcurrency of %s and not %s: deploy again", aws.ToString(m.UUID), name, got, want)
	}
}
