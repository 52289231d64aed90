package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Wait is how long a phase lasts that waits for every environment to know the
// projections: longer than one goes on with what it read, and than any function
// runs, with some room for clocks that disagree. A test holds the template to it.
const Wait = readmodel.PointerTTL + 140*time.Second

const (
	// pace is how often a Director wants to look again while something is under way.
	pace = 5 * time.Second
	// stalled is when a segment without news gets another message: longer than a
	// killed worker's message stays invisible.
	stalled = 15 * time.Minute
	// auditEvery is how often views are audited without being asked for.
	auditEvery = 24 * time.Hour
	// maxRounds bounds the checks of a new projection: what differs is mended, and
	// only a check that finds nothing lets it be read.
	maxRounds = 5
)

// Director advances rebuilds and audits. It is a pass of the sweeper, and safe to run
// twice at once: each step is written under the revision that it was decided on.
type Director struct {
	Control control.Store
	Tasks   Queue
	// Now is the wall clock.
	Now func() time.Time
	// Wait is how long phases wait; production sets the constant of that name.
	Wait time.Duration
	// Tell, if set, takes the time since the last clean audit began, at every run; see
	// State.CleanSince.
	Tell func(context.Context, time.Duration)
}

// Name implements sweeper.Pass.
func (d *Director) Name() string { return "projections" }

// Run implements sweeper.Pass: it takes every step that can be taken now.
func (d *Director) Run(ctx context.Context) (time.Time, error) {
	for {
		state, revision, err := ReadState(ctx, d.Control)
		if err != nil {
			return time.Time{}, err
		}
		moved, err := d.advance(ctx, &state)
		if err != nil {
			return time.Time{}, err
		}
		if !moved {
			if d.Tell != nil {
				d.Tell(ctx, state.UncleanFor(d.Now()))
			}
			if state.Over() {
				return time.Time{}, nil
			}
			return d.Now().Add(pace), nil
		}
		err = writeState(ctx, d.Control, state, revision)
		switch {
		case errors.Is(err, control.ErrConflict):
			return d.Now().Add(pace), nil // another sweeper is at it, or an operator
		case err != nil:
			return time.Time{}, err
		}
	}
}

// advance takes the next step in state, and tells whether there was one. Audits wait for a
// rebuild that goes on by itself, and not for one that rests until an operator decides.
func (d *Director) advance(ctx context.Context, s *State) (bool, error) {
	switch {
	case s.Run != nil && s.Run.Work == Inspect && s.Rebuild.released():
		s.turnOver(d.Now().UTC())
		return true, nil
	case s.Run != nil:
		return d.attend(ctx, s)
	case s.Rebuild.underWay() && d.rebuild(s):
		return true, nil
	case s.Rebuild.underWay() && !s.Rebuild.rests():
		return false, nil
	}
	return d.audit(s), nil
}

// audit takes the next step of an audit that has no walk under way.
func (d *Director) audit(s *State) bool {
	switch {
	case s.Audit != nil && s.Audit.Phase == Requested:
		s.Audit.Phase = Checking
		s.walk(Run{ID: fmt.Sprintf("audit-%s", s.Audit.Began.UTC().Format("20060102T150405.000")), Work: Inspect, Projection: s.Active, Plan: s.Audit.Plan, Repair: s.Audit.Repair})
	case s.auditDue(d.Now()):
		s.request(Audit{Began: d.Now().UTC(), Plan: Plan{Segments: DefaultSegments, Rate: dailyRate}, Repair: true})
	default:
		return false
	}
	return true
}

// dailyRate spares the tables for those who ride: 200 bookings a second are 17
// million a day.
const dailyRate = 200

// auditDue tells whether a day has passed since the last audit. Before the first one
// nobody knows: it is due.
func (s State) auditDue(now time.Time) bool {
	return s.Audit == nil || now.Sub(s.Audit.Began) >= auditEvery
}

