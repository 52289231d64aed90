package payments_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// stalling calls stall once, after the provider has answered the call number at, and
// before the caller sees the answer.
type stalling struct {
	payments.Gateway
	at    int
	calls int
	stall func()
}

func stalled[T any](s *stalling, answer T, err error) (T, error) {
	s.calls++
	if s.calls == s.at {
		s.stall()
	}
	return answer, err
}

func (s *stalling) Create(ctx context.Context, o payments.Order, key string) (payments.Payment, error) {
	p, err := s.Gateway.Create(ctx, o, key)
	return stalled(s, p, err)
}

func (s *stalling) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	p, err := s.Gateway.Confirm(ctx, ref, key)
	return stalled(s, p, err)
}

func (s *stalling) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	p, err := s.Gateway.Retrieve(ctx, ref)
	return stalled(s, p, err)
}

func (s *stalling) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	p, err := s.Gateway.Capture(ctx, ref, amount, key)
	return stalled(s, p, err)
}

func (s *stalling) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	p, err := s.Gateway.Cancel(ctx, ref, key)
	return stalled(s, p, err)
}

func (s *stalling) Refund(ctx context.Context, o payments.RefundOrder, key string) (payments.RefundObject, error) {
	r, err := s.Gateway.Refund(ctx, o, key)
	return stalled(s, r, err)
}

func (s *stalling) Refunds(ctx context.Context, ref string) ([]payments.RefundObject, error) {
	all, err := s.Gateway.Refunds(ctx, ref)
	return stalled(s, all, err)
}

func (s *stalling) Disputes(ctx context.Context, ref string) ([]payments.Dispute, error) {
	all, err := s.Gateway.Disputes(ctx, ref)
	return stalled(s, all, err)
}

// move is something that happens at the provider, or that ops ask for; where it is not
// possible, nothing happens.
type move func(context.Context, *desk)

// story is what happens to one booking, move after move. After each move the provider
// sends a webhook.
type story struct {
	arrive func(*testing.T, *desk)
	moves  []move
}

func banksDecide(failure string) move {
	return func(_ context.Context, d *desk) {
		for _, e := range d.provider.Ledger() {
			d.decideRefunds(e, failure)
		}
	}
}

func refundsByHand(amount int64) move {
	return func(_ context.Context, d *desk) { _, _ = d.provider.RefundByHand("pi_fake1", amount) }
}

func disputes(status string) move {
	return func(_ context.Context, d *desk) { d.provider.Dispute("pi_fake1", status) }
}

func cancelsByHand(ctx context.Context, d *desk) {
	_, _ = d.provider.Cancel(ctx, "pi_fake1", "by hand")
}

func capturesByHand(ctx context.Context, d *desk) {
	_, _ = d.provider.Capture(ctx, "pi_fake1", 700, "by hand")
}

func aWeekPasses(_ context.Context, d *desk) { d.clock = d.clock.AddDate(0, 0, 8) }

func theNextCardDeclines(_ context.Context, d *desk) {
	d.provider.Script(gatewaytest.Confirm, gatewaytest.Declined("do_not_honor"))
}

func gives(c func(*desk) booking.Command) move {
	return func(ctx context.Context, d *desk) {
		_, _ = d.Bookings.Execute(ctx, id, c(d), booking.Envelope{
			CommandID: "rq_" + events.NewStamp().CommitID, Actor: "ops/otto", At: d.clock,
		})
	}
}

