package dynamolocal

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.yaml.in/yaml/v3"
)

// Tables names the tables of one test.
type Tables struct{ Events, Views, Control string }

// tableProperties are the parts of an AWS::DynamoDB::Table that shape its behaviour.
// StreamSpecification is left out on purpose: DynamoDB Local gets slower with
// every record of a stream that nobody reads.
type tableProperties struct {
	AttributeDefinitions []struct {
		AttributeName string `yaml:"AttributeName"`
		AttributeType string `yaml:"AttributeType"`
	} `yaml:"AttributeDefinitions"`
	KeySchema              []keyElement `yaml:"KeySchema"`
	GlobalSecondaryIndexes []struct {
		IndexName  string       `yaml:"IndexName"`
		KeySchema  []keyElement `yaml:"KeySchema"`
		Projection struct {
			ProjectionType   string   `yaml:"ProjectionType"`
			NonKeyAttributes []string `yaml:"NonKeyAttributes"`
		} `yaml:"Projection"`
	} `yaml:"GlobalSecondaryIndexes"`
}

type keyElement struct {
	AttributeName string `yaml:"AttributeName"`
	KeyType       string `yaml:"KeyType"`
}

// CreateTables creates the tables that the template file declares, each named prefix
// plus its logical id, and returns when all are active.
func CreateTables(ctx context.Context, client *dynamodb.Client, templateFile, prefix string) (Tables, error) {
	template, err := os.ReadFile(templateFile)
	if err != nil {
		return Tables{}, fmt.Errorf("read tables to create: %w", err)
	}
	declared, err := declaredTables(template)
	if err != nil {
		return Tables{}, fmt.Errorf("read tables of %s: %w", templateFile, err)
	}
	for id, properties := range declared {
		if err := createTable(ctx, client, prefix+id, properties); err != nil {
			return Tables{}, fmt.Errorf("create table %s: %w", id, err)
		}
	}
	tables := Tables{Events: prefix + eventsTable, Views: prefix + viewsTable, Control: prefix + controlTable}
	return tables, nil
}

// Logical ids of the tables in template.yaml.
const (
	eventsTable  = "EventsTable"
	viewsTable   = "ViewsTable"
	controlTable = "ControlTable"
)

// declaredTables returns the tables that a SAM template declares, by logical id.
func declaredTables(template []byte) (map[string]tableProperties, error) {
	var document struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, err
	}
	tables := make(map[string]tableProperties)
	for id, resource := range document.Resources {
		if resource.Type != "AWS::DynamoDB::Table" {
			continue
		}
		var properties tableProperties
		if err := resource.Properties.Decode(&properties); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		tables[id] = properties
	}
	for _, id := range []string{eventsTable, viewsTable, controlTable} {
		if len(tables[id].KeySchema) == 0 {
			return nil, fmt.Errorf("no table %s with a key schema", id)
		}
	}
	return tables, nil
}

func createTable(ctx context.Context, client *dynamodb.Client, name string, p tableProperties) error {
	out, err := client.CreateTable(ctx, p.input(name))
	if err != nil {
		return err
	}
	if out.TableDescription.TableStatus == types.TableStatusActive {
		return nil
	}
	const limit = 30 * time.Second
	return dynamodb.NewTableExistsWaiter(client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, limit)
}

func (p tableProperties) input(name string) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(p.KeySchema),
	}
	for _, attribute := range p.AttributeDefinitions {
		input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(attribute.AttributeName),
			AttributeType: types.ScalarAttributeType(attribute.AttributeType),
		})
	}
	for _, index := range p.GlobalSecondaryIndexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(index.IndexName),
			KeySchema: keySchema(index.KeySchema),
			Projection: &types.Projection{
				ProjectionType:   types.ProjectionType(index.Projection.ProjectionType),
				NonKeyAttributes: slices.Clone(index.Projection.NonKeyAttributes),
			},
		})
	}
	return input
}

func keySchema(elements []keyElement) []types.KeySchemaElement {
	var schema []types.KeySchemaElement
	for _, element := range elements {
		schema = append(schema, types.KeySchemaElement{
			AttributeName: aws.String(element.AttributeName),
			KeyType:       types.KeyType(element.KeyType),
		})
	}
	return schema
}
