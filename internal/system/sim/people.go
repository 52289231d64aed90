package sim

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// The identity providers of a world. Both give the same subjects, to different people.
const (
	issuer      = "https://issuer.example"
	otherIssuer = "https://other.example"
)

// riderBySubject is a log that has one rider for the same subject at two issuers.
const riderBySubject Canary = "a rider is a subject, at any issuer"

// namesakes is how many riders have the subject of another one.
const namesakes = 2

// person is the bearer of a token.
type person struct {
	issuer, name string
	roles        []string
}

func (p person) caller() booking.Caller { return booking.Caller{Issuer: p.issuer, Subject: p.name} }

// is tells whether two tokens are of one person.
func (p person) is(other person) bool { return p.issuer == other.issuer && p.name == other.name }

// isNamesakeOf tells whether two people have the same subject.
func (p person) isNamesakeOf(other person) bool { return p.name == other.name && !p.is(other) }

// riderNumber returns a rider of the world, from 0 on. The last ones have the subjects,
// and the idempotency keys, of the first ones.
func riderNumber(i int) person {
	if i < riders-namesakes {
		return person{issuer: issuer, name: riderName(i)}
	}
	return person{issuer: otherIssuer, name: riderName(i - (riders - namesakes))}
}

func riderName(i int) string { return "rider-" + strconv.Itoa(i+1) }

// bySubject returns a draft that belongs to the first one who has the rider's subject.
func bySubject(draft events.Draft) events.Draft {
	draft.Events = slices.Clone(draft.Events)
	for i := range namesakes {
		first, twin := riderNumber(i), riderNumber(riders-namesakes+i)
		for n := range draft.Events {
			draft.Events[n].Data = bytes.ReplaceAll(draft.Events[n].Data, []byte(twin.caller().RiderID()), []byte(first.caller().RiderID()))
		}
	}
	return draft
}
