package sim

import (
	"context"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Canary is a bug that can be built into a world, to prove that it would be
// found. Each is made in what surrounds the product, so that the product never
// holds it.
type Canary string

// The canaries.
const (
	NoCanary                Canary = ""
	appendUnconditional     Canary = "no condition on the append"
	acknowledgedBefore      Canary = "acknowledged before the append"
	streamOrderTrusted      Canary = "the order of the stream is trusted"
	partialFailuresDropped  Canary = "partial failures of a batch are dropped"
	relayFailureDropped     Canary = "what the relay could not send is dropped"
	viewWrittenBlindly      Canary = "a view is written without its version"
	ownWriteTakenForRival   Canary = "our own write is taken for a rival's"
	confirmedWithoutLooking Canary = "after an unknown outcome another payment is confirmed without looking"
	terminalStateLeft       Canary = "an authorization confirms a booking that had ended"
	leaseForgotten          Canary = "a driver is assigned without a lease"
	requestForgotten        Canary = "a command is stored without its request"
	staleLog                Canary = "the log is read eventually consistently"
	listOfEverybody         Canary = "a rider's list is everybody's"
	cancelForgotten         Canary = "a payment is not canceled at the provider"
	decidedTwice            Canary = "a command that was carried out is carried out again"
)

// Canaries returns all of them.
func Canaries() []Canary {
	return []Canary{
		appendUnconditional, acknowledgedBefore, streamOrderTrusted, partialFailuresDropped, relayFailureDropped, viewWrittenBlindly,
		ownWriteTakenForRival, confirmedWithoutLooking, terminalStateLeft, leaseForgotten, requestForgotten, staleLog,
		listOfEverybody, cancelForgotten, decidedTwice,
	}
}

// canaryStore is store, with the bugs that an append can have.
func (w *World) canaryStore(t *task, at events.Position, draft events.Draft) (events.Appended, error) {
	switch w.canary {
	case appendUnconditional:
		// What was decided on an old state goes to the end, wherever that is.
		if h, err := w.truth.Load(w.ctx, at.Stream()); err == nil && h.Exists() && at.Version() > 0 {
			at = h.Position()
		}
	case acknowledgedBefore:
		c, err := at.Seal(draft, w.stamp())
		w.later("append", func() { _, _ = w.store(t.name+" (late)", at, draft) })
		return events.Appended{Commit: c}, err
	case leaseForgotten:
		draft.Lease = events.Lease{}
	case requestForgotten:
		draft.Request = nil
	case decidedTwice:
		draft.CommandID = fmt.Sprintf("%s again %d", draft.CommandID, w.stamps)
	case terminalStateLeft:
		draft = confirming(at, draft)
	default:
	}
	return w.store(t.name, at, draft)
}

func confirming(_ events.Position, draft events.Draft) events.Draft {
	if len(draft.Events) == 1 && draft.Events[0].Type == booking.TypePaymentAuthorized {
		draft.Events = append(draft.Events, events.Event{
			Type: booking.TypeBookingConfirmed, Schema: 1, Data: []byte(`{"at":"2000-01-01T00:00:00Z","assign_by":"2000-01-02T00:00:00Z"}`),
		})
	}
	return draft
}

// canaryLoad is what a read of the log that lags behind would return.
func (w *World) canaryLoad(h events.History) (events.History, error) {
	n := len(h.Commits())
	if w.canary != staleLog || n < 2 || !w.strikes(stale, "log") {
		return h, nil
	}
	return events.NewHistory(h.Stream(), h.Commits()[:n-1])
}

// project is what the projector does about a hint. With a canary it believes the
// hint: it shows the version that the hint names, as if that were the latest.
func (w *World) project(ctx context.Context, p *readmodel.Projector, h queue.Hint, id booking.ID) error {
	if w.canary != streamOrderTrusted {
		_, err := p.Project(ctx, id)
		return err
	}
	history, err := p.Log.Load(ctx, h.Stream)
	if err != nil {
		return err
	}
	state, err := booking.StateAt(history, h.Version)
	if err != nil {
		return err
	}
	return p.Views.Put(ctx, readmodel.ViewOf(state))
}

// canaryConfirm takes an unknown outcome for a failure, and tries anew.
func (p provider) canaryConfirm(ctx context.Context, ref string, object payments.Payment, err error) (payments.Payment, error) {
	if p.canary != confirmedWithoutLooking || err == nil || resilience.ClassOf(err) != resilience.Unknown {
		return object, err
	}
	known, lookErr := p.fake.Retrieve(context.WithoutCancel(ctx), ref)
	if lookErr != nil {
		return object, err
	}
	p.keys++
	key := fmt.Sprintf("again-%d", p.keys)
	other, err := p.fake.Create(context.WithoutCancel(ctx), payments.Order{BookingID: known.BookingID, Amount: known.Amount, Currency: known.Currency, Method: "pm_card_visa"}, key)
	if err != nil {
		return other, err
	}
	other, err = p.fake.Confirm(context.WithoutCancel(ctx), other.Ref, key+"/confirm")
	p.oracle.ledgerMoved()
	return other, err
}

// blindViews is a store of views in which the last writer wins.
type blindViews struct {
	readmodel.Store
	views map[booking.ID]readmodel.View
}

// Put implements readmodel.Store.
func (b *blindViews) Put(_ context.Context, v readmodel.View) error {
	b.views[v.ID] = v
	return nil
}

// Get implements readmodel.Store.
func (b *blindViews) Get(_ context.Context, id booking.ID) (readmodel.View, bool, error) {
	v, ok := b.views[id]
	return v, ok, nil
}

// ByRider implements readmodel.Store.
func (b *blindViews) ByRider(context.Context, string, readmodel.Place, int) ([]readmodel.View, readmodel.Place, error) {
	return nil, readmodel.Place{}, nil
}

// Waiting implements readmodel.Store.
func (b *blindViews) Waiting(context.Context, readmodel.Place, int) ([]readmodel.View, readmodel.Place, error) {
	return nil, readmodel.Place{}, nil
}
