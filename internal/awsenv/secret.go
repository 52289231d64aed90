package awsenv

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SecretsAPI is the part of the Secrets Manager client that a Secret needs.
type SecretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Secret is a value in Secrets Manager, read when it is first needed and kept for
// the life of the environment. It is safe for concurrent use.
type Secret struct {
	client SecretsAPI
	arn    string

	mu    sync.Mutex
	value string // empty until it was read
}

// NewSecret returns the secret with the given ARN. It reads nothing yet.
func NewSecret(client SecretsAPI, arn string) *Secret { return &Secret{client: client, arn: arn} }

// Bytes returns the secret's value, which the caller may change. A failure is not
// remembered.
func (s *Secret) Bytes(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value != "" {
		return []byte(s.value), nil
	}
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.arn)})
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", s.arn, err)
	}
	if aws.ToString(out.SecretString) == "" {
		return nil, fmt.Errorf("read secret %s: it has no text", s.arn)
	}
	s.value = *out.SecretString
	return []byte(s.value), nil
}
