// Package dynamolocal gives tests a real DynamoDB: one DynamoDB Local per test
// process, started when the first test asks for it, on a free port of 127.0.0.1, with
// tables as template.yaml declares them.
//
//	db := dynamolocal.New(t)
//	store := dynamoevents.New(db.Client, db.Tables.Events)
//
// The server ends with the process, however the process ends: it runs under a
// small supervisor whose standard input is a pipe from here, and the kernel closes that
// pipe for us. Each test has tables of its own, so tests can run in parallel.
//
// DYNAMODB_LOCAL_URL makes all tests use a server that runs already.
package dynamolocal
