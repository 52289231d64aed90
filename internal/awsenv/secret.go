package awsenv

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SecretsAPI is the part of the Secrets Manager client that a Secret needs.
type SecretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// renewEvery is the least time between two reads of a secret whose value is refused:
// whoever can have it refused must not be able to have it read all the time.
const renewEvery = time.Minute

// Secret is a value in Secrets Manager, read when it is first needed and kept until
// whoever it is for refuses it. It is safe for concurrent use.
type Secret struct {
	client SecretsAPI
	arn    string
	now    func() time.Time

	mu      sync.Mutex
	value   string    // empty until it was read
	askedAt time.Time // when it was read last, or was to be
}

// NewSecret returns the secret with the given ARN, on a wall clock. It reads nothing yet.
func NewSecret(client SecretsAPI, arn string, now func() time.Time) *Secret {
	return &Secret{client: client, arn: arn, now: now}
}

// Bytes returns the secret's value, which the caller may change. A failure is not
// remembered.
func (s *Secret) Bytes(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value != "" {
		return []byte(s.value), nil
	}
	return s.read(ctx)
}

// Renew is told that a value was refused, and returns another one if there is: it was
// rotated. It asks at most once a minute.
func (s *Secret) Renew(ctx context.Context, refused []byte) (value []byte, other bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value == string(refused) && s.now().Round(0).Sub(s.askedAt) >= renewEvery {
		_, err = s.read(ctx)
	}
	return []byte(s.value), s.value != string(refused), err
}

func (s *Secret) read(ctx context.Context) ([]byte, error) {
	s.askedAt = s.now().Round(0) // by the wall clock: an environment may be frozen in between
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
