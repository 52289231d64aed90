package localstack

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.yaml.in/yaml/v3"

	"github.com/hailstone-rides/hailstone/internal/localstack/gateway"
)

// processedTemplate is the part of a deployed template that routes are made from.
type processedTemplate struct {
	Conditions map[string]any `yaml:"Conditions"`
	Resources  map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Body any `yaml:"Body"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

// createRoutes makes the routes of every HTTP API of the stack; package gateway says why
// that is needed. It can be repeated.
func (c Cloud) createRoutes(ctx context.Context, stack string) error {
	described, err := c.describe(ctx, stack)
	if err != nil {
		return err
	}
	out, err := c.Stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{
		StackName: &stack, TemplateStage: types.TemplateStageProcessed,
	})
	if err != nil {
		return fmt.Errorf("read processed template of %s: %w", stack, err)
	}
	var template processedTemplate
	if err := yaml.Unmarshal([]byte(aws.ToString(out.TemplateBody)), &template); err != nil { // JSON is YAML
		return fmt.Errorf("read processed template of %s: %w", stack, err)
	}
	scope, err := c.scope(ctx, described, template)
	if err != nil {
		return err
	}
	for id, resource := range template.Resources {
		if resource.Type != "AWS::ApiGatewayV2::Api" || resource.Properties.Body == nil {
			continue
		}
		api, err := gateway.ParseAPI(resource.Properties.Body, scope)
		if err != nil {
			return fmt.Errorf("read routes of %s: %w", id, err)
		}
		if err := gateway.Apply(ctx, c.Gateway, scope.Refs[id], api); err != nil {
			return fmt.Errorf("create routes of %s: %w", id, err)
		}
	}
	return nil
}

func (c Cloud) describe(ctx context.Context, stack string) (types.Stack, error) {
	out, err := c.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return types.Stack{}, fmt.Errorf("describe stack %s: %w", stack, err)
	}
	if len(out.Stacks) != 1 {
		return types.Stack{}, fmt.Errorf("describe stack %s: %d stacks have that name", stack, len(out.Stacks))
	}
	return out.Stacks[0], nil
}

// scope collects what the template's references mean in the stack.
func (c Cloud) scope(ctx context.Context, stack types.Stack, template processedTemplate) (gateway.Scope, error) {
	out, err := c.Stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: stack.StackName})
	if err != nil {
		return gateway.Scope{}, fmt.Errorf("list resources of %s: %w", aws.ToString(stack.StackName), err)
	}
	// arn:aws:cloudformation:<region>:<account>:stack/…
	parts := strings.SplitN(aws.ToString(stack.StackId), ":", 6)
	if len(parts) != 6 {
		return gateway.Scope{}, fmt.Errorf("stack id %q is no ARN", aws.ToString(stack.StackId))
	}
	partition, region, account := parts[1], parts[3], parts[4]
	scope := gateway.Scope{
		Refs: map[string]string{
			"AWS::Partition": partition,
			"AWS::Region":    region,
			"AWS::AccountId": account,
			"AWS::StackName": aws.ToString(stack.StackName),
			"AWS::StackId":   aws.ToString(stack.StackId),
			"AWS::URLSuffix": "amazonaws.com",
		},
		Attributes: make(map[string]string),
		Conditions: template.Conditions,
	}
	for _, parameter := range stack.Parameters {
		scope.Refs[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	for _, resource := range out.StackResources {
		id, physical := aws.ToString(resource.LogicalResourceId), aws.ToString(resource.PhysicalResourceId)
		scope.Refs[id] = physical
		switch aws.ToString(resource.ResourceType) {
		case "AWS::Lambda::Function":
			scope.Attributes[id+".Arn"] = fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", partition, region, account, physical)
		case "AWS::Cognito::UserPool":
			scope.Attributes[id+".ProviderName"] = fmt.Sprintf("cognito-idp.%s.amazonaws.com/%s", region, physical)
		}
	}
	return scope, nil
}
