package events

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SaltSize is the length of a commit's salt in bytes.
const SaltSize = 16

// Position is the place in a stream where the next commit goes. It can be had
// only from NewStream or from a History, so that whoever appends has seen, or
// knows, everything before it. The zero Position is invalid. A Position is a
// value and may be used concurrently.
type Position struct {
	stream StreamID
	next   int64
	prev   []byte
}

// NewStream returns the position before the first commit of a stream that the
// caller believes not to exist yet.
func NewStream(id StreamID) Position { return Position{stream: id, next: 1} }

// Stream returns the stream that p belongs to.
func (p Position) Stream() StreamID { return p.stream }

// Version returns the version of the last event before p, 0 for a new stream.
func (p Position) Version() int64 { return p.next - 1 }

// Stamp is what a store draws at random for every write that it attempts.
type Stamp struct {
	CommitID string
	Salt     [SaltSize]byte
}

// NewStamp draws a stamp from the operating system's randomness.
func NewStamp() Stamp {
	s := Stamp{CommitID: "cm_" + strings.ToLower(rand.Text())}
	_, _ = rand.Read(s.Salt[:]) // never fails, it would end the process
	return s
}

// Seal makes the commit that draft becomes at p. It copies what it keeps. It
// returns ErrInvalid for a draft that no store may accept, and ErrTooLarge for
// one above MaxCommitBytes. Stores call it; nobody else needs to.
func (p Position) Seal(draft Draft, stamp Stamp) (Commit, error) {
	if err := p.check(draft); err != nil {
		return Commit{}, err
	}
	c := Commit{
		Stream: p.stream, Version: p.next, Events: draft.Events,
		ID: stamp.CommitID, CommandID: draft.CommandID,
		Salt: stamp.Salt[:], Personal: draft.Personal,
		Actor: draft.Actor, RecordedAt: draft.RecordedAt.UTC().Truncate(time.Millisecond),
		Trace: draft.Trace, Prev: p.prev,
	}
	c.Fingerprint = saltedHash(c.Salt, draft.Request)
	if len(c.Personal) > 0 {
		c.PersonalHash = saltedHash(c.Salt, c.Personal)
	} else {
		c.Personal = nil
	}
	c.Digest = c.digest()
	if size := c.size(); size > MaxCommitBytes {
		return Commit{}, fmt.Errorf("commit of %d bytes to %s, at most %d are allowed: %w", size, p.stream, MaxCommitBytes, ErrTooLarge)
	}
	return c.Clone(), nil
}

func (p Position) check(draft Draft) error {
	var problem string
	switch {
	case p.stream == "" || p.next < 1:
		problem = "the position is not from Load or NewStream"
	case draft.CommandID == "":
		problem = "the command id is empty"
	case len(draft.Events) == 0:
		problem = "there are no events"
	case (draft.Lease.Change == LeaseKept) != (draft.Lease.Name == ""):
		problem = "the lease has no name or no change"
	case draft.RecordedAt.IsZero():
		problem = "recorded_at is missing"
	default:
		for _, e := range draft.Events {
			if e.Type == "" || e.Schema < 1 || len(e.Data) == 0 {
				problem = "an event lacks its type, schema or data"
			}
		}
	}
	if problem == "" {
		return nil
	}
	return fmt.Errorf("draft for %q: %s: %w", p.stream, problem, ErrInvalid)
}

// History is a stream as it was read: all its commits from the first on.
type History struct {
	stream  StreamID
	commits []Commit
}

// NewHistory checks that commits are a whole stream from version 1 on, each
// tied to the one before it, and returns them as a History, which owns them from
// then on. Otherwise it returns ErrCorrupt. Digests are compared, not computed
// again: that is Verify.
func NewHistory(id StreamID, commits []Commit) (History, error) {
	h := History{stream: id}
	for _, c := range commits {
		if err := h.follow(c); err != nil {
			return History{}, err
		}
		h.commits = append(h.commits, c)
	}
	return h, nil
}

