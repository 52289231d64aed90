package localstack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// batchPolicy is the name of the policy that permitBatches adds to a role.
const batchPolicy = "emulator-sqs-batches"

// batchAction returns the name under which the emulator checks the batch form of an
// action of SQS. IAM has no such actions: on AWS the one action covers both forms.
func batchAction(action string) (string, bool) {
	switch action {
	case "sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility":
		return action + "Batch", true
	}
	return "", false
}

// permitBatches repeats what the roles of the stack say about actions of SQS for the
// batch forms of these actions, with the same effect, resources and conditions. It can be
// repeated.
func (c Cloud) permitBatches(ctx context.Context, stack string) error {
	out, err := c.Stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil {
		return fmt.Errorf("list roles of %s: %w", stack, err)
	}
	for _, resource := range out.StackResources {
		if aws.ToString(resource.ResourceType) != "AWS::IAM::Role" {
			continue
		}
		if err := c.permitRoleBatches(ctx, resource.PhysicalResourceId); err != nil {
			return fmt.Errorf("permit batches to %s: %w", aws.ToString(resource.LogicalResourceId), err)
		}
	}
	return nil
}

func (c Cloud) permitRoleBatches(ctx context.Context, role *string) error {
	names, err := c.Roles.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: role})
	if err != nil {
		return err
	}
	var added []statement
	for _, name := range names.PolicyNames {
		if name == batchPolicy {
			continue
		}
		policy, err := c.Roles.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: role, PolicyName: &name})
		if err != nil {
			return err
		}
		text, err := url.QueryUnescape(aws.ToString(policy.PolicyDocument))
		if err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
		found, err := batchStatements(text)
		if err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
		added = append(added, found...)
	}
	if len(added) == 0 {
		return nil
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": added})
	if err != nil {
		return err
	}
	_, err = c.Roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: role, PolicyName: aws.String(batchPolicy), PolicyDocument: aws.String(string(document)),
	})
	return err
}

// statement is one of an IAM policy; members other than these keep their form.
type statement struct {
	Effect    string          `json:"Effect"`
	Action    stringOrList    `json:"Action"`
	Resource  json.RawMessage `json:"Resource,omitempty"`
	Condition json.RawMessage `json:"Condition,omitempty"`
}

// stringOrList is a list that IAM lets one write as a string if it has one item.
type stringOrList []string

// UnmarshalJSON reads both forms.
func (l *stringOrList) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = stringOrList{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// batchStatements returns the policy's statements about actions of SQS, made to be about
// their batch forms.
func batchStatements(policy string) ([]statement, error) {
	var document struct{ Statement []statement }
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return nil, err
	}
	var found []statement
	for _, s := range document.Statement {
		var actions stringOrList
		for _, action := range s.Action {
			if batch, ok := batchAction(action); ok {
				actions = append(actions, batch)
			}
		}
		if len(actions) > 0 {
			s.Action = actions
			found = append(found, s)
		}
	}
	return found, nil
}
