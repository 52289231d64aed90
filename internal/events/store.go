package events

import (
	"context"
	"errors"
)

// Store keeps streams of commits.
//
// It is safe for concurrent use, keeps no memory that a caller gave it and gives
// out none that it keeps. Every method respects ctx.
type Store interface {
	// Load returns the whole stream, with every append that was acknowledged
	// before the call began. A stream that was never written is an empty History,
	// not an error. It returns ErrCorrupt for a stream that breaks the guarantees
	// of this package, and ErrUnavailable when the store could not be read.
	Load(ctx context.Context, id StreamID) (History, error)

	// Holder returns the stream that holds a lease, with every acknowledged append
	// before the call; ok is false where none does. It returns ErrUnavailable when
	// the store could not be read.
	Holder(ctx context.Context, lease string) (holder StreamID, ok bool, err error)

	// Append stores draft at position, or finds that its command is what is
	// stored there already, which is a success too. It reads nothing beforehand.
	//
	// It returns ErrConflict when another command was stored there first, or another
	// transaction was at the same items: load again and decide again, which also
	// finds this command where an attempt before the last one stored it. ErrCommandReused when the same command id is stored
	// there with another request. ErrLeaseHeld when another stream holds the lease
	// that the draft takes or releases; nothing was stored. ErrInvalid or ErrTooLarge, before any write, for
	// a draft that can never be stored. ErrUnavailable when the outcome is not
	// known: the commit is stored wholly or not at all, and repeating the command
	// after a Load tells which, without a second effect. Any other error, of any
	// method, is one that no repeat mends: a right that is missing, a table that is
	// not there. Nothing more is known of the outcome then.
	Append(ctx context.Context, at Position, draft Draft) (Appended, error)
}

// Appended is a successful append.
type Appended struct {
	// Commit is what is stored at the position.
	Commit Commit
	// Replayed tells that an earlier call of the same command stored it. A write
	// of this very call whose response was lost does not count as replayed.
	Replayed bool
}

// The errors of a store. Callers compare with errors.Is.
var (
	ErrConflict      = errors.New("another command was stored first")
	ErrCommandReused = errors.New("the command id was used for another request")
	ErrLeaseHeld     = errors.New("another stream holds the lease")
	ErrUnavailable   = errors.New("the event store is unavailable")
	ErrCorrupt       = errors.New("the stream is corrupt")
	ErrInvalid       = errors.New("the draft is invalid")
	ErrTooLarge      = errors.New("the commit is too large")
)

// Resolve answers an append that found the place taken: stored is the commit
// there, attempted the one that lost. It is the one rule that tells a duplicate
// from a conflict; every store uses it.
func Resolve(stored, attempted Commit, draft Draft) (Appended, error) {
	if stored.ID == attempted.ID {
		return Appended{Commit: stored}, nil
	}
	same, err := stored.Answers(draft.CommandID, draft.Request)
	if err != nil {
		return Appended{}, err
	}
	if !same {
		return Appended{}, ErrConflict
	}
	return Appended{Commit: stored, Replayed: true}, nil
}
