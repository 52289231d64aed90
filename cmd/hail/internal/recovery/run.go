package recovery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/paysim"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// Stack is the stack to check, seen from outside and from within.
type Stack struct {
	Rider, Dispatch api.Client
	// Bookings writes into the log.
	Bookings *booking.Service
	// Views are those of a projection.
	Views    func(projection int) readmodel.Ledger
	Control  control.Store
	Deferred deferral.Store
	Walks    rebuild.Queue
	// Sweep has the sweeper run, and returns when it has.
	Sweep func(context.Context) error
	// Faults replaces the faults of the payment provider.
	Faults func(context.Context, paysim.Plan) error
	// CancelByHand cancels a payment at the provider without the service being asked.
	CancelByHand func(ctx context.Context, ref string) error
	// Patience is how long anything may take that is waited for.
	Patience time.Duration
}

// Run checks the stack, and adds to the report and, as each check ends, to out.
func Run(ctx context.Context, stack Stack, report *smoke.Report, out io.Writer) {
	s := &session{Stack: stack, ctx: ctx, key: rand.Text()}
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"a hold that is canceled at the provider by hand ends the booking", s.losesItsHold},
		{"a payment that the provider cannot make waits", s.waits},
		{"a ride that its driver forgot three hours ago expires, and the driver is free", s.isForgotten},
		{"an audit finds the one view that was spoiled, and mends it", s.isAudited},
		{"the provider well again, the payment that waited is made", s.isBroughtBack},
		{"what waits for nothing any more is let go", s.isLetGo},
		{"all views are made anew from the log, and the old ones dropped", s.isRebuilt},
	} {
		report.Check(ctx, out, c.name, c.do)
	}
}

type session struct {
	Stack
	ctx context.Context //nolint:containedctx // lives as long as one call of Run
	key string

	lost, owing booking.ID
}

// books has the rider book, and waits until the fare is held.
func (s *session) books(key string) (booking.ID, error) {
	response, err := s.Rider.Do(s.ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: s.key + key, Body: api.SampleRequest()})
	if err != nil {
		return "", err
	}
	var b api.Booking
	if err := errors.Join(response.Err(http.StatusCreated), response.Decode(&b)); err != nil {
		return "", err
	}
	id := booking.ID(b.ID)
	return id, s.becomes(id, booking.Confirmed, booking.PaymentIsAuthorized)
}

// becomes waits until the log has the booking, and the view shows it, as wanted.
func (s *session) becomes(id booking.ID, status booking.Status, payment booking.PaymentStatus) error {
	return s.eventually(func() error {
		b, err := s.Bookings.Load(s.ctx, id)
		if err != nil {
			return err
		}
		if b.State.Status != status || b.State.Payment.Status != payment {
			return fmt.Errorf("%s is %s, its payment %s; want %s and %s", id, b.State.Status, b.State.Payment.Status, status, payment)
		}
		return s.isShown(b.State)
	})
}

// isShown tells whether the view is what the log says.
func (s *session) isShown(want booking.State) error {
	stored, err := s.view(want.ID)
	if err != nil {
		return err
	}
	record, err := readmodel.RecordOf(readmodel.ViewOf(want))
	if err != nil {
		return err
	}
	if stored.Digest() != record.Digest() {
		return fmt.Errorf("the view of %s has version %d and is not the fold of the log at %d", want.ID, stored.Version, want.Version)
	}
	return nil
}

// view reads the view that is served. There is none if its version is 0.
func (s *session) view(id booking.ID) (readmodel.Record, error) {
	state, _, err := rebuild.ReadState(s.ctx, s.Control)
	if err != nil {
		return readmodel.Record{}, err
	}
	stored, err := s.Views(state.Active).Records(s.ctx, []booking.ID{id})
	return stored[id], err
}

// does gives commands to a booking as of an instant.
func (s *session) does(id booking.ID, at time.Time, commands ...booking.Command) error {
	for _, c := range commands {
		_, err := s.Bookings.Execute(s.ctx, id, c, booking.Envelope{
			CommandID: fmt.Sprintf("rq_%s_%T", s.key, c), Actor: booking.ActorDispatch, At: at,
		})
		if err != nil {
			return fmt.Errorf("%T: %w", c, err)
		}
	}
	return nil
}

// eventually repeats try until it succeeds or patience ends; it returns the last error.
func (s *session) eventually(try func() error) error {
	return smoke.Eventually(s.ctx, s.Patience, 50*time.Millisecond, try)
}
