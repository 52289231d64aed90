package awserror_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
)

// documented are the errors of each operation as its page of the API reference lists them
// under "Errors", and as AWS's service models (botocore 1.43.106) have them. Where the
// table says Retry, awsenv's client must repeat; DynamoDB's developer guide, "Error handling
// with DynamoDB", says of each code whether that is right.
var documented = map[string]map[string]awserror.Class{
	"DynamoDB PutItem":    writes,
	"DynamoDB UpdateItem": writes,
	"DynamoDB DeleteItem": writes,
	// Calls of functions never use it; a new one would find its errors here.
	"DynamoDB BatchWriteItem":     with(reads, "ItemCollectionSizeLimitExceededException", awserror.Bug, "ReplicatedWriteConflictException", awserror.Retry),
	"DynamoDB GetItem":            reads,
	"DynamoDB Query":              reads,
	"DynamoDB Scan":               reads,
	"DynamoDB BatchGetItem":       reads,
	"DynamoDB TransactWriteItems": with(reads, "TransactionInProgressException", awserror.Retry, "IdempotentParameterMismatchException", awserror.Bug),
	"SQS SendMessage":             sends,
	"SQS SendMessageBatch": with(sends,
		"AWS.SimpleQueueService.TooManyEntriesInBatchRequest", awserror.Bug, "AWS.SimpleQueueService.EmptyBatchRequest", awserror.Bug,
		"AWS.SimpleQueueService.BatchEntryIdsNotDistinct", awserror.Bug, "AWS.SimpleQueueService.BatchRequestTooLong", awserror.Bug,
		"AWS.SimpleQueueService.InvalidBatchEntryId", awserror.Bug),
	"SQS ChangeMessageVisibility": with(queues, "AWS.SimpleQueueService.MessageNotInflight", awserror.Conflict, "ReceiptHandleIsInvalid", awserror.Conflict),
	"SQS GetQueueUrl":             queues,
	"SQS GetQueueAttributes":      with(queues, "InvalidAttributeName", awserror.Bug),
	"EventBridge PutEvents":       with(common, "InternalException", awserror.Retry),
	"Secrets Manager GetSecretValue": with(common,
		"ResourceNotFoundException", awserror.Bug, "InvalidParameterException", awserror.Bug, "InvalidRequestException", awserror.Bug,
		"DecryptionFailure", awserror.Bug, "InternalServiceError", awserror.Retry),
}

var (
	// common are those that every reference lists under "Common Errors".
	common = map[string]awserror.Class{
		"AccessDeniedException": awserror.Bug, "IncompleteSignature": awserror.Bug, "IncompleteSignatureException": awserror.Bug,
		"MissingAuthenticationTokenException": awserror.Bug, "MissingAuthenticationToken": awserror.Bug, "NotAuthorized": awserror.Bug,
		"OptInRequired": awserror.Bug, "ValidationException": awserror.Bug, "ValidationError": awserror.Bug,
		"MalformedHttpRequestException": awserror.Bug, "UnknownOperationException": awserror.Bug, "InvalidAction": awserror.Bug,
		"InternalFailure": awserror.Retry, "ServiceUnavailable": awserror.Retry, "ThrottlingException": awserror.Retry, "RequestTimeoutException": awserror.Retry,
		"ExpiredTokenException": awserror.Unavailable, "RequestExpired": awserror.Unavailable, "RequestAbortedException": awserror.Unavailable,
		"UnrecognizedClientException": awserror.Unavailable, "InvalidClientTokenId": awserror.Unavailable,
		"SomethingThatAWSAddsLater": awserror.Unavailable,
	}
	reads = with(common,
		"ProvisionedThroughputExceededException", awserror.Retry, "RequestLimitExceeded", awserror.Retry,
		"InternalServerError", awserror.Retry, "ResourceNotFoundException", awserror.Bug)
	writes = with(reads,
		"ConditionalCheckFailedException", awserror.Conflict, "TransactionConflictException", awserror.Conflict,
		"ReplicatedWriteConflictException", awserror.Retry, "ItemCollectionSizeLimitExceededException", awserror.Bug)
	queues = with(common,
		"RequestThrottled", awserror.Retry, "AWS.SimpleQueueService.NonExistentQueue", awserror.Bug,
		"AWS.SimpleQueueService.UnsupportedOperation", awserror.Bug, "InvalidAddress", awserror.Bug, "InvalidSecurity", awserror.Bug)
	sends = with(queues,
		"InvalidMessageContents", awserror.Bug, "KMS.ThrottlingException", awserror.Retry, "KMS.DisabledException", awserror.Bug,
		"KMS.InvalidStateException", awserror.Bug, "KMS.NotFoundException", awserror.Bug, "KMS.OptInRequired", awserror.Bug,
		"KMS.AccessDeniedException", awserror.Bug, "KMS.InvalidKeyUsageException", awserror.Bug)
)

// with returns a table and more lines: a code, its class, and so on.
func with(table map[string]awserror.Class, more ...any) map[string]awserror.Class {
	all := maps.Clone(table)
	for i := 0; i < len(more); i += 2 {
		all[more[i].(string)] = more[i+1].(awserror.Class)
	}
	return all
}

