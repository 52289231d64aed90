package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// oracle sees every effect at the moment it happens, and says when one breaks a
// guarantee. What it demands is written here a second time, in other words than
// in the product.
type oracle struct {
	*World
	streams map[events.StreamID]*account
	order   []*account
	drivers map[string]booking.ID // who has the driver
	owners  map[booking.ID]person // who asked for a booking
	freed   map[string]time.Time  // when a driver was free again
	refs    map[string]booking.ID // whose a payment object is
	sends   map[string]int        // attempts at a command, by booking and command id
	asked   map[string]string     // the first body of a command
	reused  map[string]bool       // whether another one came with its key
	granted map[string]grant      // the one answer to a command
	shown   map[booking.ID]int64  // the newest version that the projector was done with
	keyed   map[string]time.Time  // when a key was used first
	looked  map[asked]bool        // what an invocation has asked the provider about
	stored  map[string]int        // failures that the provider keeps, by object and method
	byHand  map[string]int64      // what was captured by hand, by object

	requests  map[string][]request // that were sent, each body once, by booking and command id
	held      map[string]wasHeld   // what the provider once held, by object
	succeeded map[string]bool      // refunds that succeeded once
	disputed  map[string]bool      // what was the status of a dispute once
	// newerForms are bookings whose views an older release met in a form that it does not know.
	newerForms map[booking.ID]bool
}

// account is what the oracle knows of one booking.
type account struct {
	id       booking.ID
	state    booking.State
	history  events.History
	models   []model // of each version, from 0 on
	commands map[string]bool
	named    map[string]bool  // payment objects that the log named
	folds    map[int64][]byte // views of its versions, those that somebody asked for
	record   readmodel.Record // of its newest version, once somebody asked
	pending  pending
	renewed  int // how often it took a new one after a lost hold
}

func newOracle(w *World) *oracle {
	return &oracle{
		World: w, streams: map[events.StreamID]*account{}, drivers: map[string]booking.ID{}, owners: map[booking.ID]person{},
		refs: map[string]booking.ID{}, sends: map[string]int{}, asked: map[string]string{}, reused: map[string]bool{}, granted: map[string]grant{}, shown: map[booking.ID]int64{}, newerForms: map[booking.ID]bool{},
		keyed: map[string]time.Time{}, looked: map[asked]bool{}, stored: map[string]int{}, byHand: map[string]int64{},
		requests: map[string][]request{}, held: map[string]wasHeld{}, freed: map[string]time.Time{}, succeeded: map[string]bool{}, disputed: map[string]bool{},
	}
}

// model is the newest one.
func (a *account) model() model { return a.models[len(a.models)-1] }

