package events

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"time"
)

// MaxCommitBytes bounds a commit: far below DynamoDB's item limit of 400 KB, and
// far above every commit of a sane command. A larger one is a bug or an attack.
const MaxCommitBytes = 100 << 10

// RecordedAtLayout is how recorded_at is stored: RFC 3339 in UTC with exactly
// three decimals, so that text order is time order.
const RecordedAtLayout = "2006-01-02T15:04:05.000Z"

// digestDomain separates these digests from every other use of SHA-256, and
// names their layout: change the layout, change the name.
const digestDomain = "hailstone/commit/1"

// digest returns the SHA-256 of all fields but Personal, Salt and Digest. Each
// variable part is preceded by its length, so that no two commits have the same
// encoding.
func (c Commit) digest() []byte {
	h := sha256.New()
	number := func(n int64) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // bit pattern, not a quantity
		h.Write(b[:])
	}
	bytes := func(b []byte) { number(int64(len(b))); h.Write(b) }
	text := func(s string) { bytes([]byte(s)) }

	text(digestDomain)
	text(string(c.Stream))
	number(c.Version)
	number(int64(len(c.Events)))
	for _, e := range c.Events {
		text(e.Type)
		number(int64(e.Schema))
		bytes(e.Data)
	}
	text(c.ID)
	text(c.CommandID)
	bytes(c.Fingerprint)
	bytes(c.PersonalHash)
	text(c.Actor)
	text(c.RecordedAt.UTC().Format(RecordedAtLayout))
	text(c.Trace.CorrelationID)
	text(c.Trace.CausationID)
	text(c.Trace.Traceparent)
	bytes(c.Prev)
	return h.Sum(nil)
}

// saltedHashSize is how much of a salted hash is kept: 128 bits, which nobody finds
// a second input for. The rest would cost every commit its room.
const saltedHashSize = 16

func saltedHash(salt, data []byte) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(data)
	return h.Sum(nil)[:saltedHashSize]
}

// Answers tells whether c is what this command appended: the same id, asked for
// in the same words. It returns ErrCommandReused where the id is the same and
// the request is not.
func (c Commit) Answers(commandID string, request []byte) (bool, error) {
	if c.CommandID != commandID {
		return false, nil
	}
	if c.Erased() || subtle.ConstantTimeCompare(c.Fingerprint, saltedHash(c.Salt, request)) == 1 {
		return true, nil
	}
	return false, ErrCommandReused
}

// size estimates the stored size in bytes: the variable parts, plus the names
// and numbers around them.
func (c Commit) size() int {
	const perCommit, perEvent = 300, 40
	n := perCommit + len(c.Stream) + len(c.ID) + len(c.CommandID) + len(c.Fingerprint) + len(c.Personal) + len(c.PersonalHash) +
		len(c.Salt) + len(c.Actor) + len(c.Trace.CorrelationID) + len(c.Trace.CausationID) + len(c.Trace.Traceparent) +
		len(c.Digest) + len(c.Prev) + len(time.RFC3339Nano)
	for _, e := range c.Events {
		n += perEvent + len(e.Type) + len(e.Data)
	}
	return n
}
