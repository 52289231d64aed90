package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/resilience"
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
		if Due(b.State) == None {
			return b, nil
		}
		job := job{Processor: p, trace: trace, booking: b}
		if b, err = job.authorize(ctx); err != nil {
			return b, fmt.Errorf("authorize %s: %w", id, err)
		}
	}
	return b, fmt.Errorf("pay for %s: still %s after %d steps", id, Due(b.State), maxSteps)
}

// job is one operation on one booking.
type job struct {
	*Processor
	trace   events.Trace
	booking booking.Outcome
}

// authorize takes the payment from wherever it stands to held or declined.
func (j *job) authorize(ctx context.Context) (booking.Outcome, error) {
	if j.booking.State.Payment.Ref == "" {
		return j.start(ctx)
	}
	payment, err := j.Gateway.Retrieve(ctx, j.booking.State.Payment.Ref)
	if err != nil {
		return j.booking, err
	}
	if payment.Status == StatusUnconfirmed && payment.DeclineCode == "" {
		return j.confirm(ctx)
	}
	return j.settle(ctx, payment)
}

// start makes an object that holds nothing and has the log name it. Of two that
// do so at once, the log names one; the other's object is canceled.
func (j *job) start(ctx context.Context) (booking.Outcome, error) {
	s := j.booking.State
	payment, err := j.Gateway.Create(ctx, Order{
		BookingID: string(s.ID), Amount: s.Hold.Amount, Currency: s.Hold.Currency, Method: s.Trip.PaymentMethod,
	}, j.NewKey())
	if resilience.ClassOf(err) == resilience.Declined {
		return j.record(ctx, fact{"", "create", "declined"}, booking.RecordDecline{At: j.now(), Code: declineCode(err)})
	}
	if err != nil {
		return j.booking, err
	}
	b, err := j.record(ctx, fact{payment.Ref, "create", "started"}, booking.RecordPaymentStarted{At: j.now(), Ref: payment.Ref})
	if err != nil {
		return b, err // the object stays behind; it holds nothing and lapses
	}
	if b.State.Payment.Ref != payment.Ref {
		_, err := j.Gateway.Cancel(ctx, payment.Ref, key(payment.Ref, "cancel", 0))
		return b, err
	}
	j.booking = b
	return j.confirm(ctx)
}

// confirm asks for the hold. It is only ever called for the object that the log
// names, and when that object was not confirmed a moment ago.
func (j *job) confirm(ctx context.Context) (booking.Outcome, error) {
	pay := j.booking.State.Payment
	payment, err := j.Gateway.Confirm(ctx, pay.Ref, key(pay.Ref, "confirm", pay.Group))
	if err != nil {
		// Declined or open: either way the object says what is true now.
		if payment, err = j.Gateway.Retrieve(ctx, pay.Ref); err != nil {
			return j.booking, err
		}
	}
	return j.settle(ctx, payment)
}

// settle records what the provider's object says.
func (j *job) settle(ctx context.Context, payment Payment) (booking.Outcome, error) {
	switch {
	case payment.Status == StatusAuthorized:
		return j.record(ctx, fact{payment.Ref, "confirm", "authorized"}, booking.RecordAuthorization{
			At: j.now(), Ref: payment.Ref, CaptureBefore: payment.CaptureBefore,
			Amount: booking.Money{Amount: payment.Authorized, Currency: payment.Currency},
		})
	case payment.Status == StatusUnconfirmed && payment.DeclineCode != "":
		// Canceled before the decline is recorded, so that no attempt still on
		// its way can hold money for a booking that is over.
		if _, err := j.Gateway.Cancel(ctx, payment.Ref, key(payment.Ref, "cancel", 0)); err != nil {
			return j.booking, err
		}
		return j.decline(ctx, payment.Ref, payment.DeclineCode)
	case payment.Status == StatusCanceled:
		return j.decline(ctx, payment.Ref, cmp.Or(payment.DeclineCode, "canceled"))
	default:
		return j.booking, fmt.Errorf("%s is %s: %w", payment.Ref, payment.Status, ErrUndecided)
	}
}

func (j *job) decline(ctx context.Context, ref, code string) (booking.Outcome, error) {
	return j.record(ctx, fact{ref, "confirm", "declined"}, booking.RecordDecline{At: j.now(), Ref: ref, Code: code})
}

// fact names something that happened at the provider. The words are part of
// stored command ids.
type fact struct{ ref, operation, outcome string }

// record appends a fact. Its command id follows from the fact, so that a fact
// found twice is recorded once.
func (j *job) record(ctx context.Context, f fact, c booking.Command) (booking.Outcome, error) {
	return j.Bookings.ExecuteAt(ctx, j.booking.History, c, booking.Envelope{
		CommandID: booking.PaymentCommandID(f.ref, f.operation, f.outcome),
		Actor:     booking.ActorPayment, At: j.now(), Trace: j.trace,
	})
}

func declineCode(err error) string {
	var declined *Error
	if errors.As(err, &declined) {
		return declined.Code
	}
	return "declined"
}

// key derives the idempotency key of an operation on an object.
func key(ref, operation string, group int) string {
	return ref + "/" + operation + "/" + strconv.Itoa(group)
}
