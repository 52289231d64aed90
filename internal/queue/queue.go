// Package queue carries hints: messages that say where to look, never what is
// true. A consumer reads the stream that a hint names and acts on what it finds,
// so a hint may come twice, late, in any order or from a dead-letter queue.
package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// hintVersion is the format of hints; consumers refuse every other.
const hintVersion = 1

// Hint says that a stream has news.
type Hint struct {
	V int `json:"v"`
	// Stream has, or will have, an event with Version.
	Stream  events.StreamID `json:"stream"`
	Version int64           `json:"version"`
	// Reconcile asks for a look at what the provider has, even where nothing is due.
	Reconcile bool `json:"reconcile,omitzero"`
	// Traceparent is the W3C trace context of what wrote the event.
	Traceparent string `json:"traceparent,omitzero"`
}

// NewHint returns a hint of the present format.
func NewHint(stream events.StreamID, version int64, traceparent string) Hint {
	return Hint{V: hintVersion, Stream: stream, Version: version, Traceparent: traceparent}
}

// Encode returns the hint's JSON.
func (h Hint) Encode() ([]byte, error) { return json.Marshal(h) }

// AlarmFailed is the message about a message that goes back to its queue. A metric is made
// from it.
const AlarmFailed = "message failed"

// ErrMalformed is a message that is no hint of the present format. Repeating it
// cannot help: it belongs in the dead-letter queue.
var ErrMalformed = errors.New("malformed hint")

// Parse reads a hint strictly. Its errors repeat nothing of the body, which could
// be anything.
func Parse(body []byte) (Hint, error) {
	var h Hint
	if err := json.Unmarshal(body, &h, json.RejectUnknownMembers(true)); err != nil {
		return Hint{}, fmt.Errorf("%w: no JSON with the fields of a hint", ErrMalformed)
	}
	switch {
	case h.V != hintVersion:
		return Hint{}, fmt.Errorf("%w: version %d is not %d", ErrMalformed, h.V, hintVersion)
	case h.Stream == "" || h.Version < 1:
		return Hint{}, fmt.Errorf("%w: stream or version is missing", ErrMalformed)
	}
	return h, nil
}

// Sender puts hints on a queue. It is safe for concurrent use.
type Sender interface {
	// Send puts hints on the queue. It returns the indexes of those that may not
	// have got there, in ascending order, and why; sending them again is harmless.
	Send(ctx context.Context, hints []Hint) (failed []int, err error)
}

// Message is one delivery of a queue.
type Message struct {
	ID   string
	Body []byte
	// Receives is how often the message was received, this time included. Queues
	// count approximately: a delivery that nobody saw may be among them.
	Receives int
}

// Delivery is what a batch says of one stream: the newest hint, which asks to
// reconcile if any of them does.
type Delivery struct {
	Hint
	// Receives is that of the message that was received most often.
	Receives int
}

func (d Delivery) merge(m Message, h Hint) Delivery {
	reconcile := d.Reconcile || h.Reconcile
	if h.Version >= d.Version {
		d.Hint = h
	}
	d.Reconcile, d.Receives = reconcile, max(d.Receives, m.Receives)
	return d
}

// Failure is a message that must be delivered again, or end in the dead-letter
// queue.
type Failure struct {
	ID  string
	Err error
	// Hint is what the message says; zero for one that is malformed.
	Hint Hint
}

// Process hands what a batch says to handle, each stream once: a batch often
// names a stream several times, and one look is enough for all of them. At most
// parallel streams are handled at a time. A message that fails, or makes handle
// panic, does not hold up the others; what Process returns must be reported to
// the queue as failed.
func Process(ctx context.Context, batch []Message, parallel int, handle func(context.Context, Delivery) error) []Failure {
	var failures []Failure
	byStream := map[events.StreamID][]string{}
	deliveries := map[events.StreamID]Delivery{}
	for _, m := range batch {
		h, err := Parse(m.Body)
		if err != nil {
			failures = append(failures, Failure{ID: m.ID, Err: err})
			continue
		}
		byStream[h.Stream] = append(byStream[h.Stream], m.ID)
		deliveries[h.Stream] = deliveries[h.Stream].merge(m, h)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for stream, ids := range byStream {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := guarded(ctx, deliveries[stream], handle)
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				failures = append(failures, Failure{ID: id, Err: err, Hint: deliveries[stream].Hint})
			}
		})
	}
	wg.Wait()
	return failures
}

// guarded keeps a panic to the message that it came from: it would end the
// process, and the whole batch would be delivered again until it all ends up in
// the dead-letter queue.
func guarded(ctx context.Context, d Delivery, handle func(context.Context, Delivery) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handle(ctx, d)
}
