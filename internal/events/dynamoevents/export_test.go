package dynamoevents

// For tests of the storage format.
var (
	Encode = encode
	Decode = decode
)
