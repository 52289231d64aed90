package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/control"
)

// ErrRefused is a request that does not fit what is under way.
var ErrRefused = errors.New("not now")

// DefaultSegments is how many parts a walk has unless it is told otherwise.
const DefaultSegments = 8

// maxSegments bounds the parts of a walk: each is a message and a document.
const maxSegments = 200

// Start requests a rebuild, which begins when no audit is under way any more. There
// may be no other rebuild.
func Start(ctx context.Context, s control.Store, now time.Time, plan Plan, hold bool) error {
	return request(ctx, s, func(state *State) error {
		plan, err := plan.checked()
		if r := state.Rebuild; r != nil && r.Phase != Done {
			return fmt.Errorf("%w: a rebuild is %s", ErrRefused, r.Phase)
		}
		state.Rebuild = &Rebuild{Phase: Requested, Since: now, Began: now, Target: state.Newest + 1, Old: state.Active, Plan: plan, Hold: hold}
		state.Newest++
		return err
	})
}

// StartAudit requests an audit, which begins when no rebuild is at work any more; one that
// is held or refused is not. There may be no other audit.
func StartAudit(ctx context.Context, s control.Store, now time.Time, plan Plan, repair bool) error {
	return request(ctx, s, func(state *State) error {
		plan, err := plan.checked()
		if a := state.Audit; a != nil && a.Phase != Done {
			return fmt.Errorf("%w: an audit is %s", ErrRefused, a.Phase)
		}
		state.request(Audit{Began: now, Plan: plan, Repair: repair})
		return err
	})
}

func (p Plan) checked() (Plan, error) {
	if p.Segments == 0 {
		p.Segments = DefaultSegments
	}
	if p.Segments < 1 || p.Segments > maxSegments || p.Rate < 0 {
		return p, fmt.Errorf("%w: %d segments at %d bookings a second; want 1 to %d segments", ErrRefused, p.Segments, p.Rate, maxSegments)
	}
	return p, nil
}

// Switch lets a rebuild go on that was told to hold before the switch. It may be
// asked for before that.
func Switch(ctx context.Context, s control.Store) error {
	return request(ctx, s, func(state *State) error {
		r := state.Rebuild
		if r == nil || r.Phase == Done || !r.Hold || r.Aborted {
			return fmt.Errorf("%w: no rebuild holds", ErrRefused)
		}
		r.Hold = false
		return nil
	})
}

// Abort gives a rebuild up that has not switched yet: its projection is dropped, and
// the active one stays.
func Abort(ctx context.Context, s control.Store, now time.Time) error {
	return request(ctx, s, func(state *State) error {
		r := state.Rebuild
		switch {
		case r == nil || r.Phase == Done:
			return fmt.Errorf("%w: no rebuild is under way", ErrRefused)
		case r.Aborted:
			return nil
		case r.Phase == Switched || r.Phase == Retired || r.Phase == Dropping:
			return fmt.Errorf("%w: the rebuild is %s: the new projection is read already", ErrRefused, r.Phase)
		}
		r.Aborted = true
		if r.Phase == Requested { // and an audit may be under way
			r.enter(Done, now)
			return nil
		}
		r.enter(Aborting, now)
		state.Feeding = 0
		if state.Run != nil && state.Run.Work != Inspect { // an audit's walk goes on
			state.Run = nil
		}
		return nil
	})
}

// request changes the state, once more when somebody else did meanwhile.
func request(ctx context.Context, s control.Store, change func(*State) error) error {
	const races = 10
	for race := 1; ; race++ {
		state, revision, err := ReadState(ctx, s)
		if err != nil {
			return err
		}
		if err := change(&state); err != nil {
			return err
		}
		err = writeState(ctx, s, state, revision)
		if !errors.Is(err, control.ErrConflict) || race == races {
			return err
		}
	}
}

func (r *Rebuild) enter(p Phase, now time.Time) { r.Phase, r.Since = p, now }
