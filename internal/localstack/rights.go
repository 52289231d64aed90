package localstack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hailstone-rides/hailstone/internal/localstack/rights"
)

// Rights returns what the roles of the stack may do, as it is deployed, and what they asked for since the emulator was
// started.
func (i Instance) Rights(ctx context.Context, e Endpoints) (granted []rights.Right, calls []rights.Call, err error) {
	cloud := Connect(e.AWS, e.Region)
	names, err := cloud.names(ctx, e.StackName)
	if err != nil {
		return nil, nil, err
	}
	for physical, logical := range names.roles {
		documents, err := cloud.policies(ctx, physical)
		if err != nil {
			return nil, nil, fmt.Errorf("read policies of %s: %w", logical, err)
		}
		for _, document := range documents {
			found, err := rights.FromPolicy(logical, document, names.resource)
			if err != nil {
				return nil, nil, err
			}
			granted = append(granted, found...)
		}
	}
	calls, err = readCalls(i.Calls(), names)
	return granted, calls, err
}

// policies returns the documents of a role, those of the emulator's making left out.
func (c Cloud) policies(ctx context.Context, role string) ([]string, error) {
	var documents []string
	inline, err := c.Roles.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &role})
	if err != nil {
		return nil, err
	}
	for _, name := range inline.PolicyNames {
		if name == batchPolicy {
			continue
		}
		policy, err := c.Roles.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
		if err != nil {
			return nil, err
		}
		documents = append(documents, aws.ToString(policy.PolicyDocument))
	}
	attached, err := c.Roles.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	if err != nil {
		return nil, err
	}
	for _, policy := range attached.AttachedPolicies {
		about, err := c.Roles.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: policy.PolicyArn})
		if err != nil {
			return nil, err
		}
		version, err := c.Roles.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: policy.PolicyArn, VersionId: about.Policy.DefaultVersionId})
		if err != nil {
			return nil, err
		}
		documents = append(documents, aws.ToString(version.PolicyVersion.Document))
	}
	for i, document := range documents {
		if documents[i], err = url.QueryUnescape(document); err != nil {
			return nil, err
		}
	}
	return documents, nil
}

// names are what the template calls things, by what AWS calls them.
type names struct {
	roles  map[string]string
	others map[string]string // the last part of their ARN, or all of it
}

func (c Cloud) names(ctx context.Context, stack string) (names, error) {
	n := names{roles: map[string]string{}, others: map[string]string{}}
	resources, err := c.Stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil {
		return n, fmt.Errorf("list resources of %s: %w", stack, err)
	}
	for _, r := range resources.StackResources {
		n.add(r)
	}
	described, err := c.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return n, fmt.Errorf("read parameters of %s: %w", stack, err)
	}
	for _, p := range described.Stacks[0].Parameters {
		if value := aws.ToString(p.ParameterValue); strings.HasPrefix(value, "arn:") {
			n.others[value] = aws.ToString(p.ParameterKey)
		}
	}
	return n, nil
}

func (n names) add(r types.StackResource) {
	logical, physical := aws.ToString(r.LogicalResourceId), aws.ToString(r.PhysicalResourceId)
	switch aws.ToString(r.ResourceType) {
	case "AWS::IAM::Role":
		n.roles[physical] = logical
	case "AWS::SQS::Queue": // its id is its URL
		n.others[physical[strings.LastIndex(physical, "/")+1:]] = logical
	default:
		n.others[physical] = logical
	}
}

// resource returns the name of what an ARN is of: "EventsTable/index/first-commits", "EventsTable/stream". An ARN that is not
// of the stack stays what it is.
func (n names) resource(arn string) string {
	if name, ok := n.others[arn]; ok {
		return name
	}
	parts := strings.SplitN(arn, ":", 6)
	last := parts[len(parts)-1]
	for _, kind := range []string{"table/", "log-group:"} {
		last = strings.TrimPrefix(last, kind)
	}
	last, _, _ = strings.Cut(last, ":") // a log group's streams
	whole, part := last, ""
	for _, of := range []string{"/index/", "/stream/"} {
		if at := strings.Index(last, of); at > 0 {
			whole, part = last[:at], last[at:]
		}
	}
	name, ok := n.others[whole]
	if !ok {
		return arn
	}
	if strings.HasPrefix(part, "/stream/") { // it is called after the instant at which it was made
		part = "/stream"
	}
	return name + part
}

// readCalls reads what authority.py has written.
func readCalls(path string, n names) ([]rights.Call, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	defer func() { _ = file.Close() }()
	var calls []rights.Call
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line struct {
			Principal, Action, Resource string
			Keys                        []string
			Allowed                     bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("read calls: %q: %w", lines.Text(), err)
		}
		role, ok := n.roles[roleOf(line.Principal)]
		if !ok {
			continue // of no function
		}
		calls = append(calls, rights.Call{
			Role: role, Action: withoutBatch(line.Action), Resource: n.resource(line.Resource), Keys: line.Keys, Allowed: line.Allowed,
		})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	return calls, nil
}

// roleOf returns the name of the role of a session: arn:aws:sts::123456789012:assumed-role/ROLE/SESSION.
func roleOf(principal string) string {
	_, path, _ := strings.Cut(principal, ":assumed-role/")
	role, _, _ := strings.Cut(path, "/")
	return role
}

// withoutBatch returns the one action that IAM has for both forms; see permitBatches.
func withoutBatch(action string) string {
	single, _ := strings.CutSuffix(action, "Batch")
	if batch, ok := batchAction(single); ok && batch == action {
		return single
	}
	return action
}
