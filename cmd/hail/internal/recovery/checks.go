package recovery

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/paysim"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

const (
	// forgotten is how long ago a driver was assigned: longer than may pass until the driver arrives.
	forgotten = 3 * time.Hour
	// stale is how long ago a ride ended: longer than an audit waits before it looks what a booking owes.
	stale = 2 * time.Hour
)

var errNothing = errors.New("there is no booking to look at")

// losesItsHold cancels a payment at the provider while a driver is on the way. The webhook tells of it.
func (s *session) losesItsHold() error {
	id, err := s.books("lost")
	if err != nil {
		return err
	}
	response, err := s.Dispatch.Do(s.ctx, api.Request{
		Method: http.MethodPost, Path: "/v1/bookings/" + string(id) + "/assign", Key: s.key + "assign", Body: map[string]string{"driver_id": s.driver()},
	})
	if err != nil {
		return err
	}
	b, err := s.Bookings.Load(s.ctx, id)
	if err := errors.Join(response.Err(http.StatusOK), err); err != nil {
		return err
	}
	if err := s.CancelByHand(s.ctx, b.State.Payment.Ref); err != nil {
		return err
	}
	s.lost = id
	return errors.Join(s.becomes(id, booking.Canceled, booking.PaymentHasFailed), s.isFree())
}

func (s *session) driver() string { return "recovery-" + strings.ToLower(s.key) }

func (s *session) isFree() error {
	holder, held, err := s.Bookings.Store.Holder(s.ctx, booking.DriverLease(s.driver()))
	if err == nil && held {
		err = fmt.Errorf("the driver is held by %s", holder)
	}
	return err
}

// waits ends a ride while the provider captures nothing.
func (s *session) waits() error {
	id, err := s.books("owing")
	if err != nil {
		return err
	}
	if err := s.Faults(s.ctx, paysim.Plan{Rules: []paysim.Rule{{Op: paysim.OpCapture, Kind: paysim.KindReset}}}); err != nil {
		return err
	}
	at := time.Now().Add(-stale).UTC().Truncate(time.Millisecond)
	if err := s.does(id, at,
		booking.Assign{At: at, DriverID: s.driver() + "-2"}, booking.Arrive{At: at}, booking.Start{At: at},
		booking.Complete{At: at, DistanceM: 3000, DurationS: 600},
	); err != nil {
		return err
	}
	s.owing = id
	if err := s.becomes(id, booking.Completed, booking.PaymentIsAuthorized); err != nil {
		return err
	}
	return s.eventually(func() error {
		_, ok, err := s.item()
		if err == nil && !ok {
			err = errors.New("the payment function has put nothing off")
		}
		return err
	})
}

// item returns the note about the payment that waits, if there is one.
func (s *session) item() (deferral.Item, bool, error) {
	items, err := s.Deferred.Due(s.ctx, deferral.ShardOf(s.owing), time.Now().Add(time.Hour), deferral.Place{}, 100)
	for _, item := range items {
		if item.Booking == s.owing {
			return item, true, err
		}
	}
	return deferral.Item{}, false, err
}

// isForgotten has the sweeper run over a ride that is overdue, and over a view that is wrong about its deadline.
func (s *session) isForgotten() error {
	id, err := s.books("forgotten")
	if err != nil {
		return err
	}
	at := time.Now().Add(-forgotten).UTC().Truncate(time.Millisecond)
	if err := s.does(id, at, booking.Assign{At: at, DriverID: s.driver()}); err != nil {
		return err
	}
	if err := errors.Join(s.becomes(id, booking.HasDriver, booking.PaymentIsAuthorized), s.spoil()); err != nil {
		return err
	}
	if err := s.eventually(s.askForAudit); err != nil {
		return err
	}
	if err := s.Sweep(s.ctx); err != nil {
		return err
	}
	return errors.Join(s.becomes(id, booking.Expired, booking.PaymentIsVoided), s.isFree())
}

