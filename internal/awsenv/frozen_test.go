package awsenv_test

import (
	"context"
	"hash/crc32"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/awsenv"
	"github.com/hailstone-rides/hailstone/internal/toolbox/freeze"
)

// clients are those that functions keep, each with a call of its own.
var clients = map[string]func(aws.Config) func(context.Context) error{
	"DynamoDB": func(cfg aws.Config) func(context.Context) error {
		client := dynamodb.NewFromConfig(cfg)
		return func(ctx context.Context) error {
			_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: map[string]dynamotypes.AttributeValue{"k": &dynamotypes.AttributeValueMemberS{Value: "v"}}})
			return err
		}
	},
	"SQS": func(cfg aws.Config) func(context.Context) error {
		client := sqs.NewFromConfig(cfg)
		return func(ctx context.Context) error {
			_, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
			return err
		}
	},
	"EventBridge": func(cfg aws.Config) func(context.Context) error {
		client := eventbridge.NewFromConfig(cfg)
		return func(ctx context.Context) error {
			_, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{{Detail: aws.String("{}")}}})
			return err
		}
	},
	"Secrets Manager": func(cfg aws.Config) func(context.Context) error {
		client := secretsmanager.NewFromConfig(cfg)
		return func(ctx context.Context) error {
			_, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
			return err
		}
	},
}

// A thawed environment finds all its connections dead. Its first call costs one attempt at
// the most, and it does not meet the next dead one after that.
func TestAThawedEnvironmentGoesOn(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "eu-west-3", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} {
		t.Setenv(name, value)
	}
	var all sync.WaitGroup
	for name, client := range clients {
		for _, secure := range []bool{false, true} {
			for _, fate := range []freeze.Fate{freeze.Closed, freeze.Reset, freeze.Swallowed} {
				cfg, err := awsenv.AWS(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				all.Go(func() { thaws(t, name, client, cfg, secure, fate) })
			}
		}
	}
	all.Wait()
}

// thaws makes several calls at once, so that as many connections are kept, lets them come to
// their fate, and calls again.
func thaws(t *testing.T, name string, client func(aws.Config) func(context.Context) error, cfg aws.Config, secure bool, fate freeze.Fate) {
	const kept = 5
	var under sync.WaitGroup
	under.Add(kept)
	var frozen, second atomic.Bool
	server := freeze.NewServer(t, secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !frozen.Load() {
			under.Done()
			under.Wait()
		}
		if r.ProtoMajor == 2 {
			second.Store(true)
		}
		body := []byte(`{"SecretString":"s","QueueUrl":"u","Entries":[]}`)
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)) // as DynamoDB does
		_, _ = w.Write(body)
	}))
	if secure {
		_, transport := awsenv.TransportOf(t, cfg)
		if transport.TLSClientConfig == nil {
			transport.TLSClientConfig = server.Trusted()
		}
		transport.TLSClientConfig.RootCAs = server.Trusted().RootCAs
	}
	cfg.BaseEndpoint = aws.String(server.URL)
	call := client(cfg)
	var calls sync.WaitGroup
	for range kept {
		calls.Go(func() {
			if err := call(t.Context()); err != nil {
				t.Errorf("%s: before the freeze: %v", name, err)
			}
		})
	}
	calls.Wait()
	frozen.Store(true)
	n := server.Freeze(fate)
	if n != kept {
		t.Errorf("%s (TLS %v): %d connections, want %d", name, secure, n, kept)
	}
	began := time.Now()
	for i := range 3 {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s (TLS %v, %s): call %d after the freeze: %v", name, secure, fate, i+1, err)
		}
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("%s (TLS %v, %s): three calls took %s, want one attempt of 2.5 s lost", name, secure, fate, took)
	}
	if second.Load() {
		t.Errorf("%s: it speaks HTTP/2, where one dead connection takes every call", name)
	}
}