func (h History) follow(c Commit) error {
	at := h.Position()
	switch {
	case c.Stream != h.stream:
		return fmt.Errorf("stream %s holds a commit of %s: %w", h.stream, c.Stream, ErrCorrupt)
	case c.Version != at.next:
		return fmt.Errorf("stream %s has version %d where %d belongs: %w", h.stream, c.Version, at.next, ErrCorrupt)
	case len(c.Events) == 0:
		return fmt.Errorf("stream %s has an empty commit at version %d: %w", h.stream, c.Version, ErrCorrupt)
	case !bytes.Equal(c.Prev, at.prev):
		return fmt.Errorf("stream %s breaks its chain of digests at version %d: %w", h.stream, c.Version, ErrCorrupt)
	}
	return nil
}

// Stream returns the id of the stream.
func (h History) Stream() StreamID { return h.stream }

// Commits returns the commits in order. The slice belongs to the History.
func (h History) Commits() []Commit { return h.commits }

// Exists tells whether anything was ever appended.
func (h History) Exists() bool { return len(h.commits) > 0 }

// Position returns where the next commit goes.
func (h History) Position() Position {
	if !h.Exists() {
		return NewStream(h.stream)
	}
	last := h.commits[len(h.commits)-1]
	return Position{stream: h.stream, next: last.Last() + 1, prev: last.Digest}
}

// With returns the history with c, the commit just appended at its Position, at
// its end. h itself stays as it is.
func (h History) With(c Commit) (History, error) {
	if err := h.follow(c); err != nil {
		return History{}, err
	}
	return History{stream: h.stream, commits: append(h.commits[:len(h.commits):len(h.commits)], c)}, nil
}

// Until returns the history up to and including the commit whose last event has
// the given version, and false where no commit ends there.
func (h History) Until(version int64) (History, bool) {
	for i, c := range h.commits {
		if c.Last() == version {
			return History{stream: h.stream, commits: h.commits[: i+1 : i+1]}, true
		}
	}
	return History{}, false
}

// Command returns the commit that the command with this id appended.
func (h History) Command(id string) (Commit, bool) {
	for _, c := range h.commits {
		if c.CommandID == id {
			return c, true
		}
	}
	return Commit{}, false
}

// Trace returns what the newest commit that tells goes back to, each field by itself: what
// belongs to the same stream and was not asked for by a request of its own goes on there.
func (h History) Trace() Trace {
	var t Trace
	for _, c := range h.commits {
		t.CorrelationID = cmp.Or(c.Trace.CorrelationID, t.CorrelationID)
		t.CausationID = cmp.Or(c.Trace.CausationID, t.CausationID)
		t.Traceparent = cmp.Or(c.Trace.Traceparent, t.Traceparent)
	}
	return t
}

// Continue returns t with what it does not say of the request and the trace that h goes
// back to.
func (h History) Continue(t Trace) Trace {
	before := h.Trace()
	t.CorrelationID = cmp.Or(t.CorrelationID, before.CorrelationID)
	t.Traceparent = cmp.Or(t.Traceparent, before.Traceparent)
	return t
}

// Verify computes every digest and every hash of personal data that is still
// there again, and returns every mismatch, each an ErrCorrupt that says where.
func (h History) Verify() error {
	var errs []error
	for _, c := range h.commits {
		if !bytes.Equal(c.digest(), c.Digest) {
			errs = append(errs, fmt.Errorf("%s at version %d: digest differs: %w", h.stream, c.Version, ErrCorrupt))
		}
		if c.Personal != nil && !bytes.Equal(saltedHash(c.Salt, c.Personal), c.PersonalHash) {
			errs = append(errs, fmt.Errorf("%s at version %d: personal data differs: %w", h.stream, c.Version, ErrCorrupt))
		}
	}
	return errors.Join(errs...)
}
