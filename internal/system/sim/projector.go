package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// projectorPart is the function that brings views up to date, and its queue.
func projectorPart() part {
	return part{canaries: []Canary{streamOrderTrusted, pointerNeverRead}, wire: func(w *World) error {
		w.projection = w.queue("projector", 10, 3)
		projectors := map[*environment]*readmodel.Projector{}
		for _, env := range w.projection.environs {
			projectors[env] = &readmodel.Projector{Log: eventLog{w}, Views: w.live(env)}
		}
		w.projection.handle = func(ctx context.Context, env *environment, h queue.Delivery, id booking.ID) error {
			err := w.project(ctx, projectors[env], h.Hint, id)
			if err == nil {
				w.oracle.acknowledged(id, h.Version)
			}
			return err
		}
		return nil
	}}
}