// rebuild takes the next step of a rebuild that has no walk under way.
func (d *Director) rebuild(s *State) bool {
	r, now := s.Rebuild, d.Now().UTC()
	waited := now.Sub(r.Since) >= d.Wait
	switch {
	case r.Phase == Requested:
		s.Feeding = r.Target
		r.enter(Feeding, now)
	case r.Phase == Feeding && waited:
		r.enter(Scanning, now)
		s.walk(Run{ID: r.runID(), Work: Build, Projection: r.Target, Plan: r.Plan})
	case r.released():
		s.turnOver(now)
	case r.Phase == Switched && waited:
		s.Feeding = 0
		r.enter(Retired, now)
	case (r.Phase == Retired || r.Phase == Aborting) && waited:
		drop := r.Old
		if r.Aborted {
			drop = r.Target
		}
		r.enter(Dropping, now)
		s.walk(Run{ID: r.runID(), Work: Drop, Projection: drop, Plan: r.Plan})
	default:
		return false
	}
	return true
}

func (r Rebuild) runID() string { return fmt.Sprintf("rebuild-%d-%s-%d", r.Target, r.Phase, r.Round) }

// turnOver makes the new projection the one that is read. The old one stays fed: for
// a while there are environments that read it.
func (s *State) turnOver(now time.Time) {
	s.Active, s.Feeding = s.Rebuild.Target, s.Rebuild.Old
	s.Rebuild.enter(Switched, now)
}

func (s *State) walk(r Run) { s.Run = &r }

// attend looks after the walk under way: it sends its messages, sends some again
// where nothing happened for long, and takes the next step when all is done.
func (d *Director) attend(ctx context.Context, s *State) (bool, error) {
	all, err := ReadAllProgress(ctx, d.Control, *s.Run)
	if err != nil {
		return false, err
	}
	counts, findings, over := Sum(all)
	if over == s.Run.Segments {
		s.arrive(counts, findings, d.Now().UTC())
		return true, nil
	}
	var tasks []Task
	for i, p := range all {
		if !p.Over() && d.overdue(s.Run.SentAt, p) {
			tasks = append(tasks, Task{V: taskVersion, Run: s.Run.ID, Segment: i})
		}
	}
	if len(tasks) == 0 {
		return false, nil
	}
	// Sent first and noted then: killed in between, they are sent once more.
	if err := send(ctx, d.Tasks, tasks); err != nil {
		return false, fmt.Errorf("send %d tasks of %s: %w", len(tasks), s.Run.ID, err)
	}
	s.Run.SentAt = d.Now().UTC()
	return true, nil
}

// overdue tells whether a segment needs a message: none was sent, or whoever got it
// has not been heard of for long.
func (d *Director) overdue(sentAt time.Time, p Progress) bool {
	now := d.Now()
	return sentAt.IsZero() || now.Sub(sentAt) >= stalled && now.Sub(p.At) >= stalled
}

// arrive takes the step after a walk that is done.
func (s *State) arrive(counts Counts, findings []Finding, now time.Time) {
	work := s.Run.Work
	s.Run = nil
	r := s.Rebuild
	switch work {
	case Inspect:
		s.Audit.Phase, s.Audit.Ended, s.Audit.Counts, s.Audit.Findings = Done, now, counts, findings
		if counts.Differences == counts.Mended {
			s.CleanSince = s.Audit.Began
		}
	case Build:
		r.Built = counts
		s.check(now)
	case Check:
		r.Checked, r.Findings = counts, findings
		switch {
		case counts.Differences == 0 && r.Hold:
			r.enter(Held, now)
		case counts.Differences == 0:
			s.turnOver(now)
		case r.Round >= maxRounds:
			r.enter(Refused, now)
		default:
			s.check(now)
		}
	case Drop:
		r.enter(Done, now)
		r.Ended = now
	}
}

// check begins another check of the new projection.
func (s *State) check(now time.Time) {
	r := s.Rebuild
	r.Round++
	r.enter(Checking, now)
	s.walk(Run{ID: r.runID(), Work: Check, Projection: r.Target, Plan: r.Plan, Repair: true})
}
