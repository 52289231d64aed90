package httpapi

import (
	"net/http"
	"regexp"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
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
	f := &findings{}
	c := booking.Request{
		Trip: booking.Trip{
			Pickup:        b.Pickup.place(f, "/pickup"),
			Dropoff:       b.Dropoff.place(f, "/dropoff"),
			PaymentMethod: need(f, "/payment_method", b.PaymentMethod),
		},
		Product: need(f, "/product", b.Product),
	}
	c.ExpectedFare = b.ExpectedFare.optional(f, "/expected_fare")
	return c, f.err()
}

func (p *placeRequest) place(f *findings, pointer string) booking.Place {
	if p == nil {
		return need[booking.Place](f, pointer, nil)
	}
	return booking.Place{Lat: need(f, pointer+"/lat", p.Lat), Lng: need(f, pointer+"/lng", p.Lng), Label: p.Label}
}

// maxAmount is the largest integer that every JSON reader keeps exactly.
const maxAmount = 1<<53 - 1

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// optional returns the amount, or nil where there is none.
func (m *moneyRequest) optional(f *findings, pointer string) *booking.Money {
	if m == nil {
		return nil
	}
	money := m.money(f, pointer)
	return &money
}

func (m moneyRequest) money(f *findings, pointer string) booking.Money {
	money := booking.Money{
		Amount:   need(f, pointer+"/amount", m.Amount),
		Currency: need(f, pointer+"/currency", m.Currency),
	}
	if money.Amount > maxAmount {
		f.add(pointer+"/amount", "is out of range")
	}
	if m.Currency != nil && !currencyCode.MatchString(money.Currency) {
		f.add(pointer+"/currency", "must be an ISO 4217 code, such as EUR")
	}
	return money
}

func (a *API) createBooking(w http.ResponseWriter, r *http.Request) error {
	if _, err := knownParams(r); err != nil {
		return err
	}
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
	command.At, command.RiderID, command.Tariff = now, req.Caller.RiderID(), a.Tariff
	id := booking.IDFor(req.Caller.Caller, key)
	telemetry.Correlate(r.Context(), telemetry.Origin{BookingID: string(id)})
	out, err := a.Bookings.Create(r.Context(), id, command, booking.Envelope{
		CommandID: booking.CreateCommandID, Request: canonical, Actor: actorOf(booking.ActorRider, req.Caller), At: now, Trace: req.Trace,
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
