package sim

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// What template.yaml sets; its own test holds it to these.
const (
	visibility      = 180 * time.Second
	maxReceives     = 5
	consumerTimeout = 30 * time.Second
)

// Faults of queues, apart from those of every store.
const (
	refused    fault = "refused" // a part of a batch
	duplicated fault = "duplicated"
	delayed    fault = "delayed"
	overpulled fault = "overpulled" // received, but no function was free
	undeleted  fault = "undeleted"  // handled, but delivered again
	dropped    fault = "dropped"    // the relay takes a hint for sent that is not
)

func queuesPart() part {
	return part{
		faults:   odds{refused: 0.2, duplicated: 0.3, delayed: 0.3, overpulled: 0.1, undeleted: 0.2, dropped: 0.1},
		canaries: []Canary{partialFailuresDropped},
	}
}

// partialFailuresDropped has a function report that it handled a whole batch.
const partialFailuresDropped Canary = "partial failures of a batch are dropped"

// sqs is a standard queue with its dead-letter queue, and the event source that
// hands its messages to a function: at least once, in any order.
type sqs struct {
	*World
	function    string
	batch       int
	concurrency int
	environs    []*environment
	// handle is the function's work on what a batch says of one booking.
	handle func(context.Context, *environment, queue.Delivery, booking.ID) error
	// acknowledged is told of each message that is gone for good; nil for nobody.
	acknowledged func(*message)

	// hinted are the hints that were taken for sent.
	hinted map[hinted]bool

	messages []*message
	dead     []*message
	busy     int
	poller   *task

	// offFrom and offUntil are when somebody has switched the event source off.
	offFrom, offUntil time.Time
}

// hinted says what a hint was about.
type hinted struct {
	stream  events.StreamID
	version int64
}

type message struct {
	queue.Message
	visibleAt time.Time
	handled   bool // by an invocation whose batch it is in now
}

// queue makes a queue and the environments of the function that consumes it: so
// many at a time, with batches of so many messages.
func (w *World) queue(function string, batch, concurrency int) *sqs {
	q := &sqs{World: w, function: function, batch: batch, concurrency: concurrency, environs: w.environments(function, 2), hinted: map[hinted]bool{}}
	w.queues = append(w.queues, q)
	return q
}

func (q *sqs) open() {
	q.poller = q.sched.newTask(q.function+" poller", nil)
	q.sched.start(q.poller, q.poll)
}

func (q *sqs) put(body []byte, delay time.Duration) {
	q.oracle.keepsSecret("a message", body)
	q.sent++
	q.messages = append(q.messages, &message{
		Message:   queue.Message{ID: q.function + "-m" + strconv.Itoa(q.sent), Body: body},
		visibleAt: time.Now().Add(delay),
	})
	q.wake(q.poller)
}

// empty tells whether nothing is left, dead letters included.
func (q *sqs) empty() bool { return len(q.messages) == 0 && len(q.dead) == 0 }

func (q *sqs) String() string {
	return fmt.Sprintf("%s %d and %d dead", q.function, len(q.messages), len(q.dead))
}

// redrive brings the dead letters back, as an operator does.
func (q *sqs) redrive() {
	for _, m := range q.dead {
		q.reach(deadLetterCameBack)
		m.Receives = 0
		q.messages = append(q.messages, m)
	}
	q.dead = nil
	q.wake(q.poller)
}

// poll hands messages over for as long as the world lasts.
func (q *sqs) poll(t *task) {
	for {
		if now := time.Now(); !now.Before(q.offFrom) && now.Before(q.offUntil) {
			q.sched.park(t, q.offUntil)
			continue
		}
		visible, next := q.visible()
		if len(visible) == 0 || q.busy >= q.concurrency {
			if q.busy >= q.concurrency {
				next = never // an invocation's end wakes the poller
			}
			q.sched.park(t, next)
			continue
		}
		batch := q.receive(visible)
		if len(batch) > 0 && !q.strikes(overpulled, q.function) {
			q.run(batch)
		}
		q.sched.park(t, time.Now().Add(time.Duration(q.src.pick("poll", 20))*10*time.Millisecond))
	}
}

func (q *sqs) visible() (now []*message, next time.Time) {
	next = never
	for _, m := range q.messages {
		if !m.visibleAt.After(time.Now()) {
			now = append(now, m)
		} else if m.visibleAt.Before(next) {
			next = m.visibleAt
		}
	}
	return now, next
}

// receive takes some of what is visible, in no particular order, and moves what
// was received too often to the dead letters.
func (q *sqs) receive(visible []*message) []*message {
	var batch []*message
	for n := 1 + q.src.pick("batch of "+q.function, min(q.batch, len(visible))); n > 0; n-- {
		i := q.src.pick("receive by "+q.function, len(visible))
		m := visible[i]
		visible = slices.Delete(visible, i, i+1)
		if m.Receives == maxReceives {
			q.reach(messageWentDead)
			q.tell("", "%s goes to the dead letters of %s: %s", m.ID, q.function, m.Body)
			q.remove(m)
			q.dead = append(q.dead, m)
			continue
		}
		if m.Receives > 0 {
			q.reach(messageCameAgain)
		}
		m.Receives++
		m.visibleAt = time.Now().Add(visibility)
		batch = append(batch, m)
	}
	return batch
}

