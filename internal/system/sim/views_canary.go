package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Bugs of the read side.
const (
	streamOrderTrusted Canary = "the order of the stream is trusted"
	viewWrittenBlindly Canary = "a view is written without its version"
	listOfEverybody    Canary = "a rider's list is everybody's"
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
