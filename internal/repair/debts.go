package repair

import (
	"context"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Work takes notes of payments to look at: deferral.Store.
type Work interface {
	Offer(ctx context.Context, d deferral.Deferral) error
}

var _ Work = deferral.Store(nil)

// Debts leaves a note where a payment is owed, unless there is one.
type Debts struct {
	Work Work
	// Now is the wall clock.
	Now func() time.Time
}

// Look leaves a note if the booking owes anything now.
func (d Debts) Look(ctx context.Context, s booking.State) error {
	now := d.Now().UTC()
	due := payments.Due(s, now)
	if due == payments.None {
		return nil
	}
	return d.Work.Offer(ctx, deferral.Deferral{Booking: s.ID, Operation: due, Reason: deferral.NeverTried, At: now, First: now})
}
