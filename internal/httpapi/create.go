package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// bookingRequest is the BookingRequest of openapi.yaml. Pointers tell a missing
// field from a zero one.
type bookingRequest struct {
	Pickup        *placeRequest `json:"pickup"`
	Dropoff       *placeRequest `json:"dropoff"`
	Product       *string       `json:"product"`
	PaymentMethod *string       `json:"payment_method"`
	ExpectedFare  *moneyRequest `json:"expected_fare"`
}

type placeRequest struct {
	Lat   *float64 `json:"lat"`
	Lng   *float64 `json:"lng"`
	Label string   `json:"label"`
}

type moneyRequest struct {
	Amount   *int64  `json:"amount"`
	Currency *string `json:"currency"`
}

func (b bookingRequest) command() (booking.Request, error) {
	in := &presence{}
	c := booking.Request{
		Trip: booking.Trip{
			Pickup:        b.Pickup.place(in, "/pickup"),
			Dropoff:       b.Dropoff.place(in, "/dropoff"),
			PaymentMethod: need(in, "/payment_method", b.PaymentMethod),
		},
		Product: need(in, "/product", b.Product),
	}
	if m := b.ExpectedFare; m != nil {
		c.ExpectedFare = &booking.Money{
			Amount:   need(in, "/expected_fare/amount", m.Amount),
			Currency: need(in, "/expected_fare/currency", m.Currency),
		}
	}
	return c, in.err()
}

func (p *placeRequest) place(in *presence, pointer string) booking.Place {
	if p == nil {
		return need[booking.Place](in, pointer, nil)
	}
	return booking.Place{Lat: need(in, pointer+"/lat", p.Lat), Lng: need(in, pointer+"/lng", p.Lng), Label: p.Label}
}

func (a *API) createBooking(w http.ResponseWriter, r *http.Request) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	var body bookingRequest
	canonical, err := readBody(r, &body)
	if err != nil {
		return err
	}
	command, err := body.command()
	if err != nil {
		return err
	}
	req, now := requestOf(r.Context()), a.now()
	command.At, command.RiderID, command.Tariff = now, req.Caller.Subject, a.Tariff
	out, err := a.Bookings.Create(r.Context(), booking.IDFor(req.Caller.Caller, key), command, booking.Envelope{
		CommandID: booking.CommandIDFor(req.Caller.Caller, r.Method+" "+r.URL.Path, key),
		Request:   canonical, Actor: "rider/" + req.Caller.Subject, At: now, Trace: req.Trace,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/bookings/"+string(out.State.ID))
	return writeOutcome(w, http.StatusCreated, out)
}

// now is the instant that a command is decided at, as precisely as it is stored.
func (a *API) now() time.Time { return a.Now().UTC().Truncate(time.Millisecond) }

// writeOutcome answers a write with the booking as the command left it.
func writeOutcome(w http.ResponseWriter, status int, out booking.Outcome) error {
	if out.Replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	return writeView(w, status, readmodel.ViewOf(out.State))
}

func writeView(w http.ResponseWriter, status int, v readmodel.View) error {
	body, err := v.Encode()
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(v.Version))
	write(w, status, "application/json", body)
	return nil
}

func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }
