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
const maxSteps = 4

// Process brings the payment of a booking as far as it can get now, and returns
// the booking as it is then. Without an error nothing is owed any more; with one,
// the same work should be tried again later.
func (p *Processor) Process(ctx context.Context, id booking.ID, trace events.Trace) (booking.Outcome, error) {
	b, err := p.Bookings.Load(ctx, id)
	if err != nil {
		return b, err
	}
	if !b.State.Exists() {
		return b, fmt.Errorf("pay for %s: %w", id, ErrNoBooking)
	}
	for range maxSteps {
		due := Due(b.State, p.now())
		if due == None {
			return b, nil
		}
		job := &job{Processor: p, trace: trace, booking: b}
		if b, err = job.carryOut(ctx, due); err != nil {
			return b, fmt.Errorf("%s for %s: %w", due, id, err)
		}
	}
	return b, fmt.Errorf("pay for %s: still %s after %d steps", id, Due(b.State, p.now()), maxSteps)
}

// job is one operation on one booking.
type job struct {
	*Processor
	trace   events.Trace
	booking booking.Outcome
}

func (j *job) carryOut(ctx context.Context, due Operation) (booking.Outcome, error) {
	switch due {
	case Authorize:
		return j.authorize(ctx)
	case Capture:
		return j.capture(ctx)
	case Void:
		return j.void(ctx)
	case Abandon:
		return j.abandon(ctx)
	default:
		return j.booking, fmt.Errorf("operation %q is not known", due)
	}
}

// payment is what the log knows of the payment.
func (j *job) payment() booking.Payment { return j.booking.State.Payment }

// fact names something that happened at the provider. The words are part of
// stored command ids.
type fact struct{ ref, operation, outcome string }

// record appends a fact. Its command id follows from the fact, so that a fact
// found twice is recorded once. The booking comes back as it is now: what is owed
// next must not be judged by how it was when another function recorded the fact.
func (j *job) record(ctx context.Context, f fact, c booking.Command) (booking.Outcome, error) {
	out, err := j.Bookings.ExecuteAt(ctx, j.booking.History, c, booking.Envelope{
		CommandID: booking.PaymentCommandID(f.ref, f.operation, f.outcome),
		Actor:     booking.ActorPayment, At: j.now(), Trace: j.trace,
	})
	if err != nil || !out.Replayed {
		return out, err
	}
	return j.Bookings.Load(ctx, out.State.ID)
}
