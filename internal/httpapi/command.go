package httpapi

import (
	"net/http"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// moment is what a command is made of besides its body.
type moment struct {
	at        time.Time
	actor     string // the role that the caller acts in
	commandID string
}

// builder reads a command from a request. The canonical body comes with it.
type builder func(r *http.Request) (build func(moment) booking.Command, canonical []byte, err error)

// fields is a builder for a command whose body B holds its fields.
func fields[B any](build func(B, *findings) func(moment) booking.Command) builder {
	return func(r *http.Request) (func(moment) booking.Command, []byte, error) {
		var body B
		canonical, err := readBody(r, &body)
		if err != nil {
			return nil, nil, err
		}
		f := &findings{}
		made := build(body, f)
		return made, canonical, f.err()
	}
}

// plain is a builder for a command without fields, whose body is empty or {}.
func plain(build func(moment) booking.Command) builder {
	return func(r *http.Request) (func(moment) booking.Command, []byte, error) {
		canonical, err := readOptionalBody(r, &struct{}{})
		return build, canonical, err
	}
}

type cancelBody struct {
	Reason *string `json:"reason"`
}

func (b cancelBody) command(f *findings) func(moment) booking.Command {
	reason := need(f, "/reason", b.Reason)
	return func(m moment) booking.Command { return booking.Cancel{At: m.at, By: m.actor, Reason: reason} }
}

type assignBody struct {
	DriverID *string `json:"driver_id"`
}

func (b assignBody) command(f *findings) func(moment) booking.Command {
	driver := need(f, "/driver_id", b.DriverID)
	return func(m moment) booking.Command { return booking.Assign{At: m.at, DriverID: driver} }
}

type completeBody struct {
	DistanceM *int64 `json:"distance_m"`
	DurationS *int64 `json:"duration_s"`
}

func (b completeBody) command(f *findings) func(moment) booking.Command {
	meters, seconds := need(f, "/distance_m", b.DistanceM), need(f, "/duration_s", b.DurationS)
	return func(m moment) booking.Command {
		return booking.Complete{At: m.at, DistanceM: meters, DurationS: seconds}
	}
}

type refundBody struct {
	Amount *moneyRequest `json:"amount"`
	Reason *string       `json:"reason"`
}

func (b refundBody) command(f *findings) func(moment) booking.Command {
	amount, reason := b.Amount.optional(f, "/amount"), need(f, "/reason", b.Reason)
	return func(m moment) booking.Command {
		return booking.RequestRefund{At: m.at, RefundID: booking.RefundIDFor(m.commandID), Amount: amount, Reason: reason}
	}
}

type abortBody struct {
	Fee    *moneyRequest `json:"fee"`
	Reason *string       `json:"reason"`
}

func (b abortBody) command(f *findings) func(moment) booking.Command {
	fee, reason := b.Fee.optional(f, "/fee"), need(f, "/reason", b.Reason)
	return func(m moment) booking.Command { return booking.Abort{At: m.at, Fee: fee, Reason: reason} }
}

// command handles a command on one booking: load, admit, decide, append.
func (a *API) command(status int, read builder) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		loaded, err := a.loadAdmitted(r)
		if err != nil {
			return err
		}
		if _, err := knownParams(r); err != nil {
			return err
		}
		key, err := idempotencyKey(r)
		if err != nil {
			return err
		}
		build, canonical, err := read(r)
		if err != nil {
			return err
		}
		ifVersion, err := ifMatch(r)
		if err != nil {
			return err
		}
		req := requestOf(r.Context())
		m := moment{
			at: a.now(), actor: req.access.actor(req.Caller, loaded.State.RiderID),
			commandID: booking.CommandIDFor(req.Caller.Caller, r.Method+" "+r.URL.Path, key),
		}
		out, err := a.Bookings.ExecuteAt(r.Context(), loaded.History, build(m), booking.Envelope{
			CommandID: m.commandID, Request: canonical, Actor: actorOf(m.actor, req.Caller),
			At: m.at, Trace: req.Trace, IfVersion: ifVersion,
		})
		if err != nil {
			return err
		}
		return writeOutcome(w, status, out)
	}
}

// loadAdmitted returns the booking of the request's path from the log, for whom
// the route admits to it.
func (a *API) loadAdmitted(r *http.Request) (booking.Outcome, error) {
	id, err := bookingID(r)
	if err != nil {
		return booking.Outcome{}, err
	}
	out, err := a.Bookings.Load(r.Context(), id)
	if err != nil {
		return booking.Outcome{}, err
	}
	if !out.State.Exists() {
		return booking.Outcome{}, noBooking()
	}
	return out, admitRequest(r, out.State.RiderID)
}
