package eventstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// What clients do to a store in one history. The numbers keep it large enough for
// races in every place, and small enough to be checked in a moment.
const (
	clients  = 6
	steps    = 45
	cells    = 3 // streams that share a lease
	perCell  = 2 // streams in a cell
	checking = 10 * time.Second
)

// Linearizable lets several clients load, append, repeat commands and pass leases
// on, all at once, and checks that there is an order of what they did, true to real
// time, in which every answer is that of a store without concurrency. An append
// whose outcome its client never learned may take effect at any later time, or
// never. It does so once per seed. newStore returns the store as one client
// reaches it; all clients of a seed reach the same.
func Linearizable(t *testing.T, seeds int, newStore func(seed uint64, client int) events.Store) {
	t.Helper()
	count := map[answer]int{}
	for seed := range uint64(seeds) {
		history := run(t.Context(), seed, newStore)
		for _, op := range history {
			count[op.Output.(output).answer]++
		}
		result, info := porcupine.CheckOperationsVerbose(model, history, checking)
		if result != porcupine.Ok {
			picture := filepath.Join(t.ArtifactDir(), fmt.Sprintf("history-%d.html", seed))
			t.Errorf("the history of seed %d is %s; -artifacts keeps its picture (%v)", seed, result, porcupine.VisualizePath(model, info, picture))
		}
	}
	t.Logf("%d histories with answers %v", seeds, count)
	for _, a := range []answer{read, stored, replayed, conflicted, reused, leaseHeld, unknown} {
		if count[a] == 0 {
			t.Errorf("no operation was answered with %q: the histories show too little", a)
		}
	}
}

// FindsFault checks histories of a store that is known to be broken, and fails if
// none of them betrays it: then the check itself is worth nothing.
func FindsFault(t *testing.T, newStore func(seed uint64, client int) events.Store) {
	t.Helper()
	const seeds = 20
	for seed := range uint64(seeds) {
		history := run(t.Context(), seed, newStore)
		if result := porcupine.CheckOperationsTimeout(model, history, checking); result == porcupine.Illegal {
			t.Logf("found with seed %d", seed)
			return
		}
	}
	t.Errorf("the fault was not found in %d histories", seeds)
}

// run lets the clients of one history do what they do, and returns that.
func run(ctx context.Context, seed uint64, newStore func(seed uint64, client int) events.Store) []porcupine.Operation {
	r := &recorder{prefix: events.StreamID("linear/" + events.NewStamp().CommitID)}
	var wg sync.WaitGroup
	for i := range clients {
		c := &client{recorder: r, id: i, store: newStore(seed, i), random: rand.New(rand.NewPCG(seed, uint64(i)))}
		wg.Go(func() {
			for range steps {
				c.step(ctx)
			}
		})
	}
	wg.Wait()
	last := &client{recorder: r, id: clients, store: newStore(seed, clients)}
	for cell := range cells {
		for s := range perCell {
			last.load(ctx, place{cell, s})
		}
		last.holder(ctx, cell)
	}
	return r.done
}

// place is one stream of a cell.
type place struct{ cell, stream int }

// recorder is what the clients of a history share.
type recorder struct {
	prefix events.StreamID
	clock  atomic.Int64
	unique atomic.Int64

	mu       sync.Mutex
	done     []porcupine.Operation
	attempts []attempt
}

// attempt is an append as it can be made again.
type attempt struct {
	place
	at    events.Position
	draft events.Draft
}

func (r *recorder) id(p place) events.StreamID {
	return events.StreamID(fmt.Sprintf("%s/%d/%d", r.prefix, p.cell, p.stream))
}

func (r *recorder) lease(cell int) string { return fmt.Sprintf("%s/lease/%d", r.prefix, cell) }

// record does something and notes when, and what came of it. What changed nothing
// and told nothing is left out.
func (r *recorder) record(client int, in input, do func() output) {
	called := r.clock.Add(1)
	out := do()
	returned := r.clock.Add(1)
	if out.answer == unknown {
		if in.kind != appending {
			return
		}
		returned = int64(^uint64(0) >> 1) // open until the end
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: out, Return: returned})
}

// client is one of several that use a store at once.
type client struct {
	*recorder
	id     int
	store  events.Store
	random *rand.Rand
	known  map[place]events.Position
}

