package sim

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// differs says in what the product's fold differs from the model; empty for in nothing.
// What readers are shown is compared byte for byte elsewhere, so this is about the rest.
func (m model) differs(s booking.State) string {
	p, q := s.Payment, m.pay
	for _, part := range []struct {
		name string
		same bool
	}{
		{"version", s.Version == m.version},
		{"status", s.Status == m.status && s.Status.Terminal() == (m.status == booking.Completed || m.status == booking.Canceled || m.status == booking.Expired)},
		{"hold", s.Hold.Amount == m.hold && s.Hold.Currency == m.currency},
		{"prices", s.Prices == booking.Product(pricesOf[m.product]) && s.Fees == booking.Fees(feesOf)},
		{"payment method", s.Trip.PaymentMethod == m.method},
		{"fare", s.Fare == booking.Money{Amount: m.fare, Currency: m.currency}},
		{"what is owed", s.Owed() == booking.Money{Amount: m.owed(), Currency: m.currency}},
		{"deadline", s.Deadline().Equal(m.deadline())},
		{"times", sameTimes(s, m)},
		{"payment", p.Status == q.status && p.Ref == q.ref && p.Group == q.group && p.Lost == q.lost && string(p.Failed) == q.failed && p.Failure == q.failure},
		{"settled", p.Status.Settled() == !m.owing()},
		{"amounts", p.Authorized == q.authorized && p.Captured == q.captured && p.Refunded == q.back() && s.Refundable() == q.left()},
		{"when the hold lapses", p.CaptureBefore.Equal(q.lapses)},
		{"attempts", sameAttempts(p, q)},
		{"refunds", sameRefundsAs(p, q)},
		{"disputes", sameDisputes(p, q)},
		{"end", sameEnd(s, m)},
	} {
		if !part.same {
			return part.name
		}
	}
	return ""
}

func sameTimes(s booking.State, m model) bool {
	for _, pair := range [][2]time.Time{
		{s.AuthorizeBy, m.authorizeBy}, {s.AssignBy, m.assignBy}, {s.StartedAt, m.started}, {s.RequestedAt, m.requested}, {s.UpdatedAt, m.updated},
	} {
		if !pair[0].Equal(pair[1]) {
			return false
		}
	}
	// After a driver was taken off, when another one was assigned is of no interest.
	return m.driver == "" || s.AssignedAt.Equal(m.assigned) && (m.status == booking.HasDriver || s.ArrivedAt.Equal(m.arrived))
}

func sameAttempts(p booking.Payment, q modelPayment) bool {
	for o, a := range map[string]booking.Attempts{"authorize": p.Authorizing, "capture": p.Capturing, "void": p.Voiding} {
		if a.Spent != q.spent[o] || !a.Since.Equal(q.since[o]) {
			return false
		}
	}
	return true
}

func sameRefundsAs(p booking.Payment, q modelPayment) bool {
	if len(p.Refunds) != len(q.refunds) {
		return false
	}
	for i, r := range q.refunds {
		other := p.Refunds[i]
		if other.ID != r.id || other.Amount != r.amount || other.Status != r.status || other.Group != r.group || !other.Attempts.Since.Equal(r.since) {
			return false
		}
	}
	return true
}

func sameDisputes(p booking.Payment, q modelPayment) bool {
	if len(p.Disputes) != len(q.disputes) {
		return false
	}
	for i, d := range q.disputes {
		if p.Disputes[i] != (booking.Dispute{ID: d.id, Status: d.status, News: d.times}) {
			return false
		}
	}
	return true
}

func sameEnd(s booking.State, m model) bool {
	if s.Cancellation == nil || m.end == nil {
		return s.Cancellation == nil && m.end == nil
	}
	return *s.Cancellation == booking.Cancellation{
		By: m.end.by, Cause: booking.CancelCause(m.end.cause), Reason: m.end.reason, Fee: booking.Money{Amount: m.end.fee, Currency: m.currency},
	}
}
