package eventstest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
)

// trivial is what a store is, without digests, salts or positions: for each stream
// the commands that it granted, for each lease its holder.
type trivial struct {
	streams map[events.StreamID][]granted
	leases  map[string]events.StreamID
}

type granted struct {
	command, request string
	version, events  int64
}

func (m trivial) version(id events.StreamID) int64 {
	commits := m.streams[id]
	if len(commits) == 0 {
		return 0
	}
	last := commits[len(commits)-1]
	return last.version + last.events - 1
}

// append says what a store must answer, and does it.
func (m trivial) append(id events.StreamID, after int64, d events.Draft) (replayed bool, want error) {
	for _, g := range m.streams[id] {
		switch {
		case g.version != after+1:
		case g.command != d.CommandID:
			return false, events.ErrConflict
		case g.request != string(d.Request):
			return false, events.ErrCommandReused
		default:
			return true, nil
		}
	}
	if holder, held := m.leases[d.Lease.Name]; held && d.Lease.Change != events.LeaseKept && holder != id {
		return false, events.ErrLeaseHeld
	}
	switch d.Lease.Change {
	case events.LeaseTaken:
		m.leases[d.Lease.Name] = id
	case events.LeaseReleased:
		delete(m.leases, d.Lease.Name)
	}
	m.streams[id] = append(m.streams[id], granted{d.CommandID, string(d.Request), after + 1, int64(len(d.Events))})
	return false, nil
}

// pair is a store and the trivial one that it must agree with.
type pair struct {
	store     events.Store
	model     trivial
	positions map[events.StreamID][]events.Position // all that were ever given out
	commands  int
}

var (
	streamIDs = rapid.SampledFrom([]events.StreamID{"s/1", "s/2", "s/3"})
	leaseIDs  = rapid.SampledFrom([]string{"l/1", "l/2"})
)

func (p *pair) load(t *rapid.T) {
	id := streamIDs.Draw(t, "stream")
	h, err := p.store.Load(t.Context(), id)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if err := h.Verify(); err != nil {
		t.Fatalf("verify: %v", err)
	}
	var got []granted
	for i, c := range h.Commits() {
		request := ""
		if i < len(p.model.streams[id]) { // only a digest of it is stored
			request = p.model.streams[id][i].request
		}
		if same, err := c.Answers(c.CommandID, []byte(request)); !same || err != nil {
			t.Fatalf("%s at %d is not of the request %s: %v", c.CommandID, c.Version, request, err)
		}
		got = append(got, granted{c.CommandID, request, c.Version, int64(len(c.Events))})
	}
	if want := p.model.streams[id]; !slices.Equal(want, got) || h.Position().Version() != p.model.version(id) {
		t.Fatalf("%s holds %v, want %v", id, got, want)
	}
	p.positions[id] = append(p.positions[id], h.Position())
}

func (p *pair) holder(t *rapid.T) {
	lease := leaseIDs.Draw(t, "lease")
	got, held, err := p.store.Holder(t.Context(), lease)
	if want, is := p.model.leases[lease]; err != nil || held != is || got != want {
		t.Fatalf("%s is held by %q (%v, %v), want %q", lease, got, held, err, want)
	}
}

// append gives a command, new or known, at any position that the stream ever had.
func (p *pair) append(t *rapid.T) {
	id := streamIDs.Draw(t, "stream")
	at := rapid.SampledFrom(append([]events.Position{events.NewStream(id)}, p.positions[id]...)).Draw(t, "position")
	command := rapid.IntRange(0, p.commands).Draw(t, "command")
	if command == p.commands {
		p.commands++
	}
	d := eventstest.Draft(fmt.Sprint("c", command))
	if rapid.IntRange(0, 4).Draw(t, "other request") == 0 {
		d.Request = []byte("something else")
	}
	for range rapid.IntRange(0, 2).Draw(t, "more events") {
		d.Events = append(d.Events, d.Events[0])
	}
	if change := events.LeaseChange(rapid.IntRange(int(events.LeaseKept), int(events.LeaseReleased)).Draw(t, "lease change")); change != events.LeaseKept {
		d.Lease = events.Lease{Name: leaseIDs.Draw(t, "lease"), Change: change}
	}
	replayed, want := p.model.append(id, at.Version(), d)
	got, err := p.store.Append(t.Context(), at, d)
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		t.Fatalf("append %s at %d of %s: %v, want %v", d.CommandID, at.Version()+1, id, err, want)
	}
	if err == nil && (got.Replayed != replayed || got.Commit.CommandID != d.CommandID || got.Commit.Version != at.Version()+1) {
		t.Fatalf("append %s at %d of %s: replayed %v as %s at %d, want replayed %v",
			d.CommandID, at.Version()+1, id, got.Replayed, got.Commit.CommandID, got.Commit.Version, replayed)
	}
}

// Whatever is loaded, appended, appended too late, repeated, taken and released, in
// whatever order: the store answers as the trivial one does.
func TestTheStoreIsAsSimpleAsItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &pair{
			store: eventstest.NewMemory(events.NewStamp), positions: map[events.StreamID][]events.Position{},
			model: trivial{streams: map[events.StreamID][]granted{}, leases: map[string]events.StreamID{}},
		}
		t.Repeat(map[string]func(*rapid.T){"load": p.load, "holder": p.holder, "append": p.append})
	})
}
