package sim

import (
	"context"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// expiring is what the sweeper will do about one overdue booking.
func (w *World) expiring(id booking.ID, version int64) func(context.Context, *invocation) {
	return func(ctx context.Context, _ *invocation) {
		env := w.owed.environs[0]
		_, err := w.service().Execute(ctx, id, booking.Expire{At: env.now()}, booking.Envelope{
			CommandID: fmt.Sprintf("sw_%s_%d", id, version), Actor: booking.ActorSweeper, At: env.now(),
		})
		if err != nil {
			w.tell(string(id), "the sweeper does not expire %s: %v", id, err)
		}
	}
}
