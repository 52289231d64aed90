package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

const sweeperTimeout = time.Minute

// sweeperPart stands in for the sweeper, which the product does not have yet. It
// sees at once what is overdue, and which records the stream lost; what it does
// about it goes the way of every function.
func sweeperPart() part {
	return part{wire: func(w *World) error {
		s := &sweeper{World: w, bookings: w.service()}
		w.scheduled("sweeper", sweeperTimeout, func(ctx context.Context, inv *invocation) {
			s.expireOverdue(ctx, inv)
			s.bringBack(ctx)
		})
		w.waiting = append(w.waiting, func() bool { return len(w.lost) > 0 })
		return nil
	}}
}

type sweeper struct {
	*World
	bookings *booking.Service
}

func (s *sweeper) expireOverdue(ctx context.Context, inv *invocation) {
	for _, a := range s.oracle.order {
		if deadline := a.state.Deadline(); deadline.IsZero() || inv.now().Before(deadline) {
			continue
		}
		_, err := s.bookings.Execute(ctx, a.id, booking.Expire{At: inv.now()}, booking.Envelope{
			CommandID: fmt.Sprintf("sw_%s_%d", a.id, a.state.Version), Actor: booking.ActorSweeper, At: inv.now(),
		})
		if err != nil {
			s.tell(string(a.id), "the sweeper does not expire %s: %v", a.id, err)
		}
	}
}

// bringBack sends hints of what the stream lost, until they are sent.
func (s *sweeper) bringBack(ctx context.Context) {
	for len(s.lost) > 0 {
		id := s.lost[0]
		hints := []queue.Hint{queue.NewHint(id, s.oracle.streams[id].state.Version, "")}
		for _, q := range []*sqs{s.projection, s.owed} {
			if _, err := (sender{q}).Send(ctx, hints); err != nil {
				return
			}
		}
		s.lost = s.lost[1:]
	}
}
