package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// stackFlag chooses the stack that an operator's command works on.
type stackFlag struct {
	instanceFlag
	Stack  string `help:"CloudFormation stack, reached as the AWS configuration of this shell says (default: the local stack)." env:"HAIL_STACK" placeholder:"NAME"`
	Region string `help:"AWS region of that stack (default: as the AWS configuration says)." placeholder:"REGION"`
}

// stack is a deployment: its account, and its outputs by name.
type stack struct {
	name    string
	config  aws.Config
	outputs map[string]string
	local   localstack.Endpoints // of a local stack
}

func (f stackFlag) open(ctx context.Context) (stack, error) {
	s, err := f.locate(ctx)
	if err != nil {
		return stack{}, err
	}
	err = s.describe(ctx)
	return s, err
}

// describe reads the outputs of the stack.
func (s *stack) describe(ctx context.Context) (err error) {
	s.outputs, err = localstack.Cloud{Stacks: cloudformation.NewFromConfig(s.config)}.Outputs(ctx, s.name)
	return err
}

func (f stackFlag) locate(ctx context.Context) (stack, error) {
	if f.Stack != "" {
		config, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(f.Region))
		if err != nil {
			return stack{}, fmt.Errorf("AWS configuration: %w", err)
		}
		return stack{name: f.Stack, config: config}, nil
	}
	if f.Region != "" {
		return stack{}, errors.New("--region needs --stack")
	}
	e, err := f.endpoints()
	return stack{name: e.StackName, config: localstack.Config(e.AWS, e.Region), local: e}, err
}

// output returns an output of the stack, such as the name of a table.
func (s stack) output(name string) (string, error) {
	value := s.outputs[name]
	if value == "" {
		return "", fmt.Errorf("stack %s has no output %s: it is another product's, or older than this program", s.name, name)
	}
	return value, nil
}
