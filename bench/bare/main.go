// Bare is a Lambda function with the clients of the booking function and nothing
// else: the yardstick for how soon a function is ready.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	db, queue, secrets := dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
	lambda.Start(func(ctx context.Context) error {
		_, err := db.ListTables(ctx, nil)
		if err == nil {
			_, err = queue.ListQueues(ctx, nil)
		}
		if err == nil {
			_, err = secrets.ListSecrets(ctx, nil)
		}
		return err
	})
}
