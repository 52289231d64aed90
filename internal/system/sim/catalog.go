package sim

import (
	"context"
	"fmt"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// catalog is the log as a whole, as a function sees it: far away.
type catalog struct{ *World }

var _ events.Catalog = catalog{}

// reads is the way there; it fails at times.
func (c catalog) reads(ctx context.Context, op string) error {
	t := taskOf(ctx)
	c.travel(t)
	return eventLog(c).reads(ctx, t, op, "")
}

// Walk implements events.Catalog.
func (c catalog) Walk(ctx context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	if err := c.reads(ctx, "walk"); err != nil {
		return nil, events.Cursor{}, err
	}
	commits, next, err := c.truth.Walk(ctx, q)
	c.rebuilds.next[q.Segment] = next
	c.travel(taskOf(ctx))
	return commits, next, err
}

// Firsts implements events.Catalog. With none at all, the answer does not matter.
func (c catalog) Firsts(ctx context.Context, q events.FirstsQuery) ([]events.First, events.First, error) {
	firsts, next, err := c.truth.Firsts(ctx, q)
	if err != nil || len(firsts) == 0 {
		return firsts, next, err
	}
	if err := c.reads(ctx, "first commits"); err != nil {
		return nil, events.First{}, err
	}
	return c.truth.Firsts(ctx, q)
}

// Exist implements events.Catalog.
func (c catalog) Exist(ctx context.Context, ids []events.StreamID) (map[events.StreamID]bool, error) {
	if err := c.reads(ctx, "exist"); err != nil {
		return nil, err
	}
	return c.truth.Exist(ctx, ids)
}

// Leases implements events.Catalog.
func (c catalog) Leases(ctx context.Context, after string) ([]events.HeldLease, string, error) {
	if err := c.reads(ctx, "leases"); err != nil {
		return nil, "", fmt.Errorf("leases: %w", err)
	}
	return c.truth.Leases(ctx, after)
}