// spoil has the view of the booking that lost its hold tell of a deadline that has passed.
func (s *session) spoil() error {
	if s.lost == "" {
		return errNothing
	}
	b, err := s.Bookings.Load(s.ctx, s.lost)
	if err != nil {
		return err
	}
	seen, err := s.view(s.lost)
	if err != nil {
		return err
	}
	b.State.UpdatedAt = b.State.UpdatedAt.Add(-forgotten)
	replaced, err := s.Views(readmodel.FirstProjection).Replace(s.ctx, readmodel.ViewOf(b.State), &seen)
	if err == nil && !replaced {
		err = errors.New("the view was written to meanwhile")
	}
	return err
}

// askForAudit fails while another is under way: the sweeper's own, of every day.
func (s *session) askForAudit() error {
	return rebuild.StartAudit(s.ctx, s.Control, time.Now().UTC(), rebuild.Plan{Segments: 2}, true)
}

func (s *session) isAudited() error {
	var audit *rebuild.Audit
	if err := s.eventually(func() error {
		state, _, err := rebuild.ReadState(s.ctx, s.Control)
		if audit = state.Audit; err == nil && (audit == nil || audit.Phase != rebuild.Done) {
			err = errors.New("the audit does not end")
		}
		return err
	}); err != nil {
		return err
	}
	if c := audit.Counts; c.Differences != 1 || c.Mended != 1 || audit.Findings[0].Booking != s.lost {
		return fmt.Errorf("it found %d differences and mended %d: %+v", c.Differences, c.Mended, audit.Findings)
	}
	b, err := s.Bookings.Load(s.ctx, s.lost)
	return errors.Join(err, s.isShown(b.State))
}

// isBroughtBack does not wait for the instant at which the payment is to be tried again.
func (s *session) isBroughtBack() error {
	if s.owing == "" {
		return errNothing
	}
	if err := s.Faults(s.ctx, paysim.Plan{Rules: []paysim.Rule{}}); err != nil {
		return err
	}
	if err := errors.Join(s.hasten(), s.Sweep(s.ctx)); err != nil {
		return err
	}
	return s.becomes(s.owing, booking.Completed, booking.PaymentIsCaptured)
}

// isLetGo has the sweeper look at the note once more.
func (s *session) isLetGo() error {
	if s.owing == "" {
		return errNothing
	}
	if err := errors.Join(s.hasten(), s.Sweep(s.ctx)); err != nil {
		return err
	}
	item, ok, err := s.item()
	if err == nil && ok {
		err = fmt.Errorf("it still waits: %+v", item)
	}
	return err
}

// hasten makes the note due now.
func (s *session) hasten() error {
	return s.eventually(func() error {
		item, ok, err := s.item()
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("the note is gone")
		}
		_, err = s.Deferred.Advance(s.ctx, item, item.Operation, time.Now().UTC().Truncate(time.Millisecond))
		return err
	})
}

// isRebuilt leads a rebuild as the sweeper does, except that it does not wait for environments that cannot know of it yet: none
// has anything to do.
func (s *session) isRebuilt() error {
	if err := rebuild.Start(s.ctx, s.Control, time.Now().UTC(), rebuild.Plan{Segments: 2}, false); err != nil {
		return err
	}
	director := &rebuild.Director{Control: s.Control, Tasks: s.Walks, Now: time.Now}
	var made *rebuild.Rebuild
	if err := s.eventually(func() error {
		if _, err := director.Run(s.ctx); err != nil {
			return err
		}
		state, _, err := rebuild.ReadState(s.ctx, s.Control)
		if made = state.Rebuild; err == nil && made.Phase != rebuild.Done {
			err = fmt.Errorf("the rebuild is %s", made.Phase)
		}
		return err
	}); err != nil {
		return err
	}
	old, err := s.Views(made.Old).Records(s.ctx, []booking.ID{s.owing, s.lost})
	if err == nil && (len(old) > 0 || made.Aborted) {
		err = fmt.Errorf("%d of the old views are there: %+v", len(old), made)
	}
	for _, id := range []booking.ID{s.owing, s.lost} {
		b, loadErr := s.Bookings.Load(s.ctx, id)
		err = errors.Join(err, loadErr, s.isShown(b.State))
	}
	return err
}