// Nothing in the table is without a documented operation, and the other way round.
func TestEveryDocumentedCodeHasItsClass(t *testing.T) {
	t.Parallel()
	for operation, codes := range documented {
		for code, want := range codes {
			if got := awserror.Of(&smithy.GenericAPIError{Code: code}); got != want {
				t.Errorf("%s: %s is %s, want %s", operation, code, got, want)
			}
		}
	}
}

// The reasons of a canceled transaction, alone and together.
func TestReasonsOfACanceledTransaction(t *testing.T) {
	t.Parallel()
	for reasons, want := range map[string]awserror.Class{
		"ConditionalCheckFailed None":                             awserror.Conflict,
		"None TransactionConflict":                                awserror.Conflict,
		"None ProvisionedThroughputExceeded":                      awserror.Retry,
		"ThrottlingError None":                                    awserror.Retry,
		"None ItemCollectionSizeLimitExceeded":                    awserror.Bug,
		"ValidationError None":                                    awserror.Bug,
		"ThrottlingError ConditionalCheckFailed":                  awserror.Conflict,
		"ThrottlingError TransactionConflict":                     awserror.Conflict,
		"ValidationError TransactionConflict":                     awserror.Bug,
		"ItemCollectionSizeLimitExceeded ThrottlingError":         awserror.Bug,
		"ProvisionedThroughputExceeded SomethingThatIsAddedLater": awserror.Retry,
		"None SomethingThatIsAddedLater":                          awserror.Unavailable,
		"":                                                        awserror.Unavailable,
	} {
		if got := awserror.OfReasons(strings.Fields(reasons)...); got != want {
			t.Errorf("%q: %s, want %s", reasons, got, want)
		}
	}
}

// others are error types of the SDK that no operation in the table has.
var others = map[string]string{
	"DynamoDB": "BackupInUse BackupNotFound ContinuousBackupsUnavailable DuplicateItem ExportConflict ExportNotFound GlobalTableAlreadyExists GlobalTableNotFound " +
		"ImportConflict ImportNotFound IndexNotFound InvalidEndpoint InvalidExportTime InvalidRestoreTime LimitExceeded PointInTimeRecoveryUnavailable PolicyNotFound " +
		"ReplicaAlreadyExists ReplicaNotFound ResourceInUse TableAlreadyExists TableInUse TableNotFound",
	"SQS": "InvalidAttributeValue InvalidIdFormat OverLimit PurgeQueueInProgress QueueDeletedRecently QueueNameExists ResourceNotFound",
	"EventBridge": "ConcurrentModification IllegalStatus InvalidEventPattern InvalidState LimitExceeded ManagedRule OperationDisabled PolicyLengthExceeded " +
		"ResourceAlreadyExists ResourceNotFound",
	"Secrets Manager": "EncryptionFailure InvalidNextToken LimitExceeded MalformedPolicyDocument PreconditionNotMet PublicPolicy ResourceExists",
}

// An error type that an update of the SDK brings is looked at by a person: is it of one of our calls?
func TestErrorTypesOfTheSDKAreInTheTable(t *testing.T) {
	t.Parallel()
	for service, registry := range map[string]*smithy.TypeRegistry{
		"DynamoDB": dynamodb.TypeRegistry, "SQS": sqs.TypeRegistry, "EventBridge": eventbridge.TypeRegistry, "Secrets Manager": secretsmanager.TypeRegistry,
	} {
		known := map[string]bool{}
		for operation, codes := range documented {
			if strings.HasPrefix(operation, service+" ") {
				for code := range codes {
					known[code] = true
				}
			}
		}
		left := strings.Fields(others[service])
		for name, entry := range registry.Entries {
			failure, isError := entry.New().(smithy.APIError)
			if !isError {
				continue
			}
			_, name, _ = strings.Cut(name, "#")
			codes := []string{failure.ErrorCode(), name, queryCodes[name], "AWS.SimpleQueueService." + name}
			if slices.ContainsFunc(codes, func(code string) bool { return known[code] }) || name == "TransactionCanceledException" {
				continue
			}
			short := strings.TrimSuffix(name, "Exception")
			if at := slices.IndexFunc(left, func(other string) bool { return other == short || other == name }); at >= 0 {
				left = slices.Delete(left, at, at+1)
				continue
			}
			t.Errorf("%s: %s is new in the SDK: is it an error of one of our calls?", service, name)
		}
		for _, gone := range left {
			t.Errorf("%s: the SDK has no %s any more", service, gone)
		}
	}
}

// queryCodes are the codes of SQS's query protocol that differ from the names of the types.
var queryCodes = map[string]string{
	"QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue", "KmsThrottled": "KMS.ThrottlingException", "KmsDisabled": "KMS.DisabledException",
	"KmsInvalidState": "KMS.InvalidStateException", "KmsNotFound": "KMS.NotFoundException", "KmsOptInRequired": "KMS.OptInRequired",
	"KmsAccessDenied": "KMS.AccessDeniedException", "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
}
