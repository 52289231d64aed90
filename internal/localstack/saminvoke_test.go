package localstack

import (
	"slices"
	"testing"
)

func TestTheQueuesOfATemplate(t *testing.T) {
	t.Parallel()
	got, err := queuesOf([]byte(`
Resources:
  B: { Type: "AWS::SQS::Queue", Properties: { RedrivePolicy: { deadLetterTargetArn: !GetAtt A.Arn } } }
  Table: { Type: "AWS::DynamoDB::Table" }
  A: { Type: "AWS::SQS::Queue" }
`))
	if err != nil || !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("got %v, %v, want A and B", got, err)
	}
	if _, err := queuesOf([]byte("\t")); err == nil {
		t.Error("a template that is no YAML has queues")
	}
}
