// Package dynamoevents keeps streams of commits in one DynamoDB table.
//
// One commit is one item: partition key stream_id, sort key version, the version
// of its first event. Append is one PutItem on the condition that the place is
// free; DynamoDB returns the item that is in the way with the refusal, so that a
// duplicate, a conflict and a write of our own whose response was lost are told
// apart without another read. Several events cost no more than one.
//
// The first commit of a stream also carries first_bucket, the key of a sparse
// index over new streams: the hour and a shard, so that a sweep can find streams
// that nothing else pointed to without reading the log.
//
// The SDK's client is the one layer that retries; see awsenv for its limits.
package dynamoevents
