package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// projectorPart is the function that brings views up to date, and its queue.
func projectorPart() part {
	return part{canaries: []Canary{streamOrderTrusted}, wire: func(w *World) error {
		w.projection = w.queue("projector", 10, 3)
		projector := readmodel.Projector{Log: eventLog{w}, Views: viewStore{w}}
		w.projection.handle = func(ctx context.Context, _ *environment, h queue.Delivery, id booking.ID) error {
			return w.project(ctx, &projector, h.Hint, id)
		}
		return nil
	}}
}
