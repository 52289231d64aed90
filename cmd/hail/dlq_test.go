package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// dead puts a hint for a booking among the dead letters.
func (o operated) dead(t *testing.T, of, message string, id booking.ID, age time.Duration) (body string) {
	t.Helper()
	text, err := queue.NewHint(id.Stream(), 1, "").Encode()
	if err != nil {
		t.Fatal(err)
	}
	o.Put(of+"-dead", message, string(text), age)
	return string(text)
}

func TestDeadLettersAreListedWithTheirReasons(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	if stdout := o.hail(t, exitOK, "dlq", "list"); stdout != "There are no such dead letters.\n" {
		t.Errorf("%q", stdout)
	}
	o.dead(t, "payments", "letter-1", o.books(t, "1"), 30*24*time.Hour)
	o.dead(t, "projection", "letter-2", booking.IDFor(booking.Caller{}, "nobody's"), time.Hour)
	o.Put("payments-dead", "letter-3", "hello", time.Minute)
	var got []struct{ ID, Queue, Stream, Reason string }
	if err := json.Unmarshal([]byte(o.hail(t, exitOK, "--json", "dlq", "list")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Queue != "payments" || got[2].ID != "letter-2" || got[2].Reason != "there is no such booking" || got[1].Stream != "" {
		t.Errorf("%+v", got)
	}
	stdout := o.hail(t, exitOK, "dlq", "list", "--queue", "payments", "--reason", "malformed")
	if !strings.Contains(stdout, "letter-3") || strings.Contains(stdout, "letter-1") || strings.Contains(stdout, "hello") {
		t.Errorf("%q; want the malformed one, without its body", stdout)
	}
	if stdout = o.hail(t, exitOK, "dlq", "list", "--older-than", "24h"); !strings.Contains(stdout, "letter-1") || strings.Contains(stdout, "letter-2") {
		t.Errorf("%q; want the one of last month", stdout)
	}
	if stdout = o.hail(t, exitOK, "dlq", "show", "letter-3"); !strings.Contains(stdout, "body      hello\n") {
		t.Errorf("%q; want the body", stdout)
	}
	if stdout = o.hail(t, exitOK, "--json", "dlq", "show", "letter-3"); !strings.Contains(stdout, `"body": "hello"`) {
		t.Errorf("%q; want the body", stdout)
	}
	o.hail(t, exitFailed, "dlq", "show", "letter-9")
}

// What the relay gave up is listed with what is wrong, and is only to be purged: it came from no
// queue. A stack without an event bus has nothing of a publisher's.
func TestRecordsThatTheRelayGaveUp(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	id := o.books(t, "1")
	o.Put("relay-dead", "record-1", `{"v":1,"reason":"it has no new image","operation":"INSERT","sequence_number":"7","keys":{"stream_id":"S:`+string(id.Stream())+`","version":"N:1"}}`, time.Hour)
	o.Put("relay-dead", "record-2", `{"requestContext":{},"DDBStreamBatchInfo":{}}`, time.Minute)
	var got []struct{ ID, Queue, Stream, Reason string }
	if err := json.Unmarshal([]byte(o.hail(t, exitOK, "--json", "dlq", "list", "--queue", "relay")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Stream != string(id.Stream()) || got[0].Reason != "record cannot be read: it has no new image" || !strings.HasPrefix(got[1].Reason, "a batch of the stream was given up") {
		t.Errorf("%+v", got)
	}
	if stdout := o.hail(t, exitDiffer, "status"); !strings.Contains(stdout, "2 dead letters of the relay queue") {
		t.Errorf("%s", stdout)
	}
	o.hail(t, exitOK, "dlq", "redrive", "--all", "--yes") // of the others, which have none
	o.hail(t, exitFailed, "dlq", "redrive", "--queue", "relay", "--all", "--yes")
	o.hail(t, exitFailed, "dlq", "list", "--queue", "publisher")
	if left := o.Messages("relay-dead"); len(left) != 2 || o.Hidden("relay-dead") != 0 {
		t.Errorf("%d are left, %d of them hidden", len(left), o.Hidden("relay-dead"))
	}
	o.hail(t, exitOK, "dlq", "purge", "--queue", "relay", "--all", "--yes")
	if left := o.Messages("relay-dead"); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}

func TestARedriveIsTriedDryFirst(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	body := o.dead(t, "payments", "letter-1", o.books(t, "1"), 30*24*time.Hour)
	o.Put("payments-dead", "letter-2", "hello", time.Minute)
	other := o.dead(t, "projection", "letter-3", o.books(t, "2"), time.Hour)
	if stdout := o.hail(t, exitOK, "dlq", "redrive", "--dry-run", "--reason", "nothing is wrong"); !strings.HasSuffix(stdout, "2 would be redriven; --yes does it.\n") {
		t.Errorf("%q", stdout)
	}
	if len(o.Messages("payments")) != 0 || len(o.Messages("payments-dead")) != 2 || o.Hidden("payments-dead") != 0 {
		t.Error("a dry run moved something")
	}
	if stdout := o.hail(t, exitOK, "dlq", "redrive", "--yes", "--reason", "nothing is wrong", "--rate", "1000"); stdout != "2 redriven.\n" {
		t.Errorf("%q", stdout)
	}
	for of, want := range map[string]string{"payments": body, "projection": other} {
		if sent := o.Messages(of); len(sent) != 1 || sent[0].Body != want {
			t.Errorf("%s: sent %+v, want %s", of, sent, want)
		}
	}
	var got struct {
		DryRun  bool                  `json:"dry_run"`
		Letters []struct{ ID string } `json:"letters"`
	}
	if err := json.Unmarshal([]byte(o.hail(t, exitOK, "--json", "dlq", "purge", "--yes", "--all")), &got); err != nil {
		t.Fatal(err)
	}
	if got.DryRun || len(got.Letters) != 1 || got.Letters[0].ID != "letter-2" || len(o.Messages("payments-dead")) != 0 {
		t.Errorf("%+v", got)
	}
	if stdout := o.hail(t, exitOK, "dlq", "redrive", "--yes", "letter-1"); stdout != "0 redriven.\n" {
		t.Errorf("%q", stdout)
	}
}

func TestDeadLettersTakenWrongly(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	for _, args := range [][]string{
		{"redrive", "--all"},
		{"redrive", "--dry-run"},
		{"redrive", "--dry-run", "--yes", "--all"},
		{"purge", "--yes"},
		{"purge", "--yes", "--all", "letter-1"},
		{"redrive", "--yes", "--all", "--rate", "0"},
		{"list", "--queue", "views"},
		{"show"},
	} {
		o.hail(t, exitUsage, append([]string{"dlq"}, args...)...)
	}
	o.Put("payments-dead", "letter-1", "hello", 0)
	o.Fail = func(operation string) string {
		if operation == "DeleteMessage" {
			return "AccessDenied"
		}
		return ""
	}
	if stdout := o.hail(t, exitFailed, "dlq", "purge", "--yes", "--all"); stdout != "0 deleted.\n" {
		t.Errorf("%q", stdout)
	}
}
