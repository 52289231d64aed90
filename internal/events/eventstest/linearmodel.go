package eventstest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// The operations of a history and their answers, as the model sees them.
type (
	operation string
	answer    string
)

const (
	loading   operation = "load"
	asking    operation = "holder"
	appending operation = "append"

	read       answer = "read"
	stored     answer = "stored"
	replayed   answer = "replayed"
	conflicted answer = "conflict"
	reused     answer = "reused"
	leaseHeld  answer = "lease held"
	unknown    answer = "unknown"
	corrupt    answer = "corrupt" // no answer that a store may give
)

type input struct {
	kind operation
	place
	at    int64 // the version that an append follows
	lease events.LeaseChange
	entry entry
}

type output struct {
	answer  answer
	content string
	holder  int
}

// entry is a commit: whose append it was, as "command request number", and how
// many versions it has.
type entry struct {
	author string
	events int
}

// String is the entry in the content of a stream, which is all of them in order.
func (e entry) String() string { return e.author + "×" + strconv.Itoa(e.events) + ";" }

func (e entry) command() (id, request string) {
	id, rest, _ := strings.Cut(e.author, " ")
	return id, rest[:strings.LastIndex(rest, " ")]
}

// nobody holds a lease.
const nobody = -1

// cell is the state of the streams that share a lease: what each holds, and which
// one has the lease.
type cell struct {
	content [perCell]string
	holder  int
}

// entryAt returns the entry that follows a version. ok is false where none does;
// valid is false for a version that is the end of no entry.
func entryAt(content string, version int64) (e entry, ok, valid bool) {
	var at int64
	for text := range strings.SplitSeq(strings.TrimSuffix(content, ";"), ";") {
		if text == "" {
			break
		}
		author, n, _ := strings.Cut(text, "×")
		count, err := strconv.Atoi(n)
		if err != nil {
			return entry{}, false, false
		}
		if at == version {
			return entry{author, count}, true, true
		}
		at += int64(count)
	}
	return entry{}, false, at == version
}

// model is a store without concurrency. The cells know nothing of each other.
var model = (&porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, cells)
		for _, op := range history {
			i := op.Input.(input).cell
			parts[i] = append(parts[i], op)
		}
		return parts
	},
	Init: func() []any { return []any{cell{holder: nobody}} },
	Step: func(state, in, out any) []any {
		return state.(cell).step(in.(input), out.(output))
	},
	DescribeOperation: func(in, out any) string {
		i, o := in.(input), out.(output)
		return fmt.Sprintf("%s %d/%d at %d (lease %d) %s → %s %s", i.kind, i.cell, i.stream, i.at, i.lease, i.entry.author, o.answer, o.content)
	},
	DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
}).ToModel()

// step returns the states that the cell can be in after an operation that was
// answered in that way; none where the answer is wrong.
func (c cell) step(in input, out output) []any {
	switch in.kind {
	case loading:
		return c.when(out.answer == read && out.content == c.content[in.stream])
	case asking:
		return c.when(out.answer == read && out.holder == c.holder)
	default:
		return c.append(in, out)
	}
}

func (c cell) when(right bool) []any {
	if right {
		return []any{c}
	}
	return nil
}

func (c cell) append(in input, out output) []any {
	there, taken, valid := entryAt(c.content[in.stream], in.at)
	free := !taken && valid
	held := in.lease != events.LeaseKept && c.holder != nobody && c.holder != in.stream
	after := c.with(in)
	switch out.answer {
	case unknown: // as if it had never been, or as if it had been granted
		if free && !held {
			return []any{c, after}
		}
		return []any{c}
	case stored:
		if free && !held && out.content == in.entry.String() {
			return []any{after}
		}
		return nil
	case leaseHeld:
		return c.when(free && held)
	case conflicted:
		// Two transactions on the same item may refuse each other.
		return c.when(taken && !same(there, in.entry, false) || in.lease != events.LeaseKept)
	case reused:
		return c.when(taken && same(there, in.entry, false) && !same(there, in.entry, true))
	case replayed:
		return c.when(taken && same(there, in.entry, true) && out.content == there.String())
	default:
		return nil
	}
}

// same tells whether two appends are of the same command, and of the same request
// where that counts.
func same(a, b entry, request bool) bool {
	idA, requestA := a.command()
	idB, requestB := b.command()
	return idA == idB && (!request || requestA == requestB)
}

func (c cell) with(in input) cell {
	c.content[in.stream] += in.entry.String()
	switch in.lease {
	case events.LeaseTaken:
		c.holder = in.stream
	case events.LeaseReleased:
		c.holder = nobody
	}
	return c
}
