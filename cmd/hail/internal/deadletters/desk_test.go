package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/deadletters"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/sqsfake"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func id(n int) booking.ID {
	return booking.IDFor(booking.Caller{Subject: "dead"}, fmt.Sprint(n))
}

func hint(t *testing.T, n int) string {
	t.Helper()
	body, err := queue.NewHint(id(n).Stream(), 1, "").Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

type office struct {
	*sqsfake.Server
	deadletters.Desk
	deadletters.Queue
}

// newOffice has a queue with dead letters: three hints, of which the third is for no
// booking, and two messages that are none.
func newOffice(t *testing.T) office {
	t.Helper()
	server := sqsfake.New(t, noon)
	client := sqs.New(sqs.Options{
		BaseEndpoint: &server.URL, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1,
	})
	server.Put("dead", "m1", hint(t, 1), day)
	server.Put("dead", "m2", hint(t, 2), 30*day)
	server.Put("dead", "m3", hint(t, 3), time.Hour)
	server.Put("dead", "m4", "hello", time.Hour)
	server.Put("dead", "m5", `{"v":1,"stream":"driver/7","version":1}`, time.Hour)
	return office{
		server,
		deadletters.Desk{SQS: client, Exists: func(_ context.Context, b booking.ID) (bool, error) { return b != id(3), nil }},
		deadletters.Queue{Name: "payments", Source: server.Queue("source"), Dead: server.Queue("dead")},
	}
}

// walk returns the letters that a filter chooses, by id.
func (o office) walk(t *testing.T, f deadletters.Filter) map[string]deadletters.Letter {
	t.Helper()
	found := map[string]deadletters.Letter{}
	err := o.Walk(t.Context(), o.Queue, f, func(l deadletters.Letter) (bool, error) {
		found[l.ID] = l
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryLetterHasAReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Put("dead", "m6", `{"v":1,"stream":"payment/pi_1","version":1,"reconcile":true}`, time.Hour)
	found := o.walk(t, deadletters.Filter{})
	for id, want := range map[string]string{
		"m1": "nothing is wrong with it now", "m2": "nothing is wrong with it now", "m3": "there is no such booking",
		"m4": "malformed hint: no JSON", "m5": "unknown kind of stream", "m6": "the provider did not say",
	} {
		if got := found[id].Reason; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if l := found["m2"]; !l.SentAt.Equal(noon.Add(-30*day)) || l.Stream != id(2).Stream() || l.Receives != 1 || l.Queue != "payments" {
		t.Errorf("%+v", l)
	}
	if len(found) != 6 || o.Hidden("dead") != 0 || len(o.Messages("dead")) != 6 {
		t.Errorf("%d letters, %d hidden, %d left; want all six in sight again", len(found), o.Hidden("dead"), len(o.Messages("dead")))
	}
	if n, err := o.Count(t.Context(), o.Queue); n != 6 || err != nil {
		t.Errorf("counted %d (%v)", n, err)
	}
}

func TestAFilterChooses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for name, test := range map[string]struct {
		filter deadletters.Filter
		want   []string
	}{
		"all":         {deadletters.Filter{}, []string{"m1", "m2", "m3", "m4", "m5"}},
		"by id":       {deadletters.Filter{IDs: []string{"m4", "m1", "m9"}}, []string{"m1", "m4"}},
		"by booking":  {deadletters.Filter{Booking: id(2)}, []string{"m2"}},
		"by reason":   {deadletters.Filter{Reason: "no such booking"}, []string{"m3"}},
		"by age":      {deadletters.Filter{Before: noon.Add(-2 * time.Hour)}, []string{"m1", "m2"}},
		"all of them": {deadletters.Filter{IDs: []string{"m1", "m2"}, Before: noon.Add(-7 * day)}, []string{"m2"}},
	} {
		var got []string
		for id := range o.walk(t, test.filter) {
			got = append(got, id)
		}
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestARedriveMovesWhatItChose(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	err := o.Walk(t.Context(), o.Queue, deadletters.Filter{Booking: id(2)}, func(l deadletters.Letter) (bool, error) {
		return true, o.Redrive(t.Context(), o.Queue, l)
	})
	if err != nil {
		t.Fatal(err)
	}
	if sent := o.Messages("source"); len(sent) != 1 || sent[0].Body != hint(t, 2) {
		t.Errorf("sent %+v", sent)
	}
	if len(o.Messages("dead")) != 4 || o.Hidden("dead") != 0 {
		t.Errorf("%d left, %d of them hidden", len(o.Messages("dead")), o.Hidden("dead"))
	}
}

// A queue of many letters is walked whole, each once, even when those that were held
// come into sight again meanwhile.
func TestALongQueueIsWalkedWhole(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for n := range 45 {
		o.Put("dead", fmt.Sprint("n", n), hint(t, n+10), time.Hour)
	}
	times := map[string]int{}
	err := o.Walk(t.Context(), o.Queue, deadletters.Filter{}, func(l deadletters.Letter) (bool, error) {
		times[l.ID]++
		o.Pass(9 * time.Second)
		return false, nil
	})
	if err != nil || len(times) != 50 {
		t.Errorf("%d letters (%v), want 50", len(times), err)
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was shown %d times", id, n)
		}
	}
}

// What fails in the middle loses nothing: at worst a hint is sent twice.
func TestWhatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for operation, sent := range map[string]int{"ReceiveMessage": 0, "SendMessage": 0, "DeleteMessage": 1, "ChangeMessageVisibility": 5, "the log": 0} {
		o := newOffice(t)
		o.Fail = func(called string) string {
			if called == operation {
				return "InternalError"
			}
			return ""
		}
		if operation == "the log" {
			o.Exists = func(context.Context, booking.ID) (bool, error) { return false, away }
		}
		chosen := deadletters.Filter{}
		if operation == "ChangeMessageVisibility" {
			chosen.Reason = "nothing is wrong"
			sent = 2
		}
		err := o.Walk(t.Context(), o.Queue, chosen, func(l deadletters.Letter) (bool, error) {
			err := o.Redrive(t.Context(), o.Queue, l)
			return err == nil, err
		})
		if err == nil {
			t.Errorf("%s: no error", operation)
		}
		left := len(o.Messages("dead"))
		if got := len(o.Messages("source")); got != sent || left+got < 5 {
			t.Errorf("%s: %d sent, %d left; want %d sent and none lost", operation, got, left, sent)
		}
	}
	o := newOffice(t)
	o.Fail = func(string) string { return "InternalError" }
	if _, err := o.Count(t.Context(), o.Queue); err == nil {
		t.Error("a count that failed is no error")
	}
}
