package httpapi

import (
	"net/http"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// route is one line of the contract: who may do what.
type route struct {
	Method string
	Path   string
	Access access
	handle handler
}

// Who may use the routes of a booking.
var (
	everybody = access{Everybody: true}
	riders    = access{Rider: true}
	parties   = access{Rider: true, Dispatch: true, Ops: true}
	cancelers = access{Rider: true, Dispatch: true}
	dispatch  = access{Dispatch: true}
	ops       = access{Ops: true}
)

// routes is the table of all routes. The matrix of roles is tested from it.
func (a *API) routes() []route {
	return []route{
		{http.MethodPost, "/v1/quotes", riders, a.quote},
		{http.MethodPost, "/v1/bookings", riders, a.createBooking},
		{http.MethodGet, "/v1/bookings", riders, a.listBookings},
		{http.MethodGet, "/v1/bookings/{id}", parties, a.readBooking},
		{http.MethodGet, "/v1/bookings/{id}/events", parties, a.readHistory},
		{http.MethodGet, "/v1/dispatch/bookings", dispatch, a.listWaiting},

		{http.MethodPost, "/v1/bookings/{id}/cancel", cancelers, a.command(http.StatusOK, fields(cancelBody.command))},
		{http.MethodPost, "/v1/bookings/{id}/assign", dispatch, a.command(http.StatusOK, fields(assignBody.command))},
		{http.MethodPost, "/v1/bookings/{id}/unassign", dispatch, a.command(http.StatusOK, plain(func(m moment) booking.Command { return booking.Unassign{At: m.at} }))},
		{http.MethodPost, "/v1/bookings/{id}/arrive", dispatch, a.command(http.StatusOK, plain(func(m moment) booking.Command { return booking.Arrive{At: m.at} }))},
		{http.MethodPost, "/v1/bookings/{id}/start", dispatch, a.command(http.StatusOK, plain(func(m moment) booking.Command { return booking.Start{At: m.at} }))},
		{http.MethodPost, "/v1/bookings/{id}/complete", dispatch, a.command(http.StatusOK, fields(completeBody.command))},
		{http.MethodPost, "/v1/bookings/{id}/no-show", dispatch, a.command(http.StatusOK, plain(func(m moment) booking.Command { return booking.NoShow{At: m.at} }))},
		{http.MethodPost, "/v1/bookings/{id}/refund", ops, a.command(http.StatusAccepted, fields(refundBody.command))},
		{http.MethodPost, "/v1/bookings/{id}/abort", ops, a.command(http.StatusAccepted, fields(abortBody.command))},
		{http.MethodPost, "/v1/bookings/{id}/retry-payment", ops, a.command(http.StatusAccepted, plain(func(m moment) booking.Command { return booking.RetryPayment{At: m.at} }))},

		{http.MethodPost, "/v1/webhooks/stripe", everybody, a.notice},
		{http.MethodGet, "/health", everybody, a.health},
		{http.MethodGet, "/openapi.json", everybody, a.openAPI()},
	}
}
