package deadletters

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// Letter is a message in a dead-letter queue.
type Letter struct {
	ID       string    `json:"id"`
	Queue    string    `json:"queue"`
	SentAt   time.Time `json:"sent_at"`
	Receives int       `json:"receives"`
	// Stream and Reconcile are those of the hint, if it is one.
	Stream    events.StreamID `json:"stream,omitempty"`
	Reconcile bool            `json:"reconcile,omitempty"`
	// Reason says what is wrong with the message, judged now.
	Reason string `json:"reason"`
	Body   string `json:"-"`

	receipt string
}

// What the reason of a letter can be, apart from what queue.Parse says.
const (
	noBookingStream = "unknown kind of stream"
	notTold         = "the provider did not say in time which booking its notice is about"
	noBooking       = "there is no such booking"
	walkGoesOn      = "its walk gets another message by itself, unless it is over"
	givenUp         = "a batch of the stream was given up after a day: the message says which"
	notKnown        = "nothing is wrong with it now: the function's log has its id"
)

// read judges a message as its consumer does.
func (d Desk) read(ctx context.Context, q Queue, m types.Message) (Letter, error) {
	l := Letter{
		ID: aws.ToString(m.MessageId), Queue: q.Name, Body: aws.ToString(m.Body), receipt: aws.ToString(m.ReceiptHandle),
		SentAt: sentAt(m), Receives: number(m, types.MessageSystemAttributeNameApproximateReceiveCount),
	}
	var err error
	switch q.Name {
	case Rebuild:
		l.Reason = judgeTask(l.Body)
		return l, nil
	case Relay, Publisher:
		l.judgeRecord()
		return l, nil
	}
	l.Reason, err = d.judge(ctx, &l)
	return l, err
}

// The queues whose messages are no hints: tasks of walks, and what was given up of the log's
// stream.
const (
	Rebuild   = "rebuild"
	Relay     = "relay"
	Publisher = "publisher"
)

// judgeRecord says what was given up: a record that cannot be read, or, by Lambda, a batch of
// them that was a day old.
func (l *Letter) judgeRecord() {
	u, ok := relay.ParseUnreadable([]byte(l.Body))
	if !ok {
		l.Reason = givenUp
		return
	}
	l.Reason = relay.AlarmUnreadable + ": " + u.Reason
	if stream, ok := strings.CutPrefix(u.Keys["stream_id"], "S:"); ok {
		l.Stream = events.StreamID(stream)
	}
}

func judgeTask(body string) string {
	if _, err := rebuild.ParseTask([]byte(body)); err != nil {
		return err.Error()
	}
	return walkGoesOn
}

// judge returns what is wrong with a letter, and notes what it asks for.
func (d Desk) judge(ctx context.Context, l *Letter) (string, error) {
	h, malformed := queue.Parse([]byte(l.Body))
	if malformed != nil {
		return malformed.Error(), nil //nolint:nilerr // it is what was asked for
	}
	l.Stream, l.Reconcile = h.Stream, h.Reconcile
	if _, ok := payments.RefOf(h.Stream); ok {
		return notTold, nil
	}
	id, ok := booking.IDOf(h.Stream)
	if !ok {
		return noBookingStream, nil
	}
	exists, err := d.Exists(ctx, id)
	if err == nil && !exists {
		return noBooking, nil
	}
	return notKnown, err
}

func sentAt(m types.Message) time.Time {
	return time.UnixMilli(int64(number(m, types.MessageSystemAttributeNameSentTimestamp))).UTC()
}

// number reads an attribute that SQS always gives; 0 for one that it did not.
func number(m types.Message, name types.MessageSystemAttributeName) int {
	n, _ := strconv.Atoi(m.Attributes[string(name)])
	return n
}

// Filter chooses letters: those that meet every condition that is set.
type Filter struct {
	IDs     []string
	Booking booking.ID
	// Reason is a part of the reason.
	Reason string
	// Before is when the letter was sent at the latest.
	Before time.Time
}

// Matches tells whether the filter chooses the letter.
func (f Filter) Matches(l Letter) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, l.ID)) &&
		(f.Booking == "" || l.Stream == f.Booking.Stream()) &&
		strings.Contains(l.Reason, f.Reason) &&
		(f.Before.IsZero() || l.SentAt.Before(f.Before))
}
