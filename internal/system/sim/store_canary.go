package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Bugs of writing and reading the log.
const (
	appendUnconditional   Canary = "no condition on the append"
	acknowledgedBefore    Canary = "acknowledged before the append"
	ownWriteTakenForRival Canary = "our own write is taken for a rival's"
	terminalStateLeft     Canary = "an authorization confirms a booking that had ended"
	leaseForgotten        Canary = "a driver is assigned without a lease"
	requestForgotten      Canary = "a command is stored without its request"
	staleLog              Canary = "the log is read eventually consistently"
	contendedTakenForDown Canary = "a write that meets a transaction counts as one that could not be made"
	decidedTwice          Canary = "a command that was carried out is carried out again"
	driverAsSpelled       Canary = "a driver's id in capitals is another driver"
	pricedOtherwise       Canary = "a ride costs one more than its price"
)

func logCanaries() []Canary {
	return []Canary{
		appendUnconditional, acknowledgedBefore, ownWriteTakenForRival, terminalStateLeft, leaseForgotten, requestForgotten, staleLog, decidedTwice, contendedTakenForDown,
		riderBySubject, driverAsSpelled,
		pricedOtherwise,
	}
}

// canaryStore is store, with the bugs that an append can have.
func (w *World) canaryStore(t *task, at events.Position, draft events.Draft) (events.Appended, error) {
	switch w.canary {
	case appendUnconditional:
		// What was decided on an old state goes to the end, wherever that is.
		if h, err := w.truth.Load(w.ctx, at.Stream()); err == nil && h.Exists() && at.Version() > 0 {
			at = h.Position()
		}
	case acknowledgedBefore:
		c, err := at.Seal(draft, w.stamp())
		w.later("append", func() { _, _ = w.store(t.name+" (late)", at, draft) })
		return events.Appended{Commit: c}, err
	case leaseForgotten:
		draft.Lease = events.Lease{}
	case riderBySubject:
		draft = bySubject(draft)
	case driverAsSpelled:
		draft = asSpelled(draft)
	case requestForgotten:
		draft.Request = nil
	case decidedTwice:
		draft.CommandID = fmt.Sprintf("%s again %d", draft.CommandID, w.stamps)
	case terminalStateLeft:
		draft = confirming(at, draft)
	case pricedOtherwise:
		draft = dearer(draft)
	default:
	}
	return w.store(t.name, at, draft)
}

// asSpelled returns a draft that assigns the driver by the id of the request, as it came.
func asSpelled(draft events.Draft) events.Draft {
	var asked struct {
		DriverID string `json:"driver_id"`
	}
	if draft.Lease.Change != events.LeaseTaken || json.Unmarshal(draft.Request, &asked) != nil {
		return draft
	}
	draft.Lease.Name = booking.DriverLease(asked.DriverID)
	draft.Events = slices.Clone(draft.Events)
	for i, e := range draft.Events {
		draft.Events[i].Data = bytes.ReplaceAll(e.Data, []byte(strings.ToLower(asked.DriverID)), []byte(asked.DriverID))
	}
	return draft
}

func confirming(_ events.Position, draft events.Draft) events.Draft {
	if len(draft.Events) == 1 && draft.Events[0].Type == booking.TypePaymentAuthorized {
		draft.Events = append(draft.Events, events.Event{
			Type: booking.TypeBookingConfirmed, Schema: 1, Data: []byte(`{"at":"2000-01-01T00:00:00Z","assign_by":"2000-01-02T00:00:00Z"}`),
		})
	}
	return draft
}

var fareOfRide = regexp.MustCompile(`"fare":{"amount":\d+`)

func dearer(draft events.Draft) events.Draft {
	draft.Events = slices.Clone(draft.Events)
	for i, e := range draft.Events {
		if e.Type == booking.TypeRideCompleted {
			draft.Events[i].Data = fareOfRide.ReplaceAllFunc(e.Data, func(fare []byte) []byte {
				return append(slices.Clone(fare[:len(fare)-1]), '0'+(fare[len(fare)-1]-'0'+1)%10)
			})
		}
	}
	return draft
}

// canaryLoad is what a read of the log that lags behind would return.
func (w *World) canaryLoad(h events.History) (events.History, error) {
	switch w.canary {
	case upcasterForgotten:
		return reschemed(h, booking.TypeBookingCanceled, func(int) int { return 2 })
	case subjectTakenForRider:
		return subjectTaken(h)
	default:
	}
	n := len(h.Commits())
	if w.canary != staleLog || n < 2 || !w.strikes(stale, "log") {
		return h, nil
	}
	return events.NewHistory(h.Stream(), h.Commits()[:n-1])
}
