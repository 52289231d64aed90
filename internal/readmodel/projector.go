package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Projected is a view that was brought up to date, and when its last event was
// recorded, by the clock of whoever recorded it.
type Projected struct {
	View
	RecordedAt time.Time
}

// Project folds the whole stream of a booking into its view. It may be called at
// any time, any number of times, concurrently.
func (p *Projector) Project(ctx context.Context, id booking.ID) (Projected, error) {
	h, err := p.Log.Load(ctx, id.Stream())
	if err != nil {
		return Projected{}, err
	}
	if !h.Exists() {
		return Projected{}, fmt.Errorf("project %s: %w", id, ErrNoStream)
	}
	state, err := booking.StateOf(h)
	if err != nil {
		return Projected{}, fmt.Errorf("project %s: %w", id, err)
	}
	commits := h.Commits()
	done := Projected{View: ViewOf(state), RecordedAt: commits[len(commits)-1].RecordedAt}
	return done, p.Views.Put(ctx, done.View)
}
