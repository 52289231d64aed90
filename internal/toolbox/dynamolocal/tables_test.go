package dynamolocal

import (
	"strings"
	"testing"
)

const template = `
Conditions:
  KeepData: !Equals [!Ref Stage, prod]
Resources:
  Queue: { Type: "AWS::SQS::Queue", Properties: { Name: !Sub "x-${Stage}" } }
  EventsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      DeletionProtectionEnabled: !If [KeepData, true, false]
      AttributeDefinitions:
        - { AttributeName: stream_id, AttributeType: S }
        - { AttributeName: version, AttributeType: N }
      KeySchema:
        - { AttributeName: stream_id, KeyType: HASH }
        - { AttributeName: version, KeyType: RANGE }
      GlobalSecondaryIndexes:
        - IndexName: by-version
          KeySchema: [{ AttributeName: version, KeyType: HASH }]
          Projection: { ProjectionType: KEYS_ONLY }
      StreamSpecification: { StreamViewType: NEW_IMAGE }
  ViewsTable:
    Type: AWS::DynamoDB::Table
    Properties: &simple
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  ControlTable: { Type: "AWS::DynamoDB::Table", Properties: *simple }
`

func TestDeclaredTables(t *testing.T) {
	t.Parallel()
	tables, err := declaredTables([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 3 {
		t.Fatalf("got %d tables, want 3", len(tables))
	}
	input := tables[eventsTable].input("name")
	if len(input.AttributeDefinitions) != 2 || len(input.KeySchema) != 2 || len(input.GlobalSecondaryIndexes) != 1 {
		t.Errorf("got %+v", input)
	}
	if input.StreamSpecification != nil {
		t.Error("the stream was kept")
	}
	if got := tables[controlTable].KeySchema[0].AttributeName; got != "id" {
		t.Errorf("key of %s: got %q, want id", controlTable, got)
	}
}

func TestDeclaredTablesMissesNone(t *testing.T) {
	t.Parallel()
	without := strings.Replace(template, "ControlTable:", "OtherTable:", 1)
	if _, err := declaredTables([]byte(without)); err == nil || !strings.Contains(err.Error(), controlTable) {
		t.Errorf("got %v, want an error about %s", err, controlTable)
	}
}
