// Package events is the contract of an event store: streams of commits, each
// appended atomically at a position that only a read can give.
//
// A stream is the whole history of one thing, here of one booking. A command
// appends one [Commit] of one or more events to it, or nothing at all. The
// commit carries what makes it safe to repeat: the id of the command, and a
// fingerprint of what the caller had asked for.
//
// Guarantees, held by every [Store] and checked by the contract suite in
// eventstest:
//
//   - The versions of a stream are 1, 2, 3, … without a gap or a duplicate. A
//     [Position] comes only from [NewStream] or a [History], and a stale one is
//     refused, so a gap cannot be written.
//   - A commit is stored wholly or not at all, and what was read never changes
//     (erasure of personal data excepted, which the digests survive).
//   - Appending the same command again has no second effect, whether it is the
//     caller, a rival or the client library that repeats it.
//
// The package knows nothing of bookings and nothing of AWS: the payloads are
// opaque bytes, and the stores live in sub-packages named after what they
// speak to.
package events
