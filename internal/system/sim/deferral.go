package sim

import (
	"context"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// deferralPart is payment work that waits: the items, and the sweeper's way of bringing
// them back.
func deferralPart() part {
	return part{faults: odds{stalled: 0.5}, canaries: []Canary{putOffInVain, deletedBlindly, deletedForItsHint}, wire: func(w *World) error {
		w.deferred = &deferred{World: w, truth: &deferraltest.Memory{}}
		w.waiting = append(w.waiting, func() bool { return len(w.deferred.truth.Items()) > 0 })
		return nil
	}}
}

// deferred is what all environments share: one item for each booking that waits.
type deferred struct {
	*World
	truth *deferraltest.Memory
	// older is how the items were before the last write.
	older []deferral.Item
}

// remembers judges a moment after which somebody relies on an item: what a booking owes,
// somebody must be at, or there must be a note of it. At it is a message that was not
// handled yet, or a commit that was not relayed yet.
func (d *deferred) remembers(id booking.ID) {
	a := d.oracle.streams[id.Stream()]
	pay := a.state.Payment.Status
	owes := a.state.OwesAuthorization() || a.state.Status.Terminal() && !pay.Settled() && pay != booking.PaymentHasFailed
	noted := slices.ContainsFunc(d.truth.Items(), func(item deferral.Item) bool { return item.Booking == id })
	if owes && !noted && !d.owed.knows(id) && !d.stream.knows(id) && !slices.Contains(d.lost, id.Stream()) {
		d.fail("4: what is owed is not forgotten", id, "the payment of a booking that is %s is %s, and nobody is at it", a.state.Status, pay)
	}
}

// acknowledged judges that a message is gone.
func (d *deferred) acknowledged(m *message) {
	if h, err := queue.Parse(m.Body); err == nil {
		if id, ok := booking.IDOf(h.Stream); ok {
			d.remembers(id)
		} else if ref, ok := payments.RefOf(h.Stream); ok && d.oracle.bookingOf(ref) != "" {
			d.reach(noticeFoundBooking)
		}
	}
}

// knows tells whether a message about a booking is in the queue, or at its function.
func (q *sqs) knows(id booking.ID) bool {
	return slices.ContainsFunc(slices.Concat(q.messages, q.dead), func(m *message) bool {
		h, err := queue.Parse(m.Body)
		return err == nil && h.Stream == id.Stream()
	})
}

// knows tells whether the stream has a record of a booking that was not relayed.
func (s *stream) knows(id booking.ID) bool {
	return slices.ContainsFunc(s.shards[:], func(sh *shard) bool {
		return slices.ContainsFunc(sh.records, func(r record) bool { return r.Stream == id.Stream() })
	})
}

// worker is what the payment function does with a hint.
func (w *World) worker(env *environment, p deferral.Payments) *deferral.Worker {
	return &deferral.Worker{
		Payments: p, Bookings: w.service(), Items: workStore{w.deferred}, Now: env.now, First: deferral.FirstDelay(w.jitter), Log: w.log(),
	}
}

// deferredPass is the sweeper's pass over what waits. It compares its clock with those
// of others, which the product takes to differ by little.
func (w *World) deferredPass() *deferral.Pass {
	return &deferral.Pass{
		Items: workStore{w.deferred}, Bookings: w.service(), Queue: gaugedQueue{sender{w.owed}}, Breaker: w.breaker(),
		Callers: w.owed.concurrency, Now: time.Now, Next: deferral.NextDelay(w.jitter), Log: w.log(),
	}
}

// gaugedQueue is the payments queue as the sweeper sees it.
type gaugedQueue struct{ sender }

var _ deferral.Queue = gaugedQueue{}

// Send implements queue.Sender.
func (g gaugedQueue) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	g.reach(workCameBack)
	return g.sender.Send(ctx, hints)
}

// Backlog implements deferral.Queue. With nothing that waits, the answer does not matter.
func (g gaugedQueue) Backlog(ctx context.Context) (int, error) {
	if len(g.deferred.truth.Items()) == 0 {
		return 0, nil
	}
	t := taskOf(ctx)
	g.travel(t)
	if g.strikes(throttled, "backlog") || ctx.Err() != nil {
		return 0, errInjected
	}
	visible, _ := g.visible()
	return len(visible), nil
}
