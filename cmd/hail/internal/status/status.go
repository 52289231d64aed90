package status

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// Sources are where a stack's state is read. Every call of one is bounded by patience:
// the others are told even where one hangs.
type Sources struct {
	SQS     SQS
	Queues  []Queue
	Commits events.Catalog
	Log     events.Store
	Views   Views
	Items   deferral.Store
	Control control.Store
	Breaker func(context.Context) (fleet.Status, error)
	Metrics func(context.Context) (Metrics, error)
	Now     func() time.Time
}

// Views are those that are read: readmodel.Live.
type Views interface {
	Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error)
	Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error)
}

// Report is the state of a stack. What could not be read is nil, and told in Unknown.
// Ages are in seconds.
type Report struct {
	At       time.Time  `json:"at"`
	Queues   []Depth    `json:"queues,omitempty"`
	Views    *Freshness `json:"views,omitempty"`
	Metrics  *Metrics   `json:"metrics,omitempty"`
	Breaker  *Breaker   `json:"breaker,omitempty"`
	Payments *Waiting   `json:"payments,omitempty"`
	Overdue  *Waiting   `json:"overdue,omitempty"`
	// Failed are payments that wait for an operator.
	Failed *Waiting `json:"failed_payments,omitempty"`
	// Projections is what is done about the views as a whole.
	Projections *rebuild.State `json:"projections,omitempty"`
	// Attention is what needs somebody, and Unknown what could not be read, and why.
	Attention []string `json:"attention"`
	Unknown   []string `json:"unknown"`
}

// Waiting counts what waits, and tells for how long the first of it does.
type Waiting struct {
	Count int `json:"count"`
	// Oldest is in seconds.
	Oldest float64 `json:"oldest_s"`
}

// Breaker is the breaker before the payment provider.
type Breaker struct {
	State string          `json:"state"`
	Mode  resilience.Mode `json:"mode"`
}

// patience is how long one source may take.
const patience = 10 * time.Second

// Gather reads all sources. It never fails: what it could not read, the report tells.
func Gather(ctx context.Context, s Sources) Report {
	r := Report{At: s.Now().UTC(), Attention: []string{}, Unknown: []string{}}
	for _, part := range []struct {
		name string
		read func(context.Context, *Report) error
	}{
		{"queues", s.queues},
		{"views", s.freshness},
		{"metrics", s.metrics},
		{"breaker", s.breaker},
		{"payments", s.payments},
		{"deadlines", s.overdue},
		{"projections", s.projections},
	} {
		bounded, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
		err := part.read(bounded, &r)
		cancel()
		if err != nil {
			r.Unknown = append(r.Unknown, fmt.Sprintf("%s: %v", part.name, err))
		}
	}
	return r
}

func (r *Report) attend(format string, args ...any) {
	r.Attention = append(r.Attention, fmt.Sprintf(format, args...))
}

func (s Sources) breaker(ctx context.Context, r *Report) error {
	b, err := s.Breaker(ctx)
	if err != nil {
		return err
	}
	r.Breaker = &Breaker{State: b.State.String(), Mode: b.Mode}
	switch {
	case b.Mode != resilience.Auto:
		r.attend("The breaker was ordered to be %s: hail breaker status tells why.", b.State)
	case b.State != resilience.Closed:
		r.attend("The breaker is %s: the payment provider fails, and payments wait.", b.State)
	}
	return nil
}

// Thresholds are those of the alarms in template.yaml; a test holds them to that.
const (
	tooLongQueued  = 5 * time.Minute
	tooLongDue     = 30 * time.Minute
	tooLongOverdue = 15 * time.Minute
	tooFarBehind   = 30 * time.Second
	tooOldIterator = time.Minute
	tooLongUnclean = 48 * time.Hour
)

