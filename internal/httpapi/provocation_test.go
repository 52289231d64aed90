package httpapi_test

import (
	"errors"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// provocations turn a request that a route would grant into one that is answered
// with the problem of the contract's example, named by its status and name.
var provocations = map[string]func(w *world, route string, r request, id booking.ID) request{
	"400 noKey": func(_ *world, _ string, r request, _ booking.ID) request { return r.with("Idempotency-Key") },
	"400 malformed": func(_ *world, route string, r request, _ booking.ID) request {
		if route == "POST /v1/quotes" {
			return r.saying(`{`)
		}
		return r.saying(`{"tip":1}`)
	},
	"400 unsigned": func(_ *world, _ string, r request, _ booking.ID) request { return r.with("Stripe-Signature", "forged") },
	"400 noEvent":  func(_ *world, _ string, r request, _ booking.ID) request { return r.saying(`{`) },
	"400 unknown":  func(_ *world, _ string, r request, _ booking.ID) request { return r.asking("x=1") },
	"401 service":  func(_ *world, _ string, r request, _ booking.ID) request { return r.from(nobody) },
	"403 role": func(_ *world, route string, r request, _ booking.ID) request {
		if strings.HasSuffix(route, "/cancel") {
			return r.from(manager)
		}
		return r.from(bob)
	},
	"404 service": func(_ *world, _ string, r request, id booking.ID) request {
		return r.about(id, booking.IDFor(bob.Caller, "none"))
	},
	"409 fare": func(_ *world, _ string, r request, _ booking.ID) request {
		return r.saying(expecting(`{"amount":1,"currency":"EUR"}`))
	},
	"409 state": func(w *world, route string, r request, id booking.ID) request {
		switch {
		case strings.HasSuffix(route, "/assign"):
			return r.about(id, w.booked(reaching("requested")))
		case strings.HasSuffix(route, "/start"):
			return r.about(id, w.booked(reaching("confirmed")))
		}
		w.send(r.with("Idempotency-Key", "before"))
		w.moves(id)
		return r
	},
	"409 busy": func(w *world, _ string, r request, id booking.ID) request {
		w.send(r.about(id, w.booked(reaching("confirmed"))))
		return r
	},
	"412 moved": func(_ *world, _ string, r request, _ booking.ID) request { return r.with("If-Match", `"99"`) },
	"412 ahead": func(_ *world, _ string, r request, _ booking.ID) request { return r.asking("min_version=99") },
	"413 noticeTooLarge": func(_ *world, _ string, r request, _ booking.ID) request {
		return r.saying(strings.Repeat(" ", 256<<10+1))
	},
	"413 tooLarge": func(_ *world, _ string, r request, _ booking.ID) request {
		return r.saying(strings.Repeat(" ", 16<<10+1))
	},
	"415 text": func(_ *world, _ string, r request, _ booking.ID) request {
		return r.saying(`{}`).with("Content-Type", "text/plain")
	},
	"422 fields": func(_ *world, route string, r request, _ booking.ID) request {
		if route == "POST /v1/quotes" {
			return r.saying(strings.Replace(quoted, "52.5251", "-33.9", 1))
		}
		return r.saying(`[]`)
	},
	"422 keyReused": func(w *world, route string, r request, _ booking.ID) request {
		w.send(r)
		for _, wr := range writes() {
			if "POST "+wr.path() == route && wr.other != "" {
				return r.saying(wr.other)
			}
		}
		w.Fatalf("%s has no other body", route)
		return r
	},
	"500 service": func(w *world, _ string, r request, _ booking.ID) request {
		bug := errors.New("a bug")
		w.log.loadErr, w.log.appendErr, w.views.err = bug, bug, bug
		return r
	},
	"503 service": func(w *world, _ string, r request, _ booking.ID) request {
		w.log.loadErr, w.log.appendErr, w.views.err = events.ErrUnavailable, events.ErrUnavailable, readmodel.ErrUnavailable
		return r
	},
}

// about replaces the booking that a request is about.
func (r request) about(id, other booking.ID) request {
	r.target = strings.Replace(r.target, string(id), string(other), 1)
	return r
}

// saying replaces a request's body.
func (r request) saying(body string) request {
	r.body = body
	return r.with("Content-Type", "application/json")
}
