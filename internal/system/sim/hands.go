package sim

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// What happens at the provider by other hands than the product's: of people at its
// dashboard, of banks, and of cardholders. And the provider's webhooks about it.
const (
	canceledByHand fault = "canceled by hand"
	capturedByHand fault = "captured by hand"
	refundedByHand fault = "refunded by hand"
	disputed       fault = "disputed"
	failedLate     fault = "failed late" // a refund, after it had succeeded
	failedRefund   fault = "failed refund"
	// canceledAtTheEnd is a hold that is canceled by hand when it is known what is owed.
	canceledAtTheEnd fault = "canceled by hand at the end"
	// overtaken is a refund that fails while its success is on its way into the log.
	overtaken fault = "overtaken"
)

func handsPart() part {
	return part{
		faults: odds{
			canceledByHand: 0.1, capturedByHand: 0.1, refundedByHand: 0.6, disputed: 0.5, failedLate: 0.1, failedRefund: 1, canceledAtTheEnd: 0.2, overtaken: 0.5,
		},
		canaries: moneyCanaries(),
		wire: func(w *World) error {
			h := &hands{World: w}
			w.sched.start(w.sched.newTask("hands", nil), h.work)
			w.sched.start(w.sched.newTask("bank", nil), h.decide)
			w.waiting = append(w.waiting, func() bool { return h.pending() })
			return nil
		},
	}
}

type hands struct{ *World }

// work does something at the provider now and then, for as long as things go wrong.
func (h *hands) work(t *task) {
	for !h.quiet {
		h.sched.park(t, time.Now().Add(time.Duration(3+h.src.pick("rest of hands", 20))*time.Minute))
		ledger := h.fake.Ledger()
		if h.quiet || len(ledger) == 0 {
			continue
		}
		e := ledger[h.src.pick("object of hands", len(ledger))]
		switch f := h.fate("hands", canceledByHand, capturedByHand, refundedByHand, disputed); f {
		case canceledByHand:
			h.cancel(e)
		case capturedByHand:
			h.capture(e)
		case refundedByHand:
			h.refund(e)
		case disputed:
			h.fake.Dispute(e.Ref, []string{"needs_response", "under_review", "won", "lost"}[h.src.pick("dispute", 4)])
			h.moved(e, f, nil)
		default:
		}
	}
	h.sched.park(t, never)
}

func (h *hands) cancel(e gatewaytest.Entry) {
	if !e.OpenHold {
		return
	}
	_, err := h.fake.Cancel(h.ctx, e.Ref, "by hand/cancel/"+e.Ref)
	h.moved(e, canceledByHand, err)
}

// cancelAtTheEnd cancels the hold of a booking that has just come to owe something.
func (w *World) cancelAtTheEnd(stream events.StreamID) {
	a := w.oracle.streams[stream]
	if a == nil || !a.state.Status.Terminal() || a.state.Owed().Amount < leastCharge || !w.strikes(canceledAtTheEnd, "hands") {
		return
	}
	(&hands{World: w}).cancel(w.oracle.entry(a.state.Payment.Ref))
}

func (h *hands) capture(e gatewaytest.Entry) {
	if !e.OpenHold {
		return
	}
	amount := min(e.Authorized, 100+int64(h.src.pick("amount of hands", 20))*100)
	_, err := h.fake.Capture(h.ctx, e.Ref, amount, "by hand/capture/"+e.Ref)
	if err == nil {
		h.oracle.byHand[e.Ref] = amount
	}
	h.moved(e, capturedByHand, err)
}

func (h *hands) refund(e gatewaytest.Entry) {
	if e.Captured == e.Refunded {
		return
	}
	amount := min(e.Captured-e.Refunded, 50+int64(h.src.pick("amount of hands", 20))*50)
	_, err := h.fake.RefundByHand(e.Ref, amount)
	h.moved(e, refundedByHand, err)
}

// moved tells of what was done, and has the provider send a webhook about it.
func (h *hands) moved(e gatewaytest.Entry, f fault, err error) {
	h.tell(e.BookingID, "%s at the provider: %s (%v)", e.Ref, f, err)
	h.oracle.ledgerMoved()
	h.notice(e.Ref)
}

// decide is what banks do about refunds: sooner or later each is decided, and some are
// decided against after they had succeeded.
func (h *hands) decide(t *task) {
	for {
		rest := time.Duration(1+h.src.pick("rest of banks", 60)) * time.Minute
		if h.quiet {
			rest = time.Minute
		}
		h.sched.park(t, time.Now().Add(rest))
		for _, e := range h.fake.Ledger() {
			for _, r := range e.Refunds {
				h.decideRefund(e, r)
			}
		}
	}
}

func (h *hands) decideRefund(e gatewaytest.Entry, r payments.RefundObject) {
	var failure string
	switch r.Status {
	case payments.RefundPending:
		if h.strikes(failedRefund, "bank") {
			failure = "expired_or_canceled_card"
		}
	case payments.RefundSucceeded:
		if !h.strikes(failedLate, "bank") {
			return
		}
		failure = "lost_or_stolen_card"
	default:
		return
	}
	h.fake.FinishRefund(r.ID, failure)
	h.tell(e.BookingID, "a bank decides about %s: %q", r.ID, failure)
	h.oracle.ledgerMoved()
	h.notice(e.Ref)
}

// overtake lets the refund fail whose success a function is about to record, and the
// function wait until another one may have recorded the failure.
func (w *World) overtake(t *task, at events.Position, draft events.Draft) {
	e := draft.Events[len(draft.Events)-1]
	if e.Type != booking.TypePaymentRefunded || !w.strikes(overtaken, "bank") {
		return
	}
	var refund struct {
		ID string `json:"refund_id"`
	}
	if err := json.Unmarshal(e.Data, &refund); err != nil {
		w.fail("events can be read", "", "%v", err)
		return
	}
	h := &hands{World: w}
	for _, entry := range w.fake.Ledger() {
		if booking.ID(entry.BookingID).Stream() != at.Stream() {
			continue
		}
		for _, r := range entry.Refunds {
			if cmp.Or(r.RefundID, r.ID) == refund.ID && h.fake.FinishRefund(r.ID, "lost_or_stolen_card") {
				h.moved(entry, overtaken, nil)
				w.sched.park(t, time.Now().Add(time.Duration(1+w.src.pick("overtaken for", 10))*time.Second))
				return
			}
		}
	}
}

// pending tells whether a bank has still to decide.
func (h *hands) pending() bool {
	for _, e := range h.fake.Ledger() {
		for _, r := range e.Refunds {
			if r.Status == payments.RefundPending {
				return true
			}
		}
	}
	return false
}

// happened lets the provider tell of what the product did itself, which it may hear
// before it has heard the answer.
func (w *World) happened(c call) {
	if c.Ref != "" && w.strikes(unsolicited, "webhooks") {
		w.notice(c.Ref)
	}
}

// reconcile puts a hint to look at what the provider has, as an operator does.
func (w *World) reconcile(id booking.ID) {
	hint := queue.NewHint(id.Stream(), 1, "")
	hint.Reconcile = true
	body, err := hint.Encode()
	if err != nil {
		w.fail("hints can be encoded", id, "%v", err)
		return
	}
	w.owed.put(body, 0)
}

// reconcileAll is what an operator does after the faults: every payment is compared
// with the provider, once. It reports false when that was done before.
func (w *World) reconcileAll() bool {
	if w.reconciled {
		return false
	}
	w.reconciled = true
	for _, a := range w.oracle.order {
		w.reconcile(a.id)
	}
	return true
}