// Violation is a broken guarantee.
type Violation struct {
	Rule    string
	Booking booking.ID // empty where it is about none in particular
	Detail  string
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s %s", v.Rule, v.Booking, v.Detail) }

// fail notes the first violation, which ends the run.
func (w *World) fail(rule string, id booking.ID, format string, args ...any) {
	if w.result.Violation != nil {
		return
	}
	v := &Violation{Rule: rule, Booking: id, Detail: fmt.Sprintf(format, args...)}
	w.result.Violation = v
	w.tell(string(id), "VIOLATION: %s", v)
}

// mayFollow says in which status of a booking an event may come.
var mayFollow = map[string][]booking.Status{
	booking.TypeBookingRequested: {""},
	booking.TypeBookingConfirmed: {booking.Requested},
	booking.TypeDriverAssigned:   {booking.Confirmed},
	booking.TypeDriverUnassigned: {booking.HasDriver, booking.DriverIsThere},
	booking.TypeDriverArrived:    {booking.HasDriver},
	booking.TypeRideStarted:      {booking.DriverIsThere},
	booking.TypeRideCompleted:    {booking.InProgress},
	booking.TypeBookingCanceled:  {booking.Requested, booking.Confirmed, booking.HasDriver, booking.DriverIsThere, booking.InProgress},
	booking.TypeBookingExpired:   {booking.Requested, booking.Confirmed, booking.HasDriver, booking.DriverIsThere, booking.InProgress},
}

// mayPay says in which status of a payment an event may come.
var mayPay = map[string][]booking.PaymentStatus{
	booking.TypePaymentStarted:           {booking.PaymentPending},
	booking.TypePaymentAuthorized:        {booking.PaymentIsStarted},
	booking.TypePaymentDeclined:          {booking.PaymentPending, booking.PaymentIsStarted},
	booking.TypePaymentCaptured:          {booking.PaymentIsAuthorized, booking.PaymentHasFailed},
	booking.TypePaymentVoided:            {booking.PaymentIsAuthorized},
	booking.TypePaymentAbandoned:         {booking.PaymentPending, booking.PaymentIsStarted, booking.PaymentHasFailed},
	booking.TypePaymentAuthorizationLost: {booking.PaymentIsAuthorized},
	booking.TypePaymentRetried:           {booking.PaymentHasFailed},
	booking.TypePaymentFailed:            {booking.PaymentPending, booking.PaymentIsStarted},
	booking.TypePaymentRefunded:          {booking.PaymentIsCaptured, booking.PaymentIsRefunded},
	booking.TypePaymentRefundFailed:      {booking.PaymentIsCaptured, booking.PaymentIsRefunded},
	booking.TypePaymentDisputed:          {booking.PaymentIsCaptured, booking.PaymentIsRefunded},
}

// appended judges a commit that was just stored.
func (o *oracle) appended(c events.Commit, draft events.Draft) {
	a := o.streams[c.Stream]
	if a == nil {
		id, ok := booking.IDOf(c.Stream)
		if !ok {
			o.fail("1: streams are bookings", "", "%s", c.Stream)
			return
		}
		if _, known := o.owners[id]; !known {
			o.fail("2: one intent makes one booking", id, "a rider's request made it that was about another one")
		}
		empty, _ := events.NewHistory(c.Stream, nil)
		a = &account{id: id, state: booking.State{ID: id}, history: empty, commands: map[string]bool{}, named: map[string]bool{}, folds: map[int64][]byte{}, models: []model{{}}}
		o.streams[c.Stream] = a
		o.order = append(o.order, a)
	}
	grown, err := a.history.With(c)
	if err != nil {
		o.fail("1: versions are 1..n and the chain holds", a.id, "%v", err)
		return
	}
	if a.commands[c.CommandID] {
		o.fail("2: a command is stored once", a.id, "%s again at %d", c.CommandID, c.Version)
	}
	if n := len(a.history.Commits()); n > 0 && c.RecordedAt.Before(a.history.Commits()[n-1].RecordedAt) {
		o.reach(clocksDisagreed)
	}
	a.history, a.commands[c.CommandID] = grown, true
	decoded, err := booking.DecodeCommit(c)
	if err != nil {
		o.fail("1: events can be read", a.id, "%v", err)
		return
	}
	facts, err := factsOf(c)
	if err != nil || len(facts) != len(decoded) {
		o.fail("1: what is stored is what is documented", a.id, "%d facts, %d events (%v)", len(facts), len(decoded), err)
		return
	}
	for i, e := range decoded {
		before := a.model()
		judged{o, a.id, before, c, facts, i}.isDecidedRight()
		a.models = append(a.models, before.after(facts[i]))
		o.happens(a, e)
		if what := a.model().differs(a.state); what != "" {
			o.fail("1: the state is the fold of the events", a.id, "after %s the %s of\n%+v\nwant\n%+v", e.Type(), what, a.state, a.model())
		}
	}
	o.holdsDriver(a, draft)
	o.committed(a, c.Last())
}

func (o *oracle) happens(a *account, e booking.Event) {
	before := a.state
	if ok, known := mayFollow[e.Type()]; known && !slices.Contains(ok, before.Status) {
		o.fail("a booking goes its way, and never leaves its end", a.id, "%s while %q", e.Type(), before.Status)
	}
	if ok, known := mayPay[e.Type()]; known && !slices.Contains(ok, before.Payment.Status) {
		o.fail("a payment goes its way", a.id, "%s while %q", e.Type(), before.Payment.Status)
	}
	a.state = booking.Evolve(before, e)
	o.paid(a, before, e)
	switch e := e.(type) {
	case booking.PaymentAuthorized:
		if before.Status.Terminal() {
			o.reach(authorizedAfterTheEnd)
		}
	case booking.PaymentCaptured:
		owed := a.state.Owed()
		if amount, hand := o.byHand[e.Ref]; hand {
			owed.Amount = amount
		}
		if e.Amount != owed || e.Amount.Amount > before.Payment.Authorized {
			o.fail("3: what is owed is captured, within what is held", a.id, "captured %v, owed %v, held %d", e.Amount, owed, before.Payment.Authorized)
		}
		if a.state.Status == booking.Completed {
			o.reach(rideWasCompleted)
		}
	case booking.PaymentStarted:
		a.named[e.Ref] = true
	case booking.PaymentRetried:
		o.reach(paymentWasRetried)
		if e.NewObject {
			a.renewed++
		}
	case booking.PaymentDeclined:
		o.reach(paymentWasDeclined)
	case booking.PaymentAbandoned:
		o.reach(paymentWasAbandoned)
	case booking.PaymentVoided:
		o.reach(holdWasVoided)
	case booking.BookingExpired:
		o.reach(bookingExpired)
	case booking.BookingCanceled:
		o.canceled(e)
	}
}

func (o *oracle) canceled(e booking.BookingCanceled) {
	switch {
	case e.Cause == booking.CauseNoShow:
		o.reach(riderDidNotShowUp)
	case e.Cause == booking.CauseAborted:
		o.reach(bookingWasAborted)
	case e.Fee.Amount > 0:
		o.reach(cancellationCostAFee)
	}
}

// holdsDriver checks that a driver is on one ride at most, and that the lease says
// so.
func (o *oracle) holdsDriver(a *account, draft events.Draft) {
	driver := strings.ToLower(a.state.Driver())
	for other, id := range o.drivers {
		if id == a.id && driver != other {
			delete(o.drivers, other)
			o.freed[other] = time.Now()
		}
	}
	if driver != "" {
		if other, busy := o.drivers[driver]; busy && other != a.id {
			o.fail("10: a driver is on one ride", a.id, "%s is on %s, too", driver, other)
		}
		o.drivers[driver] = a.id
	}
	if draft.Lease.Change == events.LeaseKept {
		return
	}
	holder, held, err := o.truth.Holder(o.ctx, draft.Lease.Name)
	if want := a.state.Driver() != ""; err != nil || held != want || held && holder != a.id.Stream() {
		o.fail("10: a lease says who has the driver", a.id, "%s is held: %v, by %s (%v)", draft.Lease.Name, held, holder, err)
	}
}
