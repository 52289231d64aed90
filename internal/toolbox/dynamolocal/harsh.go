package dynamolocal

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Harsh makes DynamoDB Local answer a client as DynamoDB may, and DynamoDB Local never does:
// it is Stale and Short. A client that keeps its contract under Harsh keeps it without.
func Harsh(o *dynamodb.Options) {
	Stale(o)
	Short(o)
}

// Stale makes reads of a table that are not strongly consistent show nothing that was ever
// written: they "might not reflect the results of a recently completed write operation"
// (Amazon DynamoDB Developer Guide, Read consistency). Indexes are read as they are.
func Stale(o *dynamodb.Options) {
	reads(o, func(next dynamodb.HTTPClient, request *http.Request, operation string, in object) (*http.Response, error) {
		if in["IndexName"] != nil || in["ConsistentRead"] == true {
			return send(next, request, in)
		}
		tables, _ := in["RequestItems"].(object)
		for _, table := range tables {
			if table, _ := table.(object); table["ConsistentRead"] == true {
				return send(next, request, in)
			}
		}
		return answer(http.StatusOK, nothing[operation]), nil
	})
}

// nothing is what a read answers that finds nothing.
var nothing = map[string]string{
	"GetItem": `{}`, "BatchGetItem": `{"Responses":{},"UnprocessedKeys":{}}`,
	"Query": `{"Items":[],"Count":0,"ScannedCount":0}`, "Scan": `{"Items":[],"Count":0,"ScannedCount":0}`,
}

// shortPage is how many items a read of a Short client handles at a time.
const shortPage = 2

// Short makes a Query or a Scan end after two items, whatever its Limit, and name the key to
// go on from (a page also ends at 1 MB: API Reference, Query, LastEvaluatedKey), and a
// BatchGetItem leave all keys of a table but two unprocessed (BatchGetItem, UnprocessedKeys).
func Short(o *dynamodb.Options) {
	reads(o, func(next dynamodb.HTTPClient, request *http.Request, operation string, in object) (*http.Response, error) {
		switch operation {
		case "BatchGetItem":
			return shortBatch(next, request, in)
		case "Query", "Scan":
			if limit, ok := in["Limit"].(float64); !ok || limit > shortPage {
				in["Limit"] = shortPage
			}
		}
		return send(next, request, in)
	})
}

type object = map[string]any

// reads puts a handler in front of a client's reads.
func reads(o *dynamodb.Options, handle func(next dynamodb.HTTPClient, request *http.Request, operation string, in object) (*http.Response, error)) {
	next := o.HTTPClient
	if next == nil {
		next = http.DefaultClient
	}
	o.HTTPClient = doer(func(request *http.Request) (*http.Response, error) {
		_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
		if nothing[operation] == "" {
			return next.Do(request)
		}
		in, err := decoded(request.Body)
		if err != nil {
			return nil, err
		}
		return handle(next, request, operation, in)
	})
}

// shortBatch lets the first keys of each table through, and returns the others unprocessed.
func shortBatch(next dynamodb.HTTPClient, request *http.Request, in object) (*http.Response, error) {
	tables, _ := in["RequestItems"].(object)
	left := object{}
	for name := range tables {
		table, _ := tables[name].(object)
		keys, _ := table["Keys"].([]any)
		if len(keys) > shortPage {
			rest := maps.Clone(table)
			rest["Keys"], table["Keys"] = keys[shortPage:], keys[:shortPage]
			left[name] = rest
		}
	}
	response, err := send(next, request, in)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	out, err := decoded(response.Body)
	if err != nil {
		return nil, err
	}
	out["UnprocessedKeys"] = left
	body, err := json.Marshal(out)
	return answer(http.StatusOK, string(body)), err
}

func decoded(body io.ReadCloser) (object, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	in := object{}
	return in, json.Unmarshal(text, &in)
}

// send sends a request with another body. DynamoDB Local does not check its signature.
func send(next dynamodb.HTTPClient, request *http.Request, in object) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return next.Do(request)
}
