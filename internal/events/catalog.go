package events

import (
	"context"
	"hash/fnv"
	"time"
)

// Catalog reads the log as a whole, for those who rebuild what follows from it, or
// look for what was missed. It is safe for concurrent use. All methods return
// ErrUnavailable when the log could not be read.
type Catalog interface {
	// Walk returns some commits of a segment, of each stream in their order, and
	// from where to go on; a zero next ends the segment. Commits of one stream come
	// one after the other, so a stream is complete when the next begins; whoever
	// depends on it checks the versions, and asks the Store where they do not add
	// up. Every append that was acknowledged before the call is seen, unless it is
	// before q.After. A commit that cannot be read comes with its Stream and Version
	// alone.
	Walk(ctx context.Context, q WalkQuery) (commits []Commit, next Cursor, err error)
	// Firsts returns first commits of streams that were recorded in one hour, by
	// their own clocks, in the order of their times, and where to go on; a zero next
	// ends the hour. A commit of a moment ago may be missing.
	Firsts(ctx context.Context, q FirstsQuery) (firsts []First, next First, err error)
	// Exist returns those of at most 100 streams that there are, with every append
	// that was acknowledged before.
	Exist(ctx context.Context, ids []StreamID) (map[StreamID]bool, error)
	// Leases returns some leases that are held, and from where to go on; an empty
	// next ends them.
	Leases(ctx context.Context, after string) (held []HeldLease, next string, err error)
}

// Cursor stands behind a commit in a walk; the zero Cursor before all.
type Cursor struct {
	Stream  StreamID `json:"stream,omitzero"`
	Version int64    `json:"version,omitzero"`
}

// WalkQuery asks for commits of one of Segments equal parts of the log.
type WalkQuery struct {
	Segment, Segments int
	After             Cursor
	Limit             int // of commits; 0 for as many as one read gives
}

// First says when a stream began.
type First struct {
	Stream     StreamID  `json:"stream,omitzero"`
	RecordedAt time.Time `json:"recorded_at,omitzero"`
}

// FirstsQuery asks for streams of one shard that began in the hour of From, and not
// before it.
type FirstsQuery struct {
	Shard int // below FirstShards
	From  time.Time
	After First // zero from the start
	Limit int
}

// FirstShards spreads the new streams of an hour over the partitions of their index:
// one partition takes 1,000 writes a second, so 8 allow 8,000 new streams.
const FirstShards = 8

// FirstShard returns the shard of a stream.
func FirstShard(id StreamID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % FirstShards)
}

// HeldLease is a lease and who holds it.
type HeldLease struct {
	Name   string
	Holder StreamID
}
