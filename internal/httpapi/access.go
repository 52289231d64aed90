package httpapi

import (
	"net/http"
	"slices"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Roles of callers. Everybody is a rider, too, for themselves.
const (
	RoleDispatch = "dispatch"
	RoleOps      = "ops"
)

// access says who may use a route. Rider, Dispatch and Ops are alternatives.
type access struct {
	// Everybody may, without a token.
	Everybody bool
	// Rider may: whoever has a token, for a route of no booking in particular,
	// and the one whose booking it is for the others.
	Rider    bool
	Dispatch bool
	Ops      bool
}

// admit decides what can be decided before any booking is known.
func (a access) admit(c *Caller) error {
	switch {
	case a.Everybody:
		return nil
	case c == nil:
		return problem(CodeUnauthorized, "The request needs a valid access token.")
	case a.Rider || a.grants(c):
		return nil
	default:
		return forbidden()
	}
}

// admitTo decides about one booking. To whom may not see it, it does not exist.
func (a access) admitTo(c *Caller, rider booking.RiderID) error {
	switch {
	case a.Rider && c.RiderID() == rider || a.grants(c):
		return nil
	case c.maySee(rider):
		return forbidden()
	default:
		return noBooking()
	}
}

// grants tells whether a role of the caller's is enough.
func (a access) grants(c *Caller) bool {
	return a.Dispatch && c.has(RoleDispatch) || a.Ops && c.has(RoleOps)
}

func (c *Caller) has(role string) bool { return slices.Contains(c.Roles, role) }

func (c *Caller) maySee(rider booking.RiderID) bool {
	return c.RiderID() == rider || c.has(RoleDispatch) || c.has(RoleOps)
}

func forbidden() error {
	return problem(CodeForbidden, "The access token lacks the role that this needs.")
}

// Unknown and someone else's booking get the same answer, so that an id tells
// nothing to whom it does not belong.
func noBooking() error { return problem(CodeNotFound, "There is no such booking.") }

// actor names the caller in the history, in the role that let them in.
func (a access) actor(c *Caller, rider booking.RiderID) string {
	switch {
	case a.Rider && c.RiderID() == rider:
		return booking.ActorRider
	case a.Dispatch && c.has(RoleDispatch):
		return booking.ActorDispatch
	default:
		return booking.ActorOps
	}
}

// actorOf names who acted, for the history. A rider is always the booking's own,
// whom the booking names already; of the others it says who.
func actorOf(role string, c *Caller) string {
	if role == booking.ActorRider {
		return role
	}
	return role + "/" + string(c.RiderID())
}

// admitRequest lets a request in that the access of its route allows.
func admitRequest(r *http.Request, rider booking.RiderID) error {
	req := requestOf(r.Context())
	return req.access.admitTo(req.Caller, rider)
}
