package rebuild

import (
	"context"
	"slices"
)

// AlarmFinding is the message about what an audit found and cannot mend: a stream that
// cannot be read, a view without a stream, a lease without a ride. A metric and an alarm
// are made from it.
const AlarmFinding = "audit finding"

// Logger is what this package needs of a slog.Logger.
type Logger interface {
	InfoContext(ctx context.Context, message string, attributes ...any)
	ErrorContext(ctx context.Context, message string, attributes ...any)
}

// pass is what was found on the page in work, since its worker began it.
type pass struct {
	found, mended int64
	findings      []Finding // the first of them
}

// found notes a difference, in memory until the page ends or something is to be mended. One
// that was noted by a worker that was killed then is the same one again.
func (s *slice) found(f Finding) {
	if slices.ContainsFunc(s.progress.Findings, f.sameAs) {
		return
	}
	s.pass.found++
	if len(s.pass.findings) < maxFindings {
		s.pass.findings = append(s.pass.findings, f)
	}
}

// noteFindings puts what was found on the page into the document. A worker that was killed
// may have noted them before.
func (s *slice) noteFindings(ctx context.Context) error {
	s.progress.OpenCount = max(s.progress.OpenCount, s.pass.found)
	for _, f := range s.pass.findings {
		if len(s.progress.Open) < maxFindings && !slices.ContainsFunc(s.progress.Open, f.sameAs) {
			s.progress.Open = append(s.progress.Open, f)
		}
	}
	return s.save(ctx)
}

// mended notes that a difference is no more.
func (s *slice) mended(f Finding) {
	if slices.ContainsFunc(s.progress.Findings, f.sameAs) {
		return
	}
	s.pass.mended++
	if i := slices.IndexFunc(s.pass.findings, f.sameAs); i >= 0 {
		s.pass.findings[i].Mended = true
	}
}

// settle closes a page: its findings join those of the segment. What was noted and is not
// found again was mended by a worker that was killed then.
func (s *slice) settle(ctx context.Context) {
	count := max(s.progress.OpenCount, s.pass.found)
	s.progress.Counts.Differences += count
	s.progress.Counts.Mended += count - (s.pass.found - s.pass.mended)
	all := slices.Clone(s.pass.findings)
	for _, f := range s.progress.Open {
		if !slices.ContainsFunc(all, f.sameAs) {
			f.Mended = true
			all = append(all, f)
		}
	}
	for _, f := range all {
		if len(s.progress.Findings) < maxFindings {
			s.progress.Findings = append(s.progress.Findings, f)
			s.log(ctx, f)
		}
	}
	s.progress.Open, s.progress.OpenCount, s.pass = nil, 0, pass{}
}

// log writes a line about a finding, as a rule once. Those beyond the first of a segment
// are only counted.
func (s *slice) log(ctx context.Context, f Finding) {
	if s.Logger == nil {
		return
	}
	about := []any{"kind", f.Kind, "booking_id", f.Booking, "lease", f.Lease, "stored", f.Stored, "wanted", f.Wanted, "mended", f.Mended, "run", s.run.ID}
	if f.Kind.forPeople() {
		s.Logger.ErrorContext(ctx, AlarmFinding, about...)
		return
	}
	s.Logger.InfoContext(ctx, "view differed", about...)
}

// sameAs tells whether two findings are of the same thing, whatever its versions are.
func (f Finding) sameAs(g Finding) bool {
	return f.Kind == g.Kind && f.Booking == g.Booking && f.Lease == g.Lease
}

// forPeople tells whether no walk mends it.
func (k Kind) forPeople() bool { return k == Unreadable || k == Orphan || k == StaleLease }