func (q *sqs) remove(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
}

// run invokes the function with a batch, and deletes what it handled.
func (q *sqs) run(batch []*message) {
	q.busy++
	for _, m := range batch {
		m.handled = false
	}
	env := q.environs[q.src.pick("environment of "+q.function, len(q.environs))]
	q.invoke(env, consumerTimeout, func(ctx context.Context, inv *invocation) {
		failed := map[string]bool{}
		for _, f := range q.process(ctx, inv, batch) {
			failed[f.ID] = true
		}
		for _, m := range batch {
			m.handled = !inv.dead && (!failed[m.ID] || q.canary == partialFailuresDropped)
		}
	}, func(alive bool) {
		q.busy--
		for _, m := range batch {
			q.settle(m, alive)
		}
		q.wake(q.poller)
	})
}

func (q *sqs) settle(m *message, alive bool) {
	switch {
	case !alive || !m.handled:
		q.reach(messageFailed)
	case q.strikes(undeleted, q.function):
		m.visibleAt = time.Now()
	default:
		if m.visibleAt.Before(time.Now()) {
			q.reach(visibilityExpired)
		}
		q.progressed()
		q.remove(m)
		if q.acknowledged != nil {
			q.acknowledged(m)
		}
	}
}

// process is the function itself. Streams of one batch are handled side by side,
// each as a task whose place in the order is known before it starts.
func (q *sqs) process(ctx context.Context, inv *invocation, batch []*message) []queue.Failure {
	var bodies []queue.Message
	children := map[events.StreamID]*task{}
	for _, m := range batch {
		bodies = append(bodies, m.Message)
		if h, err := queue.Parse(m.Body); err == nil && children[h.Stream] == nil {
			children[h.Stream] = q.sched.newTask(taskOf(ctx).name+"/"+strconv.Itoa(len(children)+1), inv)
		}
	}
	return queue.Process(ctx, bodies, q.batch, func(ctx context.Context, h queue.Delivery) error {
		t := children[h.Stream]
		q.sched.park(t, time.Now())
		id, ok := booking.IDOf(h.Stream)
		if _, alone := payments.RefOf(h.Stream); !ok && (!alone || q != q.owed) {
			return queue.ErrMalformed
		}
		err := q.handle(withTask(ctx, t), inv.environment, h, id)
		if err != nil {
			q.tell(string(h.Stream), "%s fails on the hint %s@%d: %v", t.name, h.Stream, h.Version, err)
		}
		return err
	})
}

// sender is a queue as a function sees it that sends to it.
type sender struct{ *sqs }

var _ queue.Sender = sender{}

// Send implements queue.Sender.
func (s sender) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	t := taskOf(ctx)
	if t.inv.function == s.function {
		s.fail("no function sends to the queue it consumes", "", "%s does", t.name) // Lambda ends such chains
	}
	s.travel(t)
	fate := s.fate("send to "+s.function, refused, lostBefore, lostAfter)
	if fate == lostBefore || ctx.Err() != nil {
		return nil, fmt.Errorf("send: %w", errInjected)
	}
	var lost []int
	for i, h := range hints {
		if fate == refused && s.src.pick("refused by "+s.function, 2) == 1 {
			s.tell(string(h.Stream), "%s refuses the hint %s@%d", s.function, h.Stream, h.Version)
			lost = append(lost, i)
			continue
		}
		s.counts("hint for " + s.function + " by " + t.inv.function)
		s.hinted[hinted{h.Stream, h.Version}] = true
		if t.inv.function == "relay" && s.strikes(dropped, s.function) {
			s.tell(string(h.Stream), "the hint %s@%d for %s is lost", h.Stream, h.Version, s.function)
			s.lost = append(s.lost, h.Stream)
			continue
		}
		if err := s.accept(h); err != nil {
			return []int{i}, err
		}
	}
	s.travel(t)
	if fate == lostAfter || len(lost) > 0 {
		s.reach(sendFailedInPart)
		return lost, fmt.Errorf("send: %w", errInjected)
	}
	return nil, nil
}

func (s sender) accept(h queue.Hint) error {
	body, err := h.Encode()
	if err != nil {
		return err
	}
	for copies := 1; copies > 0; copies-- {
		var delay time.Duration
		if s.strikes(delayed, s.function) {
			delay = time.Duration(1+s.src.pick("delay", 900)) * time.Second
		}
		s.put(body, delay)
		if s.strikes(duplicated, s.function) {
			s.reach(messageWasDuplicated)
			copies++
		}
	}
	return nil
}
