package localstack

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Cloud is an AWS account: the emulated one, seen by its root user, or another.
type Cloud struct {
	Stacks  *cloudformation.Client
	Gateway *apigatewayv2.Client
	Roles   *iam.Client
	Users   *cognitoidentityprovider.Client
	Secrets *secretsmanager.Client
	Logs    *cloudwatchlogs.Client
	Queues  *sqs.Client
	Tables  *dynamodb.Client
}

// Config returns the configuration of clients of the emulator at the URL. Nothing of
// the user's own AWS configuration is read.
func Config(url, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider(rootAccessKey, rootSecretKey, ""),
	}
}

// Connect returns clients of the emulator at the URL.
func Connect(url, region string) Cloud { return With(Config(url, region)) }

// With returns clients of the account that the configuration leads to.
func With(config aws.Config) Cloud {
	return Cloud{
		Stacks:  cloudformation.NewFromConfig(config),
		Gateway: apigatewayv2.NewFromConfig(config),
		Roles:   iam.NewFromConfig(config),
		Users:   cognitoidentityprovider.NewFromConfig(config),
		Secrets: secretsmanager.NewFromConfig(config),
		Logs:    cloudwatchlogs.NewFromConfig(config),
		Queues:  sqs.NewFromConfig(config),
		Tables:  dynamodb.NewFromConfig(config),
	}
}

// secrets are the ARNs of what a deployment keeps in Secrets Manager.
type secrets struct{ provider, notices string }

// providerSecrets stores the payment simulator's key and the secret that it signs its
// notices with where the functions read them.
func (c Cloud) providerSecrets(ctx context.Context) (s secrets, err error) {
	if s.provider, err = c.secret(ctx, stackName+"/provider-key", ProviderKey); err != nil {
		return s, err
	}
	s.notices, err = c.secret(ctx, stackName+"/notice-key", noticeKey)
	return s, err
}

// secret stores a secret, unless it is there, and returns its ARN.
func (c Cloud) secret(ctx context.Context, name, value string) (string, error) {
	created, err := c.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	if err == nil {
		return aws.ToString(created.ARN), nil
	}
	if exists := (*types.ResourceExistsException)(nil); !errors.As(err, &exists) {
		return "", fmt.Errorf("create secret %s: %w", name, err)
	}
	found, err := c.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		return "", fmt.Errorf("find secret %s: %w", name, err)
	}
	return aws.ToString(found.ARN), nil
}

// Outputs returns the outputs of a stack by name.
func (c Cloud) Outputs(ctx context.Context, stack string) (map[string]string, error) {
	described, err := c.describe(ctx, stack)
	if err != nil {
		return nil, err
	}
	outputs := make(map[string]string)
	for _, output := range described.Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return outputs, nil
}
