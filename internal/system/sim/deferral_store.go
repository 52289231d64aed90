package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Bugs of who puts work off, and of who brings it back.
const (
	putOffInVain      Canary = "a message is acknowledged although its work could not be put off"
	deletedBlindly    Canary = "an item is deleted whatever was written to it meanwhile"
	deletedForItsHint Canary = "an item is deleted when its hint is about to be sent"
)

// stalled is a deletion that was on its way when its function was frozen, and arrives
// minutes later: as late as a signature lets it.
const stalled fault = "stalled"

// workStore is the store of items as a function sees it: far away.
type workStore struct{ *deferred }

var _ deferral.Store = workStore{}

func (s workStore) unavailable(what string, id booking.ID) error {
	return fmt.Errorf("%s %s: %w: %w", what, id, deferral.ErrUnavailable, errInjected)
}

// write is one write to an item: effect is what it does, there.
func (s workStore) write(ctx context.Context, what string, id booking.ID, effect func() error) error {
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate(what+" by "+t.inv.function, throttled, lostBefore, lostAfter, late, repeated, contended)
	if fate != none {
		s.tell(string(id), "%s: %s %s: %s", t.name, what, id, fate)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w: %w", what, id, deferral.ErrUnavailable, ctx.Err())
	}
	switch fate {
	case throttled, lostBefore:
		return s.unavailable(what, id)
	case contended:
		if what == "defer" || what == "offer" { // the SDK repeats them, here in vain
			return s.unavailable(what, id)
		}
		return fmt.Errorf("%s %s: %w: %w", what, id, deferral.ErrChanged, errInjected)
	case late:
		s.later(what, func() { _ = s.happen(t.name+" (late)", what, id, effect) })
		return s.unavailable(what, id)
	default:
	}
	err := s.happen(t.name, what, id, effect)
	if fate == repeated { // by the client library, which got no answer to the first
		err = s.happen(t.name+" (again)", what, id, effect)
	}
	s.travel(t)
	if fate == lostAfter {
		return s.unavailable(what, id)
	}
	return err
}

// happen lets a write come about.
func (s workStore) happen(by, what string, id booking.ID, effect func() error) error {
	s.older = s.truth.Items()
	err := effect()
	if errors.Is(err, deferral.ErrChanged) {
		s.reach(itemHadChanged)
	}
	s.tell(string(id), "%s: %s the work on %s: %v", by, what, id, err)
	s.remembers(id)
	return err
}

// Defer implements deferral.Store.
func (s workStore) Defer(ctx context.Context, d deferral.Deferral) error {
	err := s.write(ctx, "defer", d.Booking, func() error {
		s.reach(workWasPutOff)
		if d.Reason == deferral.ReceivedAgain {
			s.reach(messageWasSetAside)
		}
		return s.truth.Defer(s.ctx, d)
	})
	if s.canary == putOffInVain {
		return nil
	}
	return err
}

// Offer implements deferral.Store.
func (s workStore) Offer(ctx context.Context, d deferral.Deferral) error {
	return s.write(ctx, "offer", d.Booking, func() error {
		s.reach(debtWasFound)
		return s.truth.Offer(s.ctx, d)
	})
}

// Due implements deferral.Store: of an index that lags behind.
func (s workStore) Due(ctx context.Context, shard int, at time.Time, after deferral.Place, limit int) ([]deferral.Item, error) {
	if len(s.truth.Items()) == 0 {
		return nil, nil // nobody can do anything meanwhile that would matter
	}
	t := taskOf(ctx)
	s.travel(t)
	fate := s.fate("list work", throttled, stale)
	if fate == throttled || ctx.Err() != nil {
		return nil, s.unavailable("list", "")
	}
	items := s.truth.Items()
	if fate == stale {
		items = s.older
	}
	found := deferraltest.Due(items, shard, at, after, limit)
	if len(found) > 0 {
		s.travel(t)
	}
	return found, nil
}

// Advance implements deferral.Store.
func (s workStore) Advance(ctx context.Context, read deferral.Item, due payments.Operation, next time.Time) (deferral.Item, error) {
	var item deferral.Item
	err := s.write(ctx, "advance", read.Booking, func() (err error) {
		if s.canary == deletedForItsHint {
			item = read
			return s.truth.Delete(s.ctx, read)
		}
		item, err = s.truth.Advance(s.ctx, read, due, next)
		return err
	})
	return item, err
}

// Reconciled implements deferral.Store.
func (s workStore) Reconciled(ctx context.Context, read deferral.Item) error {
	return s.write(ctx, "reconciled", read.Booking, func() error { return s.truth.Reconciled(s.ctx, read) })
}

// Delete implements deferral.Store.
func (s workStore) Delete(ctx context.Context, read deferral.Item) error {
	effect := func() error {
		if s.canary == deletedBlindly {
			read = s.now(read)
		}
		err := s.truth.Delete(s.ctx, read)
		if err == nil {
			s.reach(itemWasDone)
			s.progressed()
		}
		return err
	}
	if s.strikes(stalled, "delete") {
		by := taskOf(ctx).name + " (thawed)"
		s.arrives("delete", time.Duration(1+s.src.pick("stalled", 15))*time.Minute, func() { _ = s.happen(by, "delete", read.Booking, effect) })
		return s.unavailable("delete", read.Booking)
	}
	return s.write(ctx, "delete", read.Booking, effect)
}

// now is an item as it is, whatever it was when it was read.
func (s workStore) now(read deferral.Item) deferral.Item {
	for _, item := range s.truth.Items() {
		if item.Booking == read.Booking {
			return item
		}
	}
	return read
}
