package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Processor carries out what bookings owe. It is safe for concurrent use, also by
// several processors on the same booking: at worst they do the same thing twice
// under the same idempotency key.
type Processor struct {
	Bookings *booking.Service
	Gateway  Gateway
	// Now is the wall clock.
	Now func() time.Time
	// NewKey returns a fresh idempotency key for the creation of an object.
	NewKey func() string
	// Log is told of what must wake somebody, see alarm.go.
	Log booking.Logger
}

// now is the instant that a fact is recorded at, as precisely as it is stored.
func (p *Processor) now() time.Time { return p.Now().UTC().Truncate(time.Millisecond) }

// ErrNoBooking is work for a booking that does not exist: a bug or a forged
// message.
var ErrNoBooking = errors.New("there is no such booking")

// ErrUndecided means that the provider has not decided yet: look again later.
var ErrUndecided = errors.New("the provider has not decided yet")

// maxSteps bounds the operations of one call of Process. No booking owes more in
// a row; more is a bug, and must not become an endless loop of payment calls.
const maxSteps = 12

// Process brings the payment of a booking as far as it can get now, and returns
// the booking as it is then. Without an error nothing is owed any more; with one,
// other than ErrNoBooking, the same work should be tried again later.
func (p *Processor) Process(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error) {
	b, err := p.load(ctx, id)
	if err != nil {
		return b, err
	}
	return p.pursue(ctx, b, trace)
}

// Reconcile is Process for a booking whose payment may have moved at the provider
// without this service: it looks, whatever is owed, and records what it finds.
func (p *Processor) Reconcile(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error) {
	b, err := p.load(ctx, id)
	if err != nil {
		return b, err
	}
	if b, err = p.reconcile(ctx, b, trace); err != nil {
		return b, err
	}
	return p.pursue(ctx, b, trace)
}

func (p *Processor) load(ctx context.Context, id booking.ID) (booking.Outcome, error) {
	b, err := p.Bookings.Load(ctx, id)
	if err == nil && !b.State.Exists() {
		err = fmt.Errorf("pay for %s: %w", id, ErrNoBooking)
	}
	return b, err
}

// pursue carries out one operation after the other, each judged anew by what the
// one before has recorded.
func (p *Processor) pursue(ctx context.Context, b booking.Outcome, trace events.Trace) (booking.Outcome, error) {
	for range maxSteps {
		due := Due(b.State, p.now())
		if due == None {
			return b, nil
		}
		j := &job{Processor: p, trace: trace, booking: b}
		err := j.carryOut(ctx, due)
		if err != nil {
			j.alarm(ctx, err)
			return j.booking, fmt.Errorf("%s for %s: %w", due, b.State.ID, err)
		}
		if b = j.booking; !j.overtaken {
			continue
		}
		if b, err = p.reconcile(ctx, b, trace); err != nil {
			return b, err
		}
	}
	return b, fmt.Errorf("pay for %s: still %s after %d steps", b.State.ID, Due(b.State, p.now()), maxSteps)
}

// job is one operation on one booking.
type job struct {
	*Processor
	trace events.Trace
	// booking is how it is after what was recorded last.
	booking booking.Outcome
	// overtaken tells that another function recorded something first, so that a fact of
	// this job was not appended. The provider's answer may be newer all the same.
	overtaken bool
}

func (j *job) version() int64 { return j.booking.State.Version }

// payment is what the log knows of the payment.
func (j *job) payment() booking.Payment { return j.booking.State.Payment }

// fact names something that happened at the provider: at which object, in which
// operation, and what. The words are part of stored command ids, and tell a fact
// that may happen again from the time before.
type fact struct{ ref, operation, outcome string }

// record appends a fact. Its command id follows from the fact, so that a fact
// found twice is recorded once. The booking is as it is now: what is owed next must
// not be judged by how it was when another function recorded the fact.
func (j *job) record(ctx context.Context, f fact, c booking.Command) error {
	id := booking.PaymentCommandID(f.ref, f.operation, f.outcome)
	before := j.version()
	out, err := j.Bookings.ExecuteAt(ctx, j.booking.History, c, booking.Envelope{
		CommandID: id, Actor: booking.ActorPayment, At: j.now(), Trace: j.booking.History.Continue(j.trace),
	})
	_, recorded := out.History.Command(id)
	switch {
	case err != nil:
		return err
	case out.Replayed:
		if out, err = j.Bookings.Load(ctx, out.State.ID); err != nil {
			return err
		}
		j.overtaken = true
	case recorded:
		j.tell(ctx, out, id)
	case out.State.Version != before:
		j.overtaken = true
	}
	j.booking = out
	return nil
}
