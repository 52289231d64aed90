package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Order is an operator's word: who wanted which mode, when, why, and what it found.
type Order struct {
	Number int64 // from 1
	Mode   resilience.Mode
	By     string
	Why    string
	At     time.Time
	// FoundMode and Found are the breaker just before.
	FoundMode resilience.Mode
	Found     resilience.State
}

// ErrChanged says that somebody else gave an order meanwhile, or that the breaker
// would not stand still. Look, and give yours again if it still makes sense.
var ErrChanged = errors.New("breaker changed meanwhile")

// orderAttempts bounds how often an order is given again because the breaker, and
// nobody else, has moved.
const orderAttempts = 10

// Desk is where an operator sees a breaker and gives orders. It reads strongly
// consistently, and is not for the path of a call.
type Desk struct {
	Store Store
	Now   func() time.Time
}

// Status returns the breaker as it is stored.
func (d *Desk) Status(ctx context.Context) (Status, error) {
	r, err := d.Store.Read(ctx, true)
	if err != nil {
		return Status{}, fmt.Errorf("status of the breaker: %w", err)
	}
	return statusOf(r, d.Now()), nil
}

// Give carries out an order and records it, both or neither. Auto begins closed,
// with nothing counted. Orders are kept for good.
func (d *Desk) Give(ctx context.Context, mode resilience.Mode, by, why string) (Order, error) {
	if !mode.Valid() || strings.TrimSpace(by) == "" || strings.TrimSpace(why) == "" {
		return Order{}, errors.New("order to the breaker: a mode, a name and a reason are needed")
	}
	for attempt, orders := 1, int64(0); attempt <= orderAttempts; attempt++ {
		r, err := d.Store.Read(ctx, true)
		if err != nil {
			return Order{}, fmt.Errorf("order to the breaker: %w", err)
		}
		if attempt == 1 {
			orders = r.Orders
		}
		if r.Orders != orders {
			break
		}
		o := Order{
			Number: r.Orders + 1, Mode: mode, By: by, Why: why, At: d.Now().UTC().Truncate(time.Millisecond),
			FoundMode: modeOf(r), Found: statusOf(r, d.Now()).State,
		}
		if done, err := d.Store.Give(ctx, Change{From: r.Version, To: closed(r.Stage)}, o); err != nil {
			return Order{}, fmt.Errorf("order to the breaker: %w", err)
		} else if done {
			return o, nil
		}
	}
	return Order{}, fmt.Errorf("order to the breaker: %w", ErrChanged)
}

// Orders returns the last orders, at most so many, newest first.
func (d *Desk) Orders(ctx context.Context, most int) ([]Order, error) {
	r, err := d.Store.Read(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("orders to the breaker: %w", err)
	}
	var orders []Order
	for n := r.Orders; n > 0 && len(orders) < most; n-- {
		o, err := d.Store.Given(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("order %d to the breaker: %w", n, err)
		}
		orders = append(orders, o)
	}
	return orders, nil
}
