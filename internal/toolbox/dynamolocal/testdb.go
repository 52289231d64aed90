package dynamolocal

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// DB is the database of one test.
type DB struct {
	Client *dynamodb.Client
	Tables Tables
}

// shared starts the server of this test process once. It is never closed: it ends
// with the process.
var shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background()) })

// New returns a database with fresh tables, which are dropped when the test ends. The
// options are applied to its client, for instance to inject faults.
func New(t testing.TB, options ...func(*dynamodb.Options)) DB {
	t.Helper()
	client := NewClient(t, options...)
	root, err := toolbox.FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	// Faults in the options are not meant for the tables' creation.
	plain := NewClient(t)
	tables, err := CreateTables(t.Context(), plain, filepath.Join(root, "template.yaml"), prefix(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range []string{tables.Events, tables.Views, tables.Control} {
			if _, err := plain.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: aws.String(name)}); err != nil {
				t.Errorf("drop table %s: %v", name, err)
			}
		}
	})
	return DB{Client: client, Tables: tables}
}

// NewClient returns a client of this test process's server, which it starts if needed.
func NewClient(t testing.TB, options ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return server.Client(options...)
}

// Client returns a client of the server.
func (s *Server) Client(options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       "local", // any will do: the server shares its tables among all
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, options...)
}

var notInTableName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// prefix returns a unique start of table names that tells the test.
func prefix(t testing.TB) string {
	const longest = 150 // a table name has at most 255 characters
	name := notInTableName.ReplaceAllString(t.Name(), "-")
	return name[:min(len(name), longest)] + "-" + rand.Text()[:8] + "-"
}
