package rights_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/localstack/rights"
)

func TestRightsOfAPolicy(t *testing.T) {
	t.Parallel()
	name := func(arn string) string { return "the " + arn }
	got, err := rights.FromPolicy("R", `{"Statement": [
		{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": ["q", "r"]},
		{"Effect": "Deny", "Action": ["dynamodb:DeleteItem"], "Resource": "t"},
		{"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": "t",
			"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["one", "many/*"]}}}]}`, name)
	want := []rights.Right{
		{Role: "R", Action: "sqs:SendMessage", Resource: "the q"},
		{Role: "R", Action: "sqs:SendMessage", Resource: "the r"},
		{Role: "R", Action: "dynamodb:GetItem", Resource: "the t", Key: "one"},
		{Role: "R", Action: "dynamodb:GetItem", Resource: "the t", Key: "many/*"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	one, err := rights.FromPolicy("R", `{"Statement": {"Effect": "Allow", "Action": "a", "Resource": "*"}}`, func(arn string) string { return arn })
	if diff := cmp.Diff([]rights.Right{{Role: "R", Action: "a", Resource: "*"}}, one); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What is not understood is not taken for something else.
func TestPoliciesThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"no JSON":           `{`,
		"another condition": `{"Statement": [{"Effect": "Allow", "Action": "a", "Resource": "b", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}`,
		"another key":       `{"Statement": [{"Effect": "Allow", "Action": "a", "Resource": "b", "Condition": {"ForAllValues:StringLike": {"dynamodb:Attributes": ["x"]}}}]}`,
	} {
		if got, err := rights.FromPolicy("R", document, func(arn string) string { return arn }); err == nil {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// Each way in which rights and calls can disagree is found.
func TestCompare(t *testing.T) {
	t.Parallel()
	right := func(action, key string) rights.Right {
		return rights.Right{Role: "R", Action: action, Resource: "T", Key: key}
	}
	call := func(action string, keys ...string) rights.Call {
		return rights.Call{Role: "R", Action: action, Resource: "T", Keys: keys, Allowed: true}
	}
	refused := call("put")
	refused.Allowed = false
	tests := []struct {
		name    string
		granted []rights.Right
		calls   []rights.Call
		excused []rights.Right
		want    []string
	}{
		{"used", []rights.Right{right("get", "")}, []rights.Call{call("get", "a/1"), call("get")}, nil, nil},
		{"used with a key", []rights.Right{right("get", "a"), right("get", "b/*")}, []rights.Call{call("get", "a"), call("get", "b/1", "b/2")}, nil, nil},
		{"excused", []rights.Right{right("get", "")}, nil, []rights.Right{right("get", "")}, nil},
		{
			"a right too many",
			[]rights.Right{right("get", ""), right("delete", "")},
			[]rights.Call{call("get")},
			nil,
			[]string{"R: delete on T: nobody used it; take it away, or have it used"},
		},
		{
			"a key too many",
			[]rights.Right{right("get", "a"), right("get", "b/*")},
			[]rights.Call{call("get", "a")},
			nil,
			[]string{"R: get on T of b/*: nobody used it; take it away, or have it used"},
		},
		{
			"a right was asked for in vain",
			[]rights.Right{right("put", "")},
			[]rights.Call{refused},
			nil,
			[]string{"R: put on T: it was refused", "R: put on T: nobody used it; take it away, or have it used"},
		},
		{
			"used after all",
			[]rights.Right{right("get", "")},
			[]rights.Call{call("get")},
			[]rights.Right{right("get", "")},
			[]string{"R: get on T: it was used, and needs no excuse any more"},
		},
		{
			"gone",
			[]rights.Right{right("put", "")},
			[]rights.Call{call("put")},
			[]rights.Right{right("get", "")},
			[]string{"R: get on T: it is excused, and not granted"},
		},
		{"of a role that is not there", nil, nil, []rights.Right{right("get", "")}, nil},
		{
			"nobody checks",
			[]rights.Right{right("get", "a"), right("get", "b/*")},
			[]rights.Call{call("get", "a"), call("get", "b/1"), call("get", "a", "c")},
			nil,
			[]string{"R: get on T of a, c: it was allowed, and is not granted"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := rights.Compare(test.granted, test.calls, []rights.Exception{{Reason: "R.", Rights: test.excused}})
			if diff := cmp.Diff(test.want, got.Wrong); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(test.want) == 0 && got.Used+got.Excused != got.Granted {
				t.Errorf("got %+v", got)
			}
		})
	}
}
