package dynamolocal_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func TestConditionalPutIsRefusedWithTheItemThatWasThere(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	put := func() error {
		_, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(db.Tables.Events),
			Item: map[string]types.AttributeValue{
				"stream_id": &types.AttributeValueMemberS{Value: "booking/bk_1"},
				"version":   &types.AttributeValueMemberN{Value: "1"},
			},
			ConditionExpression:                 aws.String("attribute_not_exists(stream_id)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	var failed *types.ConditionalCheckFailedException
	if err := put(); !errors.As(err, &failed) || len(failed.Item) != 2 {
		t.Fatalf("second put: got %v, want a failed condition with the item", err)
	}
}

func TestTablesHaveTheTemplatesShapeWithoutStream(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	out, err := db.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(db.Tables.Events)})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.Table.KeySchema[1].AttributeName); got != "version" {
		t.Errorf("sort key: got %s, want version", got)
	}
	if out.Table.StreamSpecification != nil {
		t.Errorf("stream: got %+v, want none", out.Table.StreamSpecification)
	}
	if len(out.Table.GlobalSecondaryIndexes) != 1 || aws.ToString(out.Table.GlobalSecondaryIndexes[0].IndexName) != "first-commits" {
		t.Errorf("indexes: got %+v, want first-commits", out.Table.GlobalSecondaryIndexes)
	}
}

func TestTablesOfTwoTestsDiffer(t *testing.T) {
	t.Parallel()
	a, b := dynamolocal.New(t), dynamolocal.New(t)
	if a.Tables == b.Tables {
		t.Errorf("got %+v twice", a.Tables)
	}
}
