package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// rolling is a secret that changes.
type rolling struct {
	value  string
	failed error
	reads  int
}

func (r *rolling) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	r.reads++
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(r.value)}, r.failed
}

// A notice that is signed with a secret rolled since this environment started is taken; one that is forged costs a read a minute.
func TestARolledSigningSecretIsTakenUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	stored := &rolling{value: "whsec_old"}
	parse := notices(awsenv.NewSecret(stored, "arn", func() time.Time { return now }), true)
	body := []byte(`{"id":"evt_1","object":"event","type":"charge.refunded","data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"booking_id":"bk_1"}}}}`)
	takes := func(key string, want error, reads int) {
		t.Helper()
		at := time.Now()
		signature := fmt.Sprintf("t=%d,v1=%x", at.Unix(), stripe.ComputeSignature(at, body, key))
		if notice, err := parse(t.Context(), body, signature); !errors.Is(err, want) || (err == nil) != (notice.Ref == "pi_1") || stored.reads != reads {
			t.Errorf("signed with %s: %+v, %v, %d reads; want %v, %d", key, notice, err, stored.reads, want, reads)
		}
	}
	takes("whsec_old", nil, 1)
	stored.value = "whsec_new"
	takes("whsec_new", payments.ErrSignature, 1) // read just now
	now = now.Add(time.Minute)
	takes("whsec_new", nil, 2)
	takes("whsec_old", payments.ErrSignature, 2)
	now = now.Add(time.Minute)
	for range 3 {
		takes("whsec_forged", payments.ErrSignature, 3)
	}
	stored.failed = errors.New("throttled")
	now = now.Add(time.Minute)
	takes("whsec_forged", payments.ErrSignature, 4)
	takes("whsec_new", nil, 4)
}

func TestNoNoticeIsTakenWithoutAnEndpointOrItsKey(t *testing.T) {
	t.Parallel()
	stored := &rolling{failed: errors.New("throttled")}
	secret := awsenv.NewSecret(stored, "arn", time.Now)
	if _, err := notices(secret, false)(t.Context(), nil, ""); !errors.Is(err, payments.ErrSignature) || stored.reads != 0 {
		t.Errorf("without an endpoint: %v, %d reads", err, stored.reads)
	}
	if _, err := notices(secret, true)(t.Context(), nil, ""); !errors.Is(err, httpapi.ErrNoNoticeKey) {
		t.Errorf("without a key: %v", err)
	}
}
