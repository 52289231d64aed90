package sim

import (
	"bytes"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

func (o *oracle) bookingOf(ref string) string { return string(o.refs[ref]) }

// providerCalled judges a call before it has its effect.
func (o *oracle) providerCalled(c gatewaytest.Call) {
	if c.Op != gatewaytest.Confirm && c.Op != gatewaytest.Capture && c.Op != gatewaytest.Refund {
		return
	}
	id := o.refs[c.Ref]
	if a := o.streams[id.Stream()]; a == nil || a.state.Payment.Ref != c.Ref {
		o.fail("intent comes before effect", id, "%s is not the payment that the log names", c)
	}
}

// ledgerMoved judges the provider's ledger after a call.
func (o *oracle) ledgerMoved() {
	held, captured, made := map[string]int{}, map[string]int{}, map[string]int{}
	for _, e := range o.fake.Ledger() {
		id := booking.ID(e.BookingID)
		o.refs[e.Ref] = id
		made[e.BookingID]++
		if made[e.BookingID] == 2 {
			o.reach(twoObjectsWereMade)
		}
		if e.EverHeld > 0 {
			held[e.BookingID]++
		}
		if e.Captured > 0 {
			captured[e.BookingID]++
		}
		o.refundedOnce(e)
		o.remembersLedger(e)
		a := o.streams[id.Stream()]
		switch {
		case a == nil || held[e.BookingID] > 1+a.renewed:
			o.fail("3: a booking holds money once", id, "%s holds a second time", e.Ref)
		case captured[e.BookingID] > 1:
			o.fail("3: a booking is charged once", id, "%s is a second charge", e.Ref)
		case e.Captured > e.EverHeld || e.Refunded > e.Captured:
			o.fail("3: no more is taken than is held", id, "%+v", e.Payment)
		}
	}
}

// viewPut judges a view after somebody put one.
func (o *oracle) viewPut(old, now readmodel.View) {
	acc := o.streams[now.ID.Stream()]
	raw, err := now.Encode()
	switch {
	case err != nil || acc == nil || now.Version > acc.state.Version:
		o.fail("5: no view is ahead of the log", now.ID, "version %d (%v)", now.Version, err)
	case now.Version < old.Version:
		o.fail("5: a view never goes back", now.ID, "from %d to %d", old.Version, now.Version)
	default:
		if want := o.fold(acc, now.Version); !bytes.Equal(want, raw) {
			o.fail("5: a view is the fold of its version", now.ID, "version %d is\n%s\nwant\n%s", now.Version, raw, want)
		}
	}
}

// unsettled returns why a booking is not at its end, or nothing.
func (o *oracle) unsettled(a *account) string {
	switch {
	case !a.state.Status.Terminal():
		return "it is " + string(a.state.Status)
	case !a.state.Payment.Status.Settled():
		return "its payment is " + string(a.state.Payment.Status)
	case slices.ContainsFunc(a.state.Payment.Refunds, func(r booking.Refund) bool { return r.Status == booking.RefundOpen }):
		return "a refund is open"
	}
	if right, err := o.showsAll(a); err != nil || !right {
		return "its view is not the fold of its stream"
	}
	return ""
}

// finished judges a world that has come to rest.
func (o *oracle) finished() {
	ledger := map[string]gatewaytest.Entry{}
	for _, e := range o.fake.Ledger() {
		ledger[e.Ref] = e
		id := booking.ID(e.BookingID)
		named := false
		if a := o.streams[id.Stream()]; a != nil {
			named = a.named[e.Ref]
		}
		switch {
		case e.OpenHold:
			o.fail("4: nothing is held in the end", id, "%s is", e.Ref)
		case !named && e.EverHeld > 0:
			o.fail("3: only what the log names holds money", id, "%s held %d", e.Ref, e.EverHeld)
		}
	}
	for _, a := range o.order {
		o.finishedBooking(a, ledger)
	}
}

// noticesChanges judges that a stream cannot be read from which a commit is missing, or
// whose commits belong to another past.
func (o *oracle) noticesChanges(a *account) {
	whole := a.history.Commits()
	n := len(whole) / 2
	if n == 0 {
		return
	}
	lacking := slices.Delete(slices.Clone(whole), n, n+1)
	foreign := slices.Clone(whole)
	foreign[n] = whole[n].Clone()
	foreign[n].Prev[0]++
	for _, commits := range [][]events.Commit{lacking, foreign} {
		if _, err := events.NewHistory(a.id.Stream(), commits); err == nil && len(commits) > n {
			o.fail("1: what was changed is not read", a.id, "%d commits of %d", len(commits), len(whole))
		}
	}
}

func (o *oracle) finishedBooking(a *account, ledger map[string]gatewaytest.Entry) {
	h, err := o.truth.Load(o.ctx, a.id.Stream())
	if err == nil {
		err = h.Verify()
	}
	if err != nil || len(h.Commits()) != len(a.history.Commits()) {
		o.fail("1: an observed event never changes", a.id, "%v", err)
	}
	o.noticesChanges(a)
	if why := o.unsettled(a); why != "" {
		o.fail("4: every booking reaches its end", a.id, "%s", why)
	}
	p := a.state.Payment
	e := ledger[p.Ref]
	var wrong bool
	switch p.Status {
	case booking.PaymentIsCaptured, booking.PaymentIsRefunded:
		wrong = !sameRefunds(p, e) || e.Status != payments.StatusCaptured || e.Captured != p.Captured || e.EverHeld != p.Authorized || e.Currency != a.state.Fare.Currency
	case booking.PaymentIsVoided:
		wrong = e.Status != payments.StatusCanceled || e.EverHeld != p.Authorized
	case booking.PaymentIsDeclined, booking.PaymentIsAbandoned:
		wrong = p.Ref != "" && e.Status != payments.StatusCanceled
	default:
		wrong = true
	}
	if wrong {
		o.fail("4: the ledger and the log say the same", a.id, "the log has %+v, the provider %+v with %+v and %+v", p, e.Payment, e.Refunds, e.Disputes)
	}
	if a.state.Driver() != "" {
		o.fail("10: in the end every driver is free", a.id, "%s is not", a.state.Driver())
	}
}
