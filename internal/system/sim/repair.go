package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

// repairPasses are the sweeper's passes over what is overdue and what was missed, as
// its main wires them.
func (w *World) repairPasses(env *environment) []sweeper.Pass {
	debts := repair.Debts{Work: workStore{w.deferred}, Now: env.now}
	documents := documentStore{w}
	return []sweeper.Pass{
		&repair.Deadlines{
			List: w.live(env), Bookings: w.service(), Debts: debts, Projection: repairs{sender{w.projection}}, Control: documents, Now: env.now, Log: w.log(),
		},
		&repair.Firsts{
			Commits: catalog{w}, Views: w.live(env), Projection: repairs{sender{w.projection}}, Debts: debts, Bookings: w.service(),
			Control: documents, Now: env.now, Log: w.log(),
		},
	}
}

// repairs is the projection queue as the passes see it.
type repairs struct{ sender }

// Send implements queue.Sender.
func (r repairs) Send(ctx context.Context, hints []queue.Hint) ([]int, error) {
	r.reach(viewWasMissed)
	return r.sender.Send(ctx, hints)
}
