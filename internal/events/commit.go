package events

import (
	"slices"
	"time"
)

// StreamID names a stream, such as booking/bk_3f….
type StreamID string

// Event is one fact as it is stored.
type Event struct {
	// Type and Schema name the shape of Data. Both are storage format: once an
	// event was stored, they never change their meaning.
	Type   string
	Schema int
	// Data is stored and digested byte for byte.
	Data []byte
}

// Draft is what a command wants to append. The store adds the position, the
// salt and the digests, see [Position.Seal].
type Draft struct {
	// CommandID identifies the command among all commands of the stream: the
	// same id with the same Request is the same command, repeated.
	CommandID string
	// Request is the canonical form of what the caller sent, the part of a
	// command that must be equal for a repeat to count as one. It is stored only
	// as a salted fingerprint.
	Request []byte
	// Events, in order; at least one.
	Events []Event
	// Personal holds personal data apart from Data, so that it can be erased
	// without breaking the digests. It is opaque here, and may be empty.
	Personal []byte
	// Actor is who gave the command, for the history: a role and a subject.
	Actor string
	// RecordedAt is the instant of the decision, by the wall clock of the
	// environment that took it; it is stored in UTC with millisecond precision
	// and never orders anything.
	RecordedAt time.Time
	Trace      Trace
	// Lease is taken or released together with the append, or neither happens.
	Lease Lease
}

// Lease is something that at most one stream may hold at a time, such as a
// driver. The zero Lease is none.
type Lease struct {
	// Name identifies it among all leases, such as driver/d-42.
	Name   string
	Change LeaseChange
}

// LeaseChange is what a commit does to a lease.
type LeaseChange int

// The changes of a lease. Taking what the stream holds already and releasing
// what nobody holds succeed.
const (
	LeaseKept LeaseChange = iota
	LeaseTaken
	LeaseReleased
)

// Trace ties a commit to what led to it. All fields are optional.
type Trace struct {
	CorrelationID string // the request or job at the very beginning
	CausationID   string // the message or commit that led to this one
	Traceparent   string // W3C trace context
}

// Commit is what one command appended: an unchangeable record, apart from
// Personal and Salt, which erasure removes.
type Commit struct {
	Stream StreamID
	// Version of the first event; the others follow without a gap.
	Version int64
	Events  []Event

	// ID is unique to one decided write: it tells our own write, repeated by
	// the client library after a lost response, from another caller's.
	ID          string
	CommandID   string
	Fingerprint []byte // SHA-256(Salt ‖ Draft.Request), 128 bits of it

	Personal     []byte // nil where there was none, and after erasure
	PersonalHash []byte // the same of Personal; nil where there was none
	Salt         []byte // 16 random bytes; nil after erasure

	Actor      string
	RecordedAt time.Time
	Trace      Trace

	// Digest covers every field but Personal and Salt. Prev is the digest of
	// the commit before it, nil for the first: altering a stored commit breaks
	// the chain.
	Digest []byte
	Prev   []byte
}

// Last returns the version of the commit's last event.
func (c Commit) Last() int64 { return c.Version + int64(len(c.Events)) - 1 }

// Erased tells whether personal data was removed after the commit was stored.
// Its fingerprint can then no longer be compared.
func (c Commit) Erased() bool { return c.Salt == nil }

// Clone returns a copy that shares no memory with c.
func (c Commit) Clone() Commit {
	c.Events = slices.Clone(c.Events)
	for i := range c.Events {
		c.Events[i].Data = slices.Clone(c.Events[i].Data)
	}
	c.Fingerprint = slices.Clone(c.Fingerprint)
	c.Personal = slices.Clone(c.Personal)
	c.PersonalHash = slices.Clone(c.PersonalHash)
	c.Salt = slices.Clone(c.Salt)
	c.Digest = slices.Clone(c.Digest)
	c.Prev = slices.Clone(c.Prev)
	return c
}
