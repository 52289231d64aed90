package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// ErrNoStream is a hint about a booking whose stream is empty. The log is written
// before any hint, so this is a bug or a forged message, never a reason to store
// an empty view.
var ErrNoStream = errors.New("the stream is empty")

// Projector brings views up to date.
type Projector struct {
	Log   events.Store
	Views Store
}

// Project folds the whole stream of a booking into its view. It may be called at
// any time, any number of times, concurrently.
func (p *Projector) Project(ctx context.Context, id booking.ID) (View, error) {
	h, err := p.Log.Load(ctx, id.Stream())
	if err != nil {
		return View{}, err
	}
	if !h.Exists() {
		return View{}, fmt.Errorf("project %s: %w", id, ErrNoStream)
	}
	state, err := booking.StateOf(h)
	if err != nil {
		return View{}, fmt.Errorf("project %s: %w", id, err)
	}
	view := ViewOf(state)
	return view, p.Views.Put(ctx, view)
}
