package awserror

// TransactionConflict is the code by which DynamoDB refuses a plain write that meets a
// transaction at its item. The SDK does not repeat it.
const TransactionConflict = "TransactionConflictException"

// codes is the class of every error code that AWS documents for the calls of this
// service, as smithy.APIError gives it. Sources, read in November 2026:
//
//   - Amazon DynamoDB API Reference, "Errors" of each action, and Developer Guide,
//     "Error handling with DynamoDB";
//   - Amazon SQS API Reference, "Errors" of each action; the codes are those of the query
//     protocol, which SQS sends in x-amzn-query-error and the SDK prefers;
//   - Amazon EventBridge API Reference, PutEvents and PutEventsResultEntry;
//   - AWS Secrets Manager API Reference, GetSecretValue;
//   - "Common Errors" of each of these references.
var codes = map[string]Class{
	// DynamoDB.
	"ConditionalCheckFailedException":          Conflict,
	TransactionConflict:                        Conflict,
	"TransactionCanceledException":             Unavailable,
	"TransactionInProgressException":           Retry, // the same token is under way
	"ReplicatedWriteConflictException":         Retry, // another Region writes the item; the SDK does not know it
	"ProvisionedThroughputExceededException":   Retry,
	"RequestLimitExceeded":                     Retry,
	"ThrottlingException":                      Retry,
	"InternalServerError":                      Retry,
	"IdempotentParameterMismatchException":     Bug,
	"ItemCollectionSizeLimitExceededException": Bug, // of tables with a local index; there is none
	"ResourceNotFoundException":                Bug, // of Secrets Manager, too

	// SQS.
	"RequestThrottled":                                    Retry,
	"KMS.ThrottlingException":                             Retry, // the SDK does not know it
	"KMS.AccessDeniedException":                           Bug,
	"KMS.DisabledException":                               Bug,
	"KMS.InvalidKeyUsageException":                        Bug,
	"KMS.InvalidStateException":                           Bug,
	"KMS.NotFoundException":                               Bug,
	"KMS.OptInRequired":                                   Bug,
	"AWS.SimpleQueueService.NonExistentQueue":             Bug,
	"AWS.SimpleQueueService.UnsupportedOperation":         Bug,
	"AWS.SimpleQueueService.BatchEntryIdsNotDistinct":     Bug,
	"AWS.SimpleQueueService.BatchRequestTooLong":          Bug,
	"AWS.SimpleQueueService.EmptyBatchRequest":            Bug,
	"AWS.SimpleQueueService.InvalidBatchEntryId":          Bug,
	"AWS.SimpleQueueService.TooManyEntriesInBatchRequest": Bug,
	"AWS.SimpleQueueService.MessageNotInflight":           Conflict, // the message is someone else's by now
	"ReceiptHandleIsInvalid":                              Conflict,
	"InvalidMessageContents":                              Bug,
	"InvalidAttributeName":                                Bug,
	"InvalidAddress":                                      Bug,
	"InvalidSecurity":                                     Bug,

	// EventBridge, of a call and of an entry.
	"InternalException":                   Retry,
	"InternalFailure":                     Retry,
	"InvalidAccountIdException":           Bug,
	"InvalidArgument":                     Bug,
	"MalformedDetail":                     Bug,
	"RedactionFailure":                    Bug,
	"NotAuthorizedForSourceException":     Bug,
	"NotAuthorizedForDetailTypeException": Bug,

	// Secrets Manager.
	"InternalServiceError":      Retry,
	"DecryptionFailure":         Bug,
	"InvalidParameterException": Bug,
	"InvalidRequestException":   Bug,

	// Common to all.
	"ServiceUnavailable":                  Retry,
	"ServiceUnavailableException":         Retry,
	"RequestTimeout":                      Retry,
	"RequestTimeoutException":             Retry,
	"AccessDeniedException":               Bug,
	"AccessDenied":                        Bug,
	"NotAuthorized":                       Bug,
	"OptInRequired":                       Bug,
	"IncompleteSignature":                 Bug,
	"IncompleteSignatureException":        Bug,
	"MissingAuthenticationToken":          Bug,
	"MissingAuthenticationTokenException": Bug,
	"MalformedHttpRequestException":       Bug,
	"UnknownOperationException":           Bug,
	"InvalidAction":                       Bug,
	"ValidationException":                 Bug,
	"ValidationError":                     Bug,
	// Another environment has other credentials, and a later request another signature.
	"UnrecognizedClientException": Unavailable,
	"InvalidClientTokenId":        Unavailable,
	"ExpiredToken":                Unavailable,
	"ExpiredTokenException":       Unavailable,
	"RequestAbortedException":     Unavailable,
	"RequestExpired":              Unavailable,
	"InvalidSignatureException":   Unavailable,
}

// The reasons for which DynamoDB cancels a transaction (Amazon DynamoDB API Reference,
// TransactionCanceledException). "None" is the reason of an item without one.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonConflict   = "TransactionConflict"
	reasonCollection = "ItemCollectionSizeLimitExceeded"
	reasonThroughput = "ProvisionedThroughputExceeded"
	reasonThrottling = "ThrottlingError"
	reasonValidation = "ValidationError"
)

var cancellations = map[string]Class{
	reasonCondition:  Conflict,
	reasonConflict:   Conflict,
	reasonCollection: Bug,
	reasonThroughput: Retry,
	reasonThrottling: Retry,
	reasonValidation: Bug,
}
