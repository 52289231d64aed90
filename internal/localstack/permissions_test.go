package localstack

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBatchStatements(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, policy, want string }{
		{
			"one action as a string",
			`{"Statement": [{"Sid": "S", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "q"}]}`,
			`[{"Effect": "Allow", "Action": ["sqs:SendMessageBatch"], "Resource": "q"}]`,
		},
		{
			"only what has a batch form, conditions kept",
			`{"Statement": [{"Effect": "Deny", "Action": ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ChangeMessageVisibility"],
				"Resource": ["q", "r"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`,
			`[{"Effect": "Deny", "Action": ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"],
				"Resource": ["q", "r"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]`,
		},
		{"nothing of SQS", `{"Statement": [{"Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": "t"}]}`, `null`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found, err := batchStatements(test.policy)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(found)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			for text, value := range map[string]*any{string(text): &got, test.want: &want} {
				if err := json.Unmarshal([]byte(text), value); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTailQuotesTheEnd(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	if err := writeAtomically(in.Log("x"), []byte("one\ntwo\n\n  three \r\n\n")); err != nil {
		t.Fatal(err)
	}
	if got := tail(in.Log("x"), 2); got != "two\n  three" {
		t.Errorf("got %q", got)
	}
}
