package dynamoevents

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/events"
)

const indexFirsts = "first-commits"

// CatalogAPI is the part of the DynamoDB client that the catalog needs.
type CatalogAPI interface {
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

// Catalog implements events.Catalog on the tables of a Store.
type Catalog struct {
	db     CatalogAPI
	tables Tables
}

var _ events.Catalog = (*Catalog)(nil)

// NewCatalog returns a catalog of the log in the given tables.
func NewCatalog(db CatalogAPI, tables Tables) *Catalog { return &Catalog{db: db, tables: tables} }

// Walk implements events.Catalog by a page of a parallel, strongly consistent Scan.
// Segments divide the hash of the partition key, so a stream is in one of them.
func (c *Catalog) Walk(ctx context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	in := &dynamodb.ScanInput{
		TableName: aws.String(c.tables.Events), ConsistentRead: aws.Bool(true),
		Segment: aws.Int32(int32(q.Segment)), TotalSegments: aws.Int32(int32(q.Segments)), //nolint:gosec // a few
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(q.Limit)) //nolint:gosec // a page
	}
	if q.After != (events.Cursor{}) {
		in.ExclusiveStartKey = item{attrStream: text(string(q.After.Stream)), attrVersion: number(q.After.Version)}
	}
	out, err := c.db.Scan(ctx, in)
	if err != nil {
		return nil, events.Cursor{}, fmt.Errorf("walk segment %d of %d: %w", q.Segment, q.Segments, awserror.Mark(err, events.ErrUnavailable))
	}
	commits := make([]events.Commit, len(out.Items))
	for i, it := range out.Items {
		if commits[i], err = decode(it); err != nil {
			key := cursor(it)
			commits[i] = events.Commit{Stream: key.Stream, Version: key.Version}
		}
	}
	return commits, cursor(out.LastEvaluatedKey), nil
}

// cursor reads a key, which DynamoDB never leaves without one of its parts.
func cursor(key item) events.Cursor {
	if key == nil {
		return events.Cursor{}
	}
	r := &reader{it: key}
	return events.Cursor{Stream: events.StreamID(r.text(attrStream, true)), Version: r.number(attrVersion)}
}

// Firsts implements events.Catalog by a Query of the index. An item that cannot be read is
// passed over: it must not hide what comes after it.
func (c *Catalog) Firsts(ctx context.Context, q events.FirstsQuery) ([]events.First, events.First, error) {
	bucket := bucketOf(q.From, q.Shard)
	in := &dynamodb.QueryInput{
		TableName: aws.String(c.tables.Events), IndexName: aws.String(indexFirsts), Limit: aws.Int32(int32(q.Limit)), //nolint:gosec // a page
		KeyConditionExpression: aws.String(attrFirstBucket + " = :bucket AND " + attrRecordedAt + " >= :from"),
		ExpressionAttributeValues: item{
			":bucket": text(bucket), ":from": text(q.From.UTC().Format(events.RecordedAtLayout)),
		},
	}
	if q.After != (events.First{}) {
		in.ExclusiveStartKey = item{
			attrFirstBucket: text(bucket), attrRecordedAt: text(q.After.RecordedAt.UTC().Format(events.RecordedAtLayout)),
			attrStream: text(string(q.After.Stream)), attrVersion: number(1),
		}
	}
	var firsts []events.First
	for {
		out, err := c.db.Query(ctx, in)
		if err != nil {
			return nil, events.First{}, fmt.Errorf("first commits of %s: %w", bucket, awserror.Mark(err, events.ErrUnavailable))
		}
		for _, it := range out.Items {
			if f, err := first(it); err == nil { // else no commit of ours: a walk finds it
				firsts = append(firsts, f)
			}
		}
		if out.LastEvaluatedKey == nil {
			return firsts, events.First{}, nil
		}
		if next, err := first(out.LastEvaluatedKey); err == nil {
			return firsts, next, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func first(it item) (events.First, error) {
	r := &reader{it: it}
	f := events.First{Stream: events.StreamID(r.text(attrStream, true)), RecordedAt: r.time(attrRecordedAt)}
	if len(r.errs) > 0 {
		return events.First{}, fmt.Errorf("%w: %w", events.ErrCorrupt, r.errs[0])
	}
	return f, nil
}

func bucketOf(at time.Time, shard int) string {
	return fmt.Sprintf("%s#%d", at.UTC().Format("2006-01-02T15"), shard)
}

// Exist implements events.Catalog by a BatchGetItem of first commits.
func (c *Catalog) Exist(ctx context.Context, ids []events.StreamID) (map[events.StreamID]bool, error) {
	var keys []item
	asked := map[events.StreamID]bool{} // DynamoDB refuses to be asked for a key twice
	for _, id := range ids {
		if !asked[id] {
			asked[id] = true
			keys = append(keys, item{attrStream: text(string(id)), attrVersion: number(1)})
		}
	}
	found := map[events.StreamID]bool{}
	for len(keys) > 0 {
		out, err := c.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			c.tables.Events: {Keys: keys, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(attrStream + ", #version"), ExpressionAttributeNames: map[string]string{"#version": attrVersion}},
		}})
		if err != nil {
			return nil, fmt.Errorf("which of %d streams exist: %w", len(keys), awserror.Mark(err, events.ErrUnavailable))
		}
		left := out.UnprocessedKeys[c.tables.Events].Keys
		if len(left) >= len(keys) {
			return nil, fmt.Errorf("which of %d streams exist: %w: none was processed", len(keys), events.ErrUnavailable)
		}
		keys = left
		for _, it := range out.Responses[c.tables.Events] {
			found[cursor(it).Stream] = true
		}
	}
	return found, nil
}

// Leases implements events.Catalog by a page of a strongly consistent Scan of the
// control table, past what is no lease.
func (c *Catalog) Leases(ctx context.Context, after string) ([]events.HeldLease, string, error) {
	in := &dynamodb.ScanInput{
		TableName: aws.String(c.tables.Leases), ConsistentRead: aws.Bool(true), FilterExpression: aws.String("attribute_exists(" + attrHolder + ")"),
	}
	if after != "" {
		in.ExclusiveStartKey = item{attrLease: text(after)}
	}
	out, err := c.db.Scan(ctx, in)
	if err != nil {
		return nil, "", fmt.Errorf("walk leases: %w", awserror.Mark(err, events.ErrUnavailable))
	}
	var held []events.HeldLease
	for _, it := range out.Items {
		r := &reader{it: it}
		held = append(held, events.HeldLease{Name: r.text(attrLease, true), Holder: events.StreamID(r.text(attrHolder, true))})
	}
	next := &reader{it: out.LastEvaluatedKey}
	return held, next.text(attrLease, false), nil
}