func (c *client) step(ctx context.Context) {
	p := place{c.random.IntN(cells), c.random.IntN(perCell)}
	switch n := c.random.IntN(100); {
	case n < 35:
		c.load(ctx, p)
	case n < 40:
		c.holder(ctx, p.cell)
	case n < 55:
		c.again(ctx, n < 47)
	case n < 75:
		c.append(ctx, p, events.LeaseKept)
	case n < 90:
		c.append(ctx, p, events.LeaseTaken)
	default:
		c.append(ctx, p, events.LeaseReleased)
	}
}

func (c *client) load(ctx context.Context, p place) {
	c.record(c.id, input{kind: loading, place: p}, func() output {
		h, err := c.store.Load(ctx, c.recorder.id(p))
		if err == nil {
			err = h.Verify()
		}
		if err != nil {
			return output{answer: failure(err)}
		}
		if c.known == nil {
			c.known = map[place]events.Position{}
		}
		c.known[p] = h.Position()
		var content strings.Builder
		for _, commit := range h.Commits() {
			content.WriteString(entry{commit.Actor, len(commit.Events)}.String())
		}
		return output{answer: read, content: content.String()}
	})
}

func (c *client) holder(ctx context.Context, cell int) {
	c.record(c.id, input{kind: asking, place: place{cell: cell}}, func() output {
		holder, held, err := c.store.Holder(ctx, c.lease(cell))
		if err != nil {
			return output{answer: failure(err)}
		}
		out := output{answer: read, holder: nobody}
		for s := range perCell {
			if held && holder == c.recorder.id(place{cell, s}) {
				out.holder = s
			}
		}
		if held && out.holder == nobody {
			out.answer = corrupt
		}
		return out
	})
}

// append gives a new command at the place that the client saw last, which others
// may have left behind.
func (c *client) append(ctx context.Context, p place, change events.LeaseChange) {
	at, seen := c.known[p]
	if !seen {
		at = events.NewStream(c.recorder.id(p))
	}
	n := c.unique.Add(1)
	draft := Draft(fmt.Sprint("c", n))
	for range c.random.IntN(3) {
		draft.Events = append(draft.Events, draft.Events[0])
	}
	if change != events.LeaseKept {
		draft.Lease = events.Lease{Name: c.lease(p.cell), Change: change}
	}
	a := attempt{place: p, at: at, draft: draft}
	c.mu.Lock()
	c.attempts = append(c.attempts, a)
	c.mu.Unlock()
	c.try(ctx, a)
}

// again repeats one of the last commands, of whomever, or uses its id for another
// request.
func (c *client) again(ctx context.Context, reuse bool) {
	c.mu.Lock()
	if len(c.attempts) == 0 {
		c.mu.Unlock()
		return
	}
	const recent = 10
	back := c.random.IntN(min(recent, len(c.attempts)))
	a := c.attempts[len(c.attempts)-1-back]
	c.mu.Unlock()
	if reuse {
		a.draft.Request = []byte(`{"do":"something else"}`)
	}
	c.try(ctx, a)
}

// try appends. The actor of what is stored tells which append it was, what command
// and what request.
func (c *client) try(ctx context.Context, a attempt) {
	a.draft.Actor = fmt.Sprintf("%s %s %d", a.draft.CommandID, a.draft.Request, c.unique.Add(1))
	in := input{
		kind: appending, place: a.place, at: a.at.Version(), lease: a.draft.Lease.Change,
		entry: entry{a.draft.Actor, len(a.draft.Events)},
	}
	c.record(c.id, in, func() output {
		got, err := c.store.Append(ctx, a.at, a.draft)
		if err != nil {
			return output{answer: failure(err)}
		}
		out := output{answer: stored, content: entry{got.Commit.Actor, len(got.Commit.Events)}.String()}
		if got.Replayed {
			out.answer = replayed
		}
		return out
	})
}

func failure(err error) answer {
	switch {
	case errors.Is(err, events.ErrConflict):
		return conflicted
	case errors.Is(err, events.ErrCommandReused):
		return reused
	case errors.Is(err, events.ErrLeaseHeld):
		return leaseHeld
	case errors.Is(err, events.ErrUnavailable):
		return unknown
	default:
		return corrupt
	}
}
