package outage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
)

// eventually repeats a check until it succeeds, or patience ends.
func (r *run) eventually(ctx context.Context, check func() error) error {
	return smoke.Eventually(ctx, r.Patience, 500*time.Millisecond, check)
}

// settles checks that every booking of a phase gets its authorization, soon and by
// itself.
func (r *run) settles(ctx context.Context, p Phase) {
	began := time.Now()
	left := slices.Clone(p.ids)
	err := r.eventually(ctx, func() error {
		for len(left) > 0 {
			if err := r.confirmed(ctx, left[0]); err != nil {
				return fmt.Errorf("%d bookings are left, %s first: %w", len(left), left[0], err)
			}
			left = left[1:]
		}
		return nil
	})
	r.check(ctx, fmt.Sprintf("%s: all %d bookings are confirmed, %.0f s later", p.Name, len(p.ids), time.Since(began).Seconds()), func() error { return err })
}

func (r *run) confirmed(ctx context.Context, id string) error {
	response, err := r.rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + id})
	if err != nil {
		return err
	}
	var b api.Booking
	if err := errors.Join(response.Err(http.StatusOK), response.Decode(&b)); err != nil {
		return err
	}
	if b.State != api.Confirmed || b.Payment.State != "authorized" {
		return fmt.Errorf("it is %s, its payment %s", b.State, b.Payment.State)
	}
	return nil
}

func (r *run) nothingWaits(ctx context.Context) error {
	waiting, messages, err := r.Waiting(ctx)
	if err != nil {
		return err
	}
	if len(waiting) > 0 || messages > 0 {
		return fmt.Errorf("%d payments wait, and %d messages", len(waiting), messages)
	}
	return nil
}

// waits checks that the payments of all bookings of a phase wait, each in one item.
func (r *run) waits(ctx context.Context, p Phase) error {
	return r.eventually(ctx, func() error {
		waiting, messages, err := r.Waiting(ctx)
		if err != nil {
			return err
		}
		// While the sweeper looks for the end of the outage, a probe's message is on its way.
		if messages > r.Bulkhead {
			return fmt.Errorf("%d messages are left", messages)
		}
		// Items of what has settled since are there until they would be due.
		waiting = slices.DeleteFunc(waiting, func(id string) bool { return !slices.Contains(p.ids, id) })
		slices.Sort(waiting)
		if each := len(slices.Compact(slices.Clone(waiting))); each != len(waiting) {
			return fmt.Errorf("%d items of %d bookings", len(waiting), each)
		}
		want := slices.Sorted(slices.Values(p.ids))
		if !slices.Equal(waiting, want) {
			return fmt.Errorf("%d payments wait, want those of %d bookings", len(waiting), len(want))
		}
		return nil
	})
}

func (r *run) degraded(ctx context.Context) error {
	return r.eventually(ctx, func() error {
		response, err := r.rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/health"})
		if err != nil {
			return err
		}
		var health struct{ Status, Payments string }
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&health)); err != nil {
			return err
		}
		if health.Status != "degraded" || health.Payments == "closed" {
			return fmt.Errorf("it says %s, payments %s", health.Status, health.Payments)
		}
		return nil
	})
}

// aftermath checks what must hold at the end of all phases.
func (r *run) aftermath(ctx context.Context) error {
	stats, err := r.Provider.Stats(ctx)
	if err != nil {
		return err
	}
	r.report.MaxInFlight = stats.MaxInFlight
	r.check(ctx, fmt.Sprintf("the provider had %d calls at once at the most; the bulkhead lets %d through", stats.MaxInFlight, r.Bulkhead), func() error {
		return atMost("calls at once", stats.MaxInFlight, r.Bulkhead)
	})
	r.check(ctx, "in the end no payment waits", func() error {
		return r.eventually(ctx, func() error { return r.nothingWaits(ctx) })
	})
	r.check(ctx, "each booking holds money once, and no other", func() error { return r.heldOnce(ctx) })
	r.check(ctx, "the dead-letter queues are empty", func() error { return smoke.NoDeadLetters(ctx, r.DeadLetters) })
	return ctx.Err()
}

func (r *run) heldOnce(ctx context.Context) error {
	holds, err := r.Provider.Holds(ctx)
	if err != nil {
		return err
	}
	for _, p := range r.report.Phases {
		for _, id := range p.ids {
			if holds[id] != 1 {
				return fmt.Errorf("%s has %d holds", id, holds[id])
			}
		}
	}
	return nil
}
