package rights

import "slices"

// Exception is rights that no call of a smoke test uses, and why.
type Exception struct {
	Reason string
	Rights []Right
	// KeptData tells that only a stage which keeps its data grants them: not the local one.
	KeptData bool
	// Transformed tells that SAM writes them, not the template.
	Transformed bool
}

// Unseen returns the rights that are granted although no call in the local stack uses them.
func Unseen() []Exception {
	return []Exception{
		{
			Reason: "Lambda polls the queue in the name of the function. The emulator does so without asking IAM.",
			Rights: slices.Concat(
				polled("PaymentRole", "PaymentsQueue"), polled("ProjectorRole", "ProjectionQueue"), polled("RebuildRole", "RebuildQueue"),
			),
		},
		{
			Reason: "Lambda reads the stream in the name of the function, and the emulator again without asking.",
			Rights: each([]string{"RelayRole", "PublisherRole"}, []string{
				"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
			}, "EventsTable/stream"),
		},
		{
			Reason: "Lambda reports a batch of the stream that nobody could handle, 23 hours after it came; the function keeps there what it cannot read, which no part of the service writes.",
			Rights: slices.Concat(
				each([]string{"RelayRole"}, []string{"sqs:SendMessage"}, "RelayFailureQueue"),
				each([]string{"PublisherRole"}, []string{"sqs:SendMessage"}, "PublisherFailureQueue"),
			),
		},
		{
			Reason:      "EventBridge starts the sweeper every minute. The emulator's schedules ask nobody.",
			Rights:      each([]string{"SweeperFunctionEveryMinuteRole"}, []string{"lambda:InvokeFunction"}, "SweeperFunctionAliaslive"),
			Transformed: true,
		},
		{
			Reason: "Lambda writes the log in the name of the function. The emulator does so without asking IAM.",
			Rights: slices.Concat(
				logged("BookingRole", "BookingLogGroup"), logged("RelayRole", "RelayLogGroup"), logged("PaymentRole", "PaymentLogGroup"),
				logged("ProjectorRole", "ProjectorLogGroup"), logged("RebuildRole", "RebuildLogGroup"), logged("SweeperRole", "SweeperLogGroup"),
				logged("PublisherRole", "PublisherLogGroup"),
			),
		},
		{
			Reason: "Lambda sends the trace of an invocation to X-Ray, which knows no resources. The emulator traces nothing.",
			Rights: each(functions, []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, "*"),
		},
		{
			Reason: "DynamoDB, SQS, Secrets Manager and Lambda ask KMS in the name of their caller, and only where a stage has a key of its own.",
			Rights: each(functions, []string{
				"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo",
			}, "DataKey"),
			KeptData: true,
		},
	}
}

var functions = []string{"BookingRole", "PaymentRole", "ProjectorRole", "PublisherRole", "RebuildRole", "RelayRole", "SweeperRole"}

func polled(role, queue string) []Right {
	return each([]string{role}, []string{"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}, queue)
}

func logged(role, group string) []Right {
	return each([]string{role}, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, group)
}

func each(roles, actions []string, resource string) []Right {
	var all []Right
	for _, role := range roles {
		for _, action := range actions {
			all = append(all, Right{Role: role, Action: action, Resource: resource})
		}
	}
	return all
}
