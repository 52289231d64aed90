package rebuild

import (
	"context"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// State is the control document that everything turns on: which projections there
// are, and what is being done about them. It is one document so that each step is one
// write, and so that only one walk goes on at a time.
type State struct {
	readmodel.Projections
	// Newest is the highest number that a projection ever had.
	Newest int `json:"newest,omitzero"`
	// Rebuild and Audit are those under way or, once over, the last ones.
	Rebuild *Rebuild `json:"rebuild,omitzero"`
	Audit   *Audit   `json:"audit,omitzero"`
	// CleanSince is when the last audit began that left no difference, or the first audit
	// as long as none did.
	CleanSince time.Time `json:"clean_since,omitzero"`
	// Run is the walk that workers are at; nil for none.
	Run *Run `json:"run,omitzero"`
}

// Rebuild is the making of a new projection.
type Rebuild struct {
	Phase Phase `json:"phase"`
	// Since is when the phase began.
	Since time.Time `json:"since"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	// Target is the new projection, Old the one that was active when it began.
	Target int `json:"target"`
	Old    int `json:"old"`
	// Plan is how it walks.
	Plan
	// Hold makes it wait for Switch once the new projection was checked.
	Hold bool `json:"hold,omitzero"`
	// Round counts the checks.
	Round int `json:"round,omitzero"`
	// Aborted tells that the new projection was given up.
	Aborted bool `json:"aborted,omitzero"`
	// Built and Checked are what came of the scan and of the last check.
	Built   Counts `json:"built,omitzero"`
	Checked Counts `json:"checked,omitzero"`
	// Findings are some of what the last check found.
	Findings []Finding `json:"findings,omitzero"`
}

// Plan is how a walk is divided and paced.
type Plan struct {
	// Segments is how many parts the log has, each for a worker.
	Segments int `json:"segments"`
	// Rate limits how many bookings all workers together handle in a second; 0 for
	// as fast as they can.
	Rate int `json:"rate,omitzero"`
}

// Phase is how far a rebuild has come.
type Phase string

// The phases, in their order; Refused and Aborting lead to the end, too.
const (
	Requested Phase = "requested"
	Feeding   Phase = "feeding"  // news go to both projections
	Scanning  Phase = "scanning" // the log is folded into the new one
	Checking  Phase = "checking" // the new one is compared with the log
	Refused   Phase = "refused"  // it kept differing: only an abort is left
	Held      Phase = "held"     // it is right, and waits for Switch
	Switched  Phase = "switched" // the new one is read, both are fed
	Aborting  Phase = "aborting" // the new one is no longer fed
	Retired   Phase = "retired"  // the old one is no longer fed
	Dropping  Phase = "dropping"
	Done      Phase = "done"
)

// Audit is the comparison of all views with the log.
type Audit struct {
	Phase Phase     `json:"phase"` // Requested, Checking or Done
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	Plan
	// Repair mends what differs.
	Repair bool   `json:"repair,omitzero"`
	Counts Counts `json:"counts,omitzero"`
	// Findings are some of what it found.
	Findings []Finding `json:"findings,omitzero"`
}

// Run is one walk by workers.
type Run struct {
	// ID tells it from every other: a message of an earlier one is of no use.
	ID         string `json:"id"`
	Work       Work   `json:"work"`
	Projection int    `json:"projection"`
	Plan
	Repair bool `json:"repair,omitzero"`
	// SentAt is when its messages were sent; zero as long as they may not have been.
	SentAt time.Time `json:"sent_at,omitzero"`
}

// Work is what is done on a walk.
type Work string

// The kinds of work.
const (
	Build   Work = "build"   // fold every stream into the projection
	Check   Work = "check"   // compare the projection with the log, mend what differs
	Inspect Work = "inspect" // the same, and look for orphans; mend only if told so
	Drop    Work = "drop"    // remove the projection
)

// Counts say what a walk met and did.
type Counts struct {
	Streams int64 `json:"streams,omitzero"`
	Commits int64 `json:"commits,omitzero"`
	// Views are those that were looked at on a walk over a projection.
	Views int64 `json:"views,omitzero"`
	// Queried streams did not come in one piece, and were read again.
	Queried int64 `json:"queried,omitzero"`
	// Late views lag behind a commit of a moment ago: no difference.
	Late int64 `json:"late,omitzero"`
	// Newer streams and views hold what a newer release wrote: no difference.
	Newer int64 `json:"newer,omitzero"`
	// Differences were found, Mended are those of them that are no more.
	Differences int64 `json:"differences,omitzero"`
	Mended      int64 `json:"mended,omitzero"`
	// Dropped views were removed.
	Dropped int64 `json:"dropped,omitzero"`
}

// Plus returns the sum.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		Streams: c.Streams + d.Streams, Commits: c.Commits + d.Commits, Views: c.Views + d.Views, Queried: c.Queried + d.Queried,
		Late: c.Late + d.Late, Newer: c.Newer + d.Newer, Differences: c.Differences + d.Differences, Mended: c.Mended + d.Mended, Dropped: c.Dropped + d.Dropped,
	}
}

// Finding is one difference between the log and what follows from it.
type Finding struct {
	Kind Kind `json:"kind"`
	// Booking is what it is about; empty for a lease.
	Booking booking.ID `json:"booking,omitzero"`
	Lease   string     `json:"lease,omitzero"`
	// Stored and Wanted are versions; 0 for none.
	Stored int64 `json:"stored,omitzero"`
	Wanted int64 `json:"wanted,omitzero"`
	Mended bool  `json:"mended,omitzero"`
}

// Kind is how a difference looks.
type Kind string

// The kinds of differences.
const (
	Missing    Kind = "missing"    // there is no view
	Behind     Kind = "behind"     // the view is of an older version
	Differs    Kind = "differs"    // of this version, or of a later one that the log does not have
	Unreadable Kind = "unreadable" // the stream cannot be folded
	Orphan     Kind = "orphan"     // a view without a stream
	StaleLease Kind = "stale_lease"
)

// Over tells whether nothing is under way.
func (s State) Over() bool {
	return !s.Rebuild.underWay() && (s.Audit == nil || s.Audit.Phase == Done)
}

// UncleanFor returns the time since the last clean audit began; 0 before the first audit.
func (s State) UncleanFor(now time.Time) time.Duration {
	if s.CleanSince.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.CleanSince))
}

// request puts an audit in the place of the last one.
func (s *State) request(a Audit) {
	a.Phase = Requested
	s.Audit = &a
	if s.CleanSince.IsZero() {
		s.CleanSince = a.Began
	}
}

func (r *Rebuild) underWay() bool { return r != nil && r.Phase != Done }

// rests tells whether the rebuild waits for an operator, however long that takes.
func (r *Rebuild) rests() bool { return r != nil && (r.Phase == Held || r.Phase == Refused) }

// released tells whether an operator let go of the rebuild that is held.
func (r *Rebuild) released() bool { return r != nil && r.Phase == Held && !r.Hold }

// ReadState returns the State and its revision, as they are.
func ReadState(ctx context.Context, s control.Store) (State, int64, error) {
	state, revision, err := control.Read[State](ctx, s, readmodel.ProjectionDocument)
	if state.Active == 0 {
		state.Active = readmodel.FirstProjection
	}
	state.Newest = max(state.Newest, state.Active)
	return state, revision, err
}

func writeState(ctx context.Context, s control.Store, state State, revision int64) error {
	return control.Write(ctx, s, readmodel.ProjectionDocument, state, revision)
}
