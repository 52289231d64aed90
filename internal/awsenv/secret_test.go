package awsenv_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
)

const secretARN = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:cursor-key"

// secrets answers as Secrets Manager would, and counts how often it was asked.
type secrets struct {
	mu     sync.Mutex
	calls  int
	value  *string
	failed error
}

func (s *secrets) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if got := aws.ToString(in.SecretId); got != secretARN {
		return nil, errors.New("asked for " + got)
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: s.value}, s.failed
}

func TestASecretIsReadOnce(t *testing.T) {
	client := &secrets{value: aws.String("sesame")}
	secret := awsenv.NewSecret(client, secretARN, time.Now)
	if client.calls != 0 {
		t.Error("it was read before anybody needed it: every cold start would wait for it")
	}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			value, err := secret.Bytes(t.Context())
			if err != nil || string(value) != "sesame" {
				t.Errorf("got %q, %v", value, err)
			}
			clear(value) // a caller's own copy
		})
	}
	readers.Wait()
	if client.calls != 1 {
		t.Errorf("it was read %d times, want once", client.calls)
	}
}

func TestAFailedReadIsTriedAgain(t *testing.T) {
	throttled := errors.New("throttled")
	client := &secrets{failed: throttled}
	secret := awsenv.NewSecret(client, secretARN, time.Now)
	if _, err := secret.Bytes(t.Context()); !errors.Is(err, throttled) || !strings.Contains(err.Error(), secretARN) {
		t.Errorf("the error is %v, want one that wraps the cause and names the secret", err)
	}
	client.failed, client.value = nil, aws.String("sesame")
	if value, err := secret.Bytes(t.Context()); err != nil || string(value) != "sesame" {
		t.Errorf("the next read: got %q, %v", value, err)
	}
}

// An empty key would seal every cursor, and sign in to the provider, with nothing.
func TestASecretWithoutTextIsAnError(t *testing.T) {
	for name, value := range map[string]*string{"binary": nil, "empty": aws.String("")} {
		t.Run(name, func(t *testing.T) {
			client := &secrets{value: value}
			secret := awsenv.NewSecret(client, secretARN, time.Now)
			for range 2 {
				if got, err := secret.Bytes(t.Context()); err == nil || got != nil || !strings.Contains(err.Error(), secretARN) {
					t.Errorf("got %q, %v, want an error that names the secret", got, err)
				}
			}
			if client.calls != 2 {
				t.Errorf("asked %d times, want each time", client.calls)
			}
		})
	}
}

// A rotation gets through without a deployment, and whoever is refused all the time costs one read a minute.
func TestARefusedSecretIsReadAnewOnceAMinute(t *testing.T) {
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	client := &secrets{value: aws.String("old")}
	secret := awsenv.NewSecret(client, secretARN, func() time.Time { return now })
	if _, err := secret.Bytes(t.Context()); err != nil {
		t.Fatal(err)
	}
	renews := func(refused, want string, calls int) {
		t.Helper()
		got, other, err := secret.Renew(t.Context(), []byte(refused))
		if string(got) != want || other != (want != refused) || err != nil || client.calls != calls {
			t.Errorf("after %q was refused: %q, %v, %v, %d reads; want %q, %d", refused, got, other, err, client.calls, want, calls)
		}
	}
	client.value = aws.String("new")
	renews("old", "old", 1) // it was read just now
	now = now.Add(time.Minute)
	renews("old", "new", 2)
	renews("old", "new", 2) // another call that had the old one
	if value, err := secret.Bytes(t.Context()); err != nil || string(value) != "new" {
		t.Errorf("kept is %q, %v", value, err)
	}
	now = now.Add(time.Minute)
	for range 9 {
		renews("new", "new", 3)
	}
	client.failed = errors.New("throttled")
	now = now.Add(time.Minute)
	for i := range 2 { // a read that fails counts, too, and leaves what there is
		if got, other, err := secret.Renew(t.Context(), []byte("new")); string(got) != "new" || other || (err == nil) == (i == 0) || client.calls != 4 {
			t.Errorf("%q, %v, %v, %d reads", got, other, err, client.calls)
		}
	}
}