// payments looks at the payment work that was put off.
func (s Sources) payments(ctx context.Context, r *Report) error {
	items, err := deferral.All(ctx, s.Items)
	if err != nil {
		return err
	}
	var w Waiting
	for _, item := range items {
		w.add(r.At.Sub(item.Since))
	}
	r.Payments = &w
	if w.Oldest > tooLongDue.Seconds() {
		r.attend("A payment has waited for %s: hail payments pending tells why.", age(w.Oldest))
	}
	return nil
}

// overdue looks at the deadlines of bookings that the sweeper has not got to, and at
// failed payments, whose deadline means nothing: they wait for an operator.
func (s Sources) overdue(ctx context.Context, r *Report) error {
	// Of each shard, the longest overdue first. A payment that has just failed is seen
	// unless so many others in its shard are due within the same quarter of an hour.
	const page = 25
	var overdue, failed Waiting
	for shard := range readmodel.DeadlineShards {
		by := r.At.Add(readmodel.PaymentCheckAfter)
		places, _, err := s.Views.Overdue(ctx, readmodel.OverdueQuery{Shard: shard, By: by, Limit: page})
		if err != nil {
			return err
		}
		failures, err := s.failures(ctx, places)
		if err != nil {
			return err
		}
		for _, p := range places {
			switch {
			case failures[p.ID]:
				failed.add(r.At.Sub(p.Time.Add(-readmodel.PaymentCheckAfter)))
			case !p.Time.After(r.At):
				overdue.add(r.At.Sub(p.Time))
			}
		}
	}
	r.Overdue, r.Failed = &overdue, &failed
	if overdue.Oldest > tooLongOverdue.Seconds() {
		r.attend("A booking has been overdue for %s: the sweeper does not get to it.", age(overdue.Oldest))
	}
	if failed.Count > 0 {
		r.attend("%d payments have failed, the first %s ago: RUNBOOK.md, Payment failed, says how to retry them.", failed.Count, age(failed.Oldest))
	}
	return nil
}

// failures returns the bookings whose payment has failed, as far as their views can be
// read.
func (s Sources) failures(ctx context.Context, places []readmodel.Place) (map[booking.ID]bool, error) {
	if len(places) == 0 {
		return nil, nil //nolint:nilnil // nothing has failed
	}
	var ids []booking.ID
	for _, p := range places {
		ids = append(ids, p.ID)
	}
	records, err := s.Views.Records(ctx, ids)
	if err != nil {
		return nil, err
	}
	failed := map[booking.ID]bool{}
	for id, record := range records {
		view, err := readmodel.Decode(record.Body)
		failed[id] = err == nil && view.Payment.State == booking.PaymentHasFailed
	}
	return failed, nil
}

func (w *Waiting) add(d time.Duration) {
	w.Count++
	w.Oldest = max(w.Oldest, d.Seconds())
}

func (s Sources) projections(ctx context.Context, r *Report) error {
	state, _, err := rebuild.ReadState(ctx, s.Control)
	if err != nil {
		return err
	}
	r.Projections = &state
	if b := state.Rebuild; b != nil && b.Phase == rebuild.Refused {
		r.attend("The rebuild of projection %d kept differing from the log: hail rebuild status tells in what.", b.Target)
	}
	if a := state.Audit; a != nil && a.Phase == rebuild.Done {
		if left := a.Counts.Differences - a.Counts.Mended; left > 0 {
			r.attend("The last audit found %d differences that are not mended: hail audit --last lists them.", left)
		}
	}
	switch a := state.Audit; {
	case a != nil && a.Phase == rebuild.Done && r.At.Sub(a.Began) > tooLongUnclean:
		r.attend("The last audit was %s ago, and one is due every day: the sweeper may be off.", age(r.At.Sub(a.Began).Seconds()))
	case state.UncleanFor(r.At) > tooLongUnclean:
		r.attend("No audit that began in the last %s left everything right: hail audit --last tells what is wrong, hail rebuild status whether one is at work.", age(state.UncleanFor(r.At).Seconds()))
	}
	return nil
}

func age(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