// stories go through all that Record commands tell of.
func stories() map[string]story {
	cancel := gives(func(d *desk) booking.Command {
		return booking.Cancel{At: d.clock, By: booking.ActorRider, Reason: "x"}
	})
	expire := gives(func(d *desk) booking.Command { return booking.Expire{At: d.clock.Add(booking.AuthorizeWithin)} })
	retry := gives(func(d *desk) booking.Command { return booking.RetryPayment{At: d.clock} })
	captured := func(t *testing.T, d *desk) { t.Helper(); completed(t, d); d.hinted(t) }
	pending := func(t *testing.T, d *desk) {
		t.Helper()
		refundAsked(84)(t, d)
		d.provider.Script(gatewaytest.Refund, gatewaytest.Pending())
	}
	declined := func(t *testing.T, d *desk) {
		t.Helper()
		lostAndRetried(t, d)
		theNextCardDeclines(t.Context(), d)
	}
	unseen := func(m move) func(*testing.T, *desk) { // its webhook is lost
		return func(t *testing.T, d *desk) { t.Helper(); captured(t, d); m(t.Context(), d) }
	}
	return map[string]story{
		"a refund by hand that is not seen": {unseen(refundsByHand(84)), []move{banksDecide("lost_card"), refundsByHand(84)}},
		"a dispute that is not seen":        {unseen(disputes("needs_response")), []move{disputes("under_review"), disputes("won")}},
		"a booking that is canceled":        {nil, []move{cancel}},
		"a booking that expires":            {nil, []move{expire}},
		"a card that declines":              {nil, []move{theNextCardDeclines, cancel}},
		"a refund":                          {refundAsked(84), []move{banksDecide("lost_card"), refundsByHand(84)}},
		"a refund that is pending":          {pending, []move{banksDecide(""), banksDecide("lost_card")}},
		"a refund that fails at once":       {pending, []move{banksDecide("lost_card"), refundsByHand(100)}},
		"a refund by hand":                  {captured, []move{refundsByHand(84), banksDecide("lost_card"), refundsByHand(1084)}},
		"a refund by hand among ours":       {refundAsked(84, 84), []move{refundsByHand(84), banksDecide("lost_card"), refundsByHand(84)}},
		"a dispute":                         {captured, []move{disputes("needs_response"), disputes("under_review"), disputes("won")}},
		"a dispute that goes back":          {captured, []move{disputes("needs_response"), disputes("under_review"), disputes("needs_response")}},
		"a hold that is canceled":           {nil, []move{cancelsByHand}},
		"a hold that is captured":           {nil, []move{capturesByHand, refundsByHand(100), disputes("lost")}},
		"a hold that is canceled unneeded":  {canceledEarly, []move{cancelsByHand}},
		"a hold that lapses":                {completed, []move{aWeekPasses, retry}},
		"a hold that lapses, for a fee":     {canceledLate, []move{aWeekPasses, retry}},
		"a hold that lapses in the ride":    {underWay, []move{aWeekPasses, retry}},
		"a second card that declines":       {declined, []move{retry}},
		"a second card that declines twice": {declined, []move{theNextCardDeclines, retry, retry}},
	}
}

// reconciles brings hints to reconcile until one succeeds, or has to wait for a bank.
func reconciles(ctx context.Context, p *payments.Processor) error {
	var last error
	for range 5 {
		_, last = p.Reconcile(ctx, id, events.Trace{})
		if last == nil || errors.Is(last, payments.ErrUndecided) {
			return nil
		}
	}
	return last
}

// pass makes moves, each with a webhook that another function handles at once.
func (d *desk) pass(t *testing.T, moves []move) {
	t.Helper()
	other := *d.Processor
	other.Gateway = d.provider
	for _, m := range moves {
		m(t.Context(), d)
		if err := reconciles(t.Context(), &other); err != nil {
			t.Errorf("another function: %v", err)
		}
	}
}

// crosses lets a function stall at one of its calls, while moves are made; the last
// webhook goes to a function that stalls, too, until the first one is done. It reports
// false where one of them makes fewer calls.
func (d *desk) crosses(t *testing.T, at, otherAt int, moves []move) (both bool) {
	t.Helper()
	firstDone, otherStalls, otherDone := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	other := *d.Processor
	other.Gateway = &stalling{Gateway: d.provider, at: otherAt, stall: func() {
		both = true
		close(otherStalls)
		<-firstDone
	}}
	first := *d.Processor
	first.Gateway = &stalling{Gateway: d.provider, at: at, stall: func() {
		last := max(0, len(moves)-1)
		d.pass(t, moves[:last])
		for _, m := range moves[last:] {
			m(t.Context(), d)
		}
		go func() { otherDone <- reconciles(t.Context(), &other) }()
		select {
		case <-otherStalls:
		case err := <-otherDone:
			otherDone <- err
		}
	}}
	err := reconciles(t.Context(), &first)
	close(firstDone)
	if first.Gateway.(*stalling).calls < at {
		return false
	}
	if err := errors.Join(err, <-otherDone); err != nil {
		t.Error(err)
	}
	return both
}

// A function reads what the provider has, and stalls. Meanwhile the provider moves on and
// other functions record that, one of them after the first has gone on. Wherever they
// stall, the log ends as the provider is: what is older than the log appends nothing, and
// what is newer is not taken for known.
func TestAFactThatIsOlderThanTheLogAppendsNothing(t *testing.T) {
	t.Parallel()
	for name, s := range stories() {
		for from := range s.moves {
			for to := from + 1; to <= len(s.moves); to++ {
				t.Run(fmt.Sprintf("%s, %d to %d", name, from, to), func(t *testing.T) {
					t.Parallel()
					reached := 0
					for at := 1; at < 10; at++ {
						for otherAt := 1; otherAt < 10; otherAt++ {
							d := newDesk(t, "pm_card_visa")
							if s.arrive != nil {
								s.arrive(t, d)
							}
							d.pass(t, s.moves[:from])
							both := d.crosses(t, at, otherAt, s.moves[from:to])
							d.agrees(t)
							if t.Failed() {
								t.Fatalf("stalled at calls %d and %d: %v", at, otherAt, d.history(t))
							}
							if !both {
								break
							}
							reached++
						}
					}
					if reached == 0 {
						t.Error("no two functions have stalled")
					}
				})
			}
		}
	}
}
