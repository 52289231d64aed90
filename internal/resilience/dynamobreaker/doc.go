// Package dynamobreaker keeps the record of a fleet's breaker in an item of a
// DynamoDB table with the partition key control_id (S): breaker/<name>. An order of
// an operator is kept in an item of its own, breaker/<name>/order/<number>.
//
// Each operation is one request, which the SDK does not repeat, except those of an
// operator. A report is an ADD to counters that are attributes of their own: a write
// never waits for another.
package dynamobreaker
