package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// Bugs of the read side.
const (
	streamOrderTrusted Canary = "the order of the stream is trusted"
	viewWrittenBlindly Canary = "a view is written without its version"
	listOfEverybody    Canary = "a rider's list is everybody's"
	listEndsEarly      Canary = "a short page is taken for the last one"
	pointerNeverRead   Canary = "an environment goes on with the projections that it knew first"
	checkpointInside   Canary = "a walk notes that a stream is done which is not"
	auditMendsNothing  Canary = "an audit says that it mended a view, and did not"
)

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

// blindViews is a store of views in which the last writer wins.
type blindViews struct{ readmodeltest.Memory }

// Put implements readmodel.Store.
func (b *blindViews) Put(ctx context.Context, v readmodel.View) error {
	if err := b.Drop(ctx, v.ID); err != nil {
		return err
	}
	return b.Memory.Put(ctx, v)
}
