package sim

import (
	"bytes"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// olderRelease is an environment that still runs the release before, for hours: a
// deployment that takes its time, or a rollback. That release knows cancellations
// in their first schema only, both to write and to read. Requests it knows as they are
// now: none was ever deployed that wrote the first schema of those (docs/adr/0022); a stream of it
// is there from the beginning (before.go).
const olderRelease fault = "older release"

// upcasterForgotten is a release that reads the first schema as if it were its own.
const upcasterForgotten Canary = "an old schema is read as the present one"

func releasePart() part {
	return part{faults: odds{olderRelease: 0.5}, onceAWorld: odds{storedBefore: 0.3}, canaries: []Canary{upcasterForgotten, subjectTakenForRider}}
}

// deploy decides until when an environment is behind.
func (w *World) deploy(e *environment) {
	if w.strikes(olderRelease, e.function) {
		e.behindUntil = time.Now().Add(time.Duration(1+w.src.pick("older release for", 12)) * time.Hour)
		w.tell("", "%s runs the older release until %s", e.name, w.since(e.behindUntil))
	}
}

// behind tells whether an environment runs the older release. When the faults are
// over, so is the deployment.
func (w *World) behind(e *environment) bool { return !w.quiet && time.Now().Before(e.behindUntil) }

// asOlder returns what the older release would have stored.
func (w *World) asOlder(draft events.Draft) events.Draft {
	draft.Events = slices.Clone(draft.Events)
	for i, e := range draft.Events {
		if e.Type != booking.TypeBookingCanceled {
			continue
		}
		data := bytes.Replace(e.Data, []byte(`"cause":`), []byte(`"reason":`), 1)
		w.reach(olderSchemaWasWritten)
		draft.Events[i].Schema, draft.Events[i].Data = 1, data
	}
	return draft
}

// seenByOlder returns a history as a release sees it that does not know what a newer
// one stored: under a schema that is beyond it.
func (w *World) seenByOlder(h events.History) (events.History, error) {
	return reschemed(h, booking.TypeBookingCanceled, func(schema int) int {
		if schema < 2 {
			return schema
		}
		w.reach(newerSchemaWasMet)
		return schema + 1
	})
}

// reschemed returns a history whose events of a type have another schema.
func reschemed(h events.History, eventType string, to func(int) int) (events.History, error) {
	commits := slices.Clone(h.Commits())
	for i, c := range commits {
		for j, e := range c.Events {
			if e.Type == eventType {
				commits[i] = c.Clone()
				commits[i].Events[j].Schema = to(e.Schema)
			}
		}
	}
	return events.NewHistory(h.Stream(), commits)
}
