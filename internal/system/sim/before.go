package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// storedBefore is a booking that was stored in the first schema of requests, with a
// subject for its rider. It is no rider's any more, and goes on.
const storedBefore fault = "stored before"

// subjectTakenForRider is a release that takes the subject of such a booking for a rider.
const subjectTakenForRider Canary = "a subject of an old schema is taken for a rider"

// noRider owns that booking.
var noRider = person{}

// bookBefore stores that booking.
func (w *World) bookBefore() {
	if !w.strikes(storedBefore, "log") {
		return
	}
	synctest.Wait() // the tasks that the parts have started are parked: this is none of them
	rider := riderNumber(0)
	id := booking.IDFor(rider.caller(), "before")
	w.oracle.owners[id] = noRider
	draft, err := draftBefore(rider.name)
	if err == nil {
		var none events.History
		if none, err = events.NewHistory(id.Stream(), nil); err == nil {
			_, err = w.store("an old release", none.Position(), draft)
		}
	}
	if err != nil {
		w.fail("the past can be stored", id, "%v", err)
		return
	}
	w.accepted = append(w.accepted, id)
}

func draftBefore(subject string) (events.Draft, error) {
	personal := fmt.Sprintf(`{"pickup":%s,"dropoff":%s,"payment_method":"pm_card_visa"}`, places[0], places[1])
	now := time.Now().UTC()
	request := booking.Request{At: now, Product: products[0]}
	if err := json.Unmarshal([]byte(personal), &request.Trip); err != nil {
		return events.Draft{}, err
	}
	var err error
	if request.Tariff, err = booking.LoadTariff("standard-2026"); err != nil {
		return events.Draft{}, err
	}
	request.RiderID = riderNumber(0).caller().RiderID()
	decided, err := booking.Decide(booking.State{}, request)
	if err != nil {
		return events.Draft{}, err
	}
	data, err := json.Marshal(decided[0])
	data = bytes.Replace(data, []byte(request.RiderID), []byte(subject), 1) // as the first schema has it
	return events.Draft{
		CommandID: booking.CreateCommandID, Request: []byte(personal), Actor: booking.ActorRider, RecordedAt: now,
		Events:   []events.Event{{Type: decided[0].Type(), Schema: 1, Data: data}},
		Personal: []byte(`{"0":` + personal + `}`),
	}, err
}

// subjectTaken returns a history whose request is read in the present schema.
func subjectTaken(h events.History) (events.History, error) {
	return reschemed(h, booking.TypeBookingRequested, func(int) int { return 2 })
}

// namesItsRider judges the rider that a booking shows: who asked for it, or no rider
// there is where that is not known.
func (o *oracle) namesItsRider(id booking.ID, shown booking.RiderID) {
	owner := o.owners[id]
	if !owner.is(noRider) {
		if shown != owner.caller().RiderID() {
			o.fail("8: a booking is its rider's", id, "it shows %s, and %s of %s asked for it", shown, owner.name, owner.issuer)
		}
		return
	}
	o.reach(oldRequestWasShown)
	for i := range riders {
		if !shown.Valid() || shown == riderNumber(i).caller().RiderID() {
			o.fail("8: a subject without its issuer is no rider", id, "it shows %s", shown)
		}
	}
}
